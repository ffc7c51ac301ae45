// Vectors of the widest native width, and the elementary functions of the kernels.
// Everything is written with the compiler's vector extensions; intrinsics appear only where the
// rounding (one fused multiply-add) or the speed of one instruction must not be left to chance.
// Compiled with -ffp-contract=off: a result never depends on what the optimiser chose to fuse, so
// full blocks, remainders, batches and time chunks give the same bits.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define STARFREE_VECTOR_BYTES 64
#elif defined(__AVX2__) && defined(__FMA__)
#define STARFREE_VECTOR_BYTES 32
#else
#define STARFREE_VECTOR_BYTES 16
#endif
#define INLINE inline __attribute__((always_inline))

namespace starfree {

typedef float f32v __attribute__((vector_size(STARFREE_VECTOR_BYTES), may_alias));
typedef double f64v __attribute__((vector_size(STARFREE_VECTOR_BYTES), may_alias));
typedef uint32_t u32v __attribute__((vector_size(STARFREE_VECTOR_BYTES), may_alias));
typedef uint64_t u64v __attribute__((vector_size(STARFREE_VECTOR_BYTES), may_alias));
typedef float f32u __attribute__((vector_size(STARFREE_VECTOR_BYTES), aligned(4), may_alias));
typedef double f64u __attribute__((vector_size(STARFREE_VECTOR_BYTES), aligned(8), may_alias));

template <class T> struct Of;
template <> struct Of<float> { typedef f32v vec; typedef f32u loose; typedef u32v bits; };
template <> struct Of<double> { typedef f64v vec; typedef f64u loose; typedef u64v bits; };
template <class T> using Vec = typename Of<T>::vec;
template <class T> constexpr int W = STARFREE_VECTOR_BYTES / sizeof(T);

template <class T> INLINE Vec<T> splat(T x) { return x - Vec<T>{}; }
template <class T> INLINE Vec<T> load(const T *p) {
    return *reinterpret_cast<const typename Of<T>::loose *>(p);
}
template <class T> INLINE void store(T *p, Vec<T> v) {
    *reinterpret_cast<typename Of<T>::loose *>(p) = v;
}
// The first `count` lanes; the others read as zero and are not written.
template <class T> INLINE Vec<T> load_part(const T *p, int count) {
    if (count >= W<T>) return load(p);
    Vec<T> v{};
    std::memcpy(&v, p, count * sizeof(T));
    return v;
}
template <class T> INLINE void store_part(T *p, Vec<T> v, int count) {
    if (count >= W<T>) return store(p, v);
    std::memcpy(p, &v, count * sizeof(T));
}

// a * b + c, rounded once where the machine can.
#if STARFREE_VECTOR_BYTES == 64
INLINE f32v fma(f32v a, f32v b, f32v c) {
    return (f32v)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
INLINE f64v fma(f64v a, f64v b, f64v c) {
    return (f64v)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
INLINE u32v smaller(u32v a, u32v b) { return (u32v)_mm512_min_epu32((__m512i)a, (__m512i)b); }
INLINE u64v smaller(u64v a, u64v b) { return (u64v)_mm512_min_epu64((__m512i)a, (__m512i)b); }
#else
#if STARFREE_VECTOR_BYTES == 32
INLINE f32v fma(f32v a, f32v b, f32v c) {
    return (f32v)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
INLINE f64v fma(f64v a, f64v b, f64v c) {
    return (f64v)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
#elif defined(__aarch64__)
INLINE f32v fma(f32v a, f32v b, f32v c) {
    return (f32v)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
INLINE f64v fma(f64v a, f64v b, f64v c) {
    return (f64v)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
#else
INLINE f32v fma(f32v a, f32v b, f32v c) { return a * b + c; }
INLINE f64v fma(f64v a, f64v b, f64v c) { return a * b + c; }
#endif
INLINE u32v smaller(u32v a, u32v b) { return a < b ? a : b; }
INLINE u64v smaller(u64v a, u64v b) { return a < b ? a : b; }
#endif

// 1 / a for a in [1, 4], within one unit in the last place; exactly 1 for 1. A division takes as long
// as ten products: where there is an estimate of 14 bits, one Newton step makes it whole.
INLINE f32v inverse(f32v a) {
#if STARFREE_VECTOR_BYTES == 64
    f32v y = (f32v)_mm512_rcp14_ps((__m512)a);
    return fma(y, fma(-a, y, splat(1.0f)), y);
#else
    return 1.0f / a;
#endif
}
INLINE f64v inverse(f64v a) { return 1.0 / a; }

// Sum of the lanes, always in the same order (a balanced tree).
template <class T> INLINE T sum(Vec<T> v) {
#if STARFREE_VECTOR_BYTES == 64
    if constexpr (sizeof(T) == 4) return _mm512_reduce_add_ps((__m512)v);
    else return _mm512_reduce_add_pd((__m512d)v);
#else
    T lane[W<T>];
    std::memcpy(lane, &v, sizeof v);
    for (int half = W<T> / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
#endif
}

// 2**t for t <= 127 (float) or 1023 (double).
// t = n + r with n = round(t): a polynomial in r with p(0) = 1 exactly, its exponent raised by n.
// Below -127 (-1023) the argument is clamped to that value, where r = 0, p = 1 and the exponent
// field becomes 0: the result is exactly +0, also at -infinity. The clamp is one unsigned minimum,
// because negative floats order by magnitude as unsigned integers and all positive ones are smaller.
// Relative error <= 1e-7 (float, minimax of degree 6 is 2e-9), 4e-16 (double, degree 11).
INLINE f32v exp2_bounded(f32v t) {
    const f32v shift = splat(12582912.0f);
    t = (f32v)smaller((u32v)t, (u32v)splat(-127.0f));
    f32v m = t + shift;
    f32v r = t - (m - shift);
    f32v p = splat(0.00015353361886421288f);
    p = fma(p, r, splat(0.0013398874422411704f));
    p = fma(p, r, splat(0.009618437357829317f));
    p = fma(p, r, splat(0.055503324710996414f));
    p = fma(p, r, splat(0.2402264791362641f));
    p = fma(p, r, splat(0.693147202855082f));
    p = fma(p, r, splat(1.0f));
    return (f32v)((u32v)p + ((u32v)m << 23));
}
INLINE f64v exp2_bounded(f64v t) {
    const f64v shift = splat(6755399441055744.0);
    t = (f64v)smaller((u64v)t, (u64v)splat(-1023.0));
    f64v m = t + shift;
    f64v r = t - (m - shift);
    f64v p = splat(4.436793607101306e-10);
    p = fma(p, r, splat(7.0734559580016874e-09));
    p = fma(p, r, splat(1.0178204164081363e-07));
    p = fma(p, r, splat(1.3215437894677266e-06));
    p = fma(p, r, splat(1.5252733430656217e-05));
    p = fma(p, r, splat(0.00015403530449403555));
    p = fma(p, r, splat(0.0013333558146905462));
    p = fma(p, r, splat(0.009618129107604158));
    p = fma(p, r, splat(0.05550410866481909));
    p = fma(p, r, splat(0.24022650695910094));
    p = fma(p, r, splat(0.6931471805599454));
    p = fma(p, r, splat(1.0));
    return (f64v)((u64v)p + ((u64v)m << 52));
}
// 2**t for every t: infinity from 128 (1024) on, where r = 0, p = 1 and the exponent field is full.
INLINE f32v exp2_any(f32v t) { return exp2_bounded(t > 128.0f ? splat(128.0f) : t); }
INLINE f64v exp2_any(f64v t) { return exp2_bounded(t > 1024.0 ? splat(1024.0) : t); }

constexpr double LOG2E = 1.4426950408889634, LN2 = 0.6931471805599453;

// e**x for x <= 0, by exact range reduction (x - n ln 2 in two parts).
INLINE f32v exp_negative(f32v x) {
    const f32v shift = splat(12582912.0f);
    // 127 ln 2 = 88.03: below it the result is flushed to exactly +0.
    u32v below = (u32v)(x < -88.0f);
    x = x < -88.0f ? splat(-88.0f) : x;
    f32v m = fma(x, splat((float)LOG2E), shift);
    f32v n = m - shift;
    f32v r = fma(n, splat(-0.693145751953125f), x);
    r = fma(n, splat(-1.42860682030941723212e-6f), r);
    f32v p = splat(0.0013814601953656286f);
    p = fma(p, r, splat(0.0083687152082334f));
    p = fma(p, r, splat(0.04166838788601151f));
    p = fma(p, r, splat(0.16666520645460703f));
    p = fma(p, r, splat(0.4999999344871029f));
    p = fma(p, r, splat(1.0f));
    p = fma(p, r, splat(1.0f));
    return (f32v)(((u32v)p + ((u32v)m << 23)) & ~below);
}
INLINE f64v exp_negative(f64v x) {
    const f64v shift = splat(6755399441055744.0);
    u64v below = (u64v)(x < -708.0);
    x = x < -708.0 ? splat(-708.0) : x;
    f64v m = fma(x, splat(LOG2E), shift);
    f64v n = m - shift;
    f64v r = fma(n, splat(-6.93147180369123816490e-01), x);
    r = fma(n, splat(-1.90821492927058770002e-10), r);
    f64v t = r * LOG2E, p = splat(4.436793607101306e-10);
    p = fma(p, t, splat(7.0734559580016874e-09));
    p = fma(p, t, splat(1.0178204164081363e-07));
    p = fma(p, t, splat(1.3215437894677266e-06));
    p = fma(p, t, splat(1.5252733430656217e-05));
    p = fma(p, t, splat(0.00015403530449403555));
    p = fma(p, t, splat(0.0013333558146905462));
    p = fma(p, t, splat(0.009618129107604158));
    p = fma(p, t, splat(0.05550410866481909));
    p = fma(p, t, splat(0.24022650695910094));
    p = fma(p, t, splat(0.6931471805599454));
    p = fma(p, t, splat(1.0));
    return (f64v)(((u64v)p + ((u64v)m << 52)) & ~below);
}

// 1 / (1 + e**-x) without overflow: exactly 1 and exactly 0 far out, so that
// silu(128) = 128 and silu(-128) = -0.
template <class V> INLINE V sigmoid(V x) {
    V e = exp_negative(x < 0 ? x : -x);
    V d = inverse(1 + e);
    return x < 0 ? e * d : d;
}

// log(1 + e**x), e**x below the rounding, x above 20 (PyTorch's threshold); *gate = its derivative.
// log(1 + y) = 2 artanh(y / (2 + y)) keeps the relative precision for the smallest y.
INLINE f32v log1p_unit(f32v y) {
    f32v s = y * inverse(2.0f + y), q = s * s, p = splat(0.12144778747157f);
    p = fma(p, q, splat(0.1071537045321713f));
    p = fma(p, q, splat(0.14308298362706207f));
    p = fma(p, q, splat(0.1999944417773516f));
    p = fma(p, q, splat(0.3333333775017883f));
    return fma(p, q, splat(1.0f)) * (s + s);
}
INLINE f64v log1p_unit(f64v y) {
    f64v s = y / (2.0 + y), q = s * s, p = splat(1.0 / 35);
    for (int k = 33; k >= 1; k -= 2) p = fma(p, q, splat(1.0 / k));
    return p * (s + s);
}
template <class V> INLINE V softplus(V x, V *gate) {
    V e = exp_negative(x < 0 ? x : -x);
    V d = inverse(1 + e), one = V{} + 1;
    V linear = (x > 0 ? x : V{}) + log1p_unit(e);
    *gate = x > 20 ? one : (x < 0 ? e * d : d);
    return x > 20 ? x : linear;
}

}  // namespace starfree
