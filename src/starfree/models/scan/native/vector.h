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
#include <iterator>
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

// [sum of the even and odd neighbours of a, then of b].
template <class V, class T> INLINE V pair_sums(V a, V b) {
    constexpr int w = sizeof(V) / sizeof(T);
#ifdef __clang__
    if constexpr (w == 16)
        return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
               __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    else if constexpr (w == 8)
        return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
               __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
    else if constexpr (w == 4)
        return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
    else
        return __builtin_shufflevector(a, b, 0, 2) + __builtin_shufflevector(a, b, 1, 3);
#else
    typename Of<T>::bits even{}, odd{};
#pragma GCC unroll 16
    for (int i = 0; i < w; i++) even[i] = 2 * i, odd[i] = 2 * i + 1;
    return __builtin_shuffle(a, b, even) + __builtin_shuffle(a, b, odd);
#endif
}
// out[i] = sum of the lanes of v[i].
template <class T, int COUNT> INLINE void lane_sums(const Vec<T> *v, T *out) {
    if constexpr (COUNT % W<T> == 0) {
#pragma GCC unroll 16
        for (int g = 0; g < COUNT; g += W<T>) {
            Vec<T> a[W<T>];
#pragma GCC unroll 16
            for (int i = 0; i < W<T>; i++) a[i] = v[g + i];
#pragma GCC unroll 4
            for (int left = W<T> / 2; left > 0; left /= 2)
#pragma GCC unroll 16
                for (int i = 0; i < left; i++)
                    a[i] = pair_sums<Vec<T>, T>(a[2 * i], a[2 * i + 1]);
            store(out + g, a[0]);
        }
    } else {
        for (int i = 0; i < COUNT; i++) out[i] = sum<T>(v[i]);
    }
}

// Powers of two by a table of 2**(j/STEPS), from which each lane takes its entry in one instruction.
// An entry is the bits of its power less j in the place of the exponent's last bits, so that adding
// k = STEPS n + j there makes 2**(k/STEPS). TO_STEPS: adding it to a float leaves k in its last bits.
// The polynomials 1 + r (c0 + r c1 ..) are minimax over half a step, of 2**r and of e**r (c0 = 1).
#if STARFREE_VECTOR_BYTES == 64
#define STARFREE_POWER_TABLE 32
alignas(64) inline const uint32_t POWERS[32] = {
    0x3f800000, 0x3f7ecd87, 0x3f7daac3, 0x3f7c980f, 0x3f7b95c2, 0x3f7aa43a, 0x3f79c3d3, 0x3f78f4f0,
    0x3f7837f0, 0x3f778d3a, 0x3f76f532, 0x3f767043, 0x3f75fed7, 0x3f75a15b, 0x3f75583f, 0x3f7523f6,
    0x3f7504f3, 0x3f74fbaf, 0x3f7508a4, 0x3f752c4d, 0x3f75672a, 0x3f75b9be, 0x3f76248c, 0x3f76a81e,
    0x3f7744fd, 0x3f77fbb8, 0x3f78ccdf, 0x3f79b907, 0x3f7ac0c7, 0x3f7be4ba, 0x3f7d257d, 0x3f7e83b3};
constexpr float TO_STEPS = 393216.0f;  // 1.5 * 2**18
constexpr float POWER_OF_TWO[] = {0.6931573302f, 0.2402265078f};
constexpr float POWER_OF_E[] = {0.5000040489f, 0.1666651862f};
INLINE f32v power_of_step(f32v k) {
    __m512i low = _mm512_load_si512(POWERS), high = _mm512_load_si512(POWERS + 16);
    return (f32v)((u32v)_mm512_permutex2var_epi32(low, (__m512i)k, high) + ((u32v)k << 18));
}
INLINE f32v beyond_step(f32v t, f32v) { return (f32v)_mm512_reduce_ps((__m512)t, 5 << 4); }
#elif STARFREE_VECTOR_BYTES == 32
#define STARFREE_POWER_TABLE 8
alignas(32) inline const uint32_t POWERS[8] = {0x3f800000, 0x3f7b95c2, 0x3f7837f0, 0x3f75fed7,
                                               0x3f7504f3, 0x3f75672a, 0x3f7744fd, 0x3f7ac0c7};
constexpr float TO_STEPS = 1572864.0f;  // 1.5 * 2**20
constexpr float POWER_OF_TWO[] = {0.6931472421f, 0.2402576357f, 0.0554962233f};
constexpr float POWER_OF_E[] = {0.5000647792f, 0.1666429843f};
INLINE f32v power_of_step(f32v k) {
    __m256i entries = _mm256_load_si256((const __m256i *)POWERS);
    return (f32v)((u32v)_mm256_permutevar8x32_epi32(entries, (__m256i)k) + ((u32v)k << 20));
}
INLINE f32v beyond_step(f32v t, f32v k) { return t - (k - splat(TO_STEPS)); }
#endif

// 2**t for t <= 127 (float) or 1023 (double).
// t = n + r, n a whole number (or a step of the table): a polynomial in r that is exactly 1 at 0,
// its exponent raised by n. Below -127 (-1023) the argument is clamped to that value, where r = 0
// and the exponent field becomes 0: the result is exactly +0, also at -infinity. The clamp is one
// unsigned minimum, because negative floats order by magnitude as unsigned integers and all positive
// ones are smaller. Relative error <= 1.7e-7 (float), 4e-16 (double, degree 11).
INLINE f32v exp2_bounded(f32v t) {
    t = (f32v)smaller((u32v)t, (u32v)splat(-127.0f));
#ifdef STARFREE_POWER_TABLE
    f32v k = t + splat(TO_STEPS);
    f32v r = beyond_step(t, k);
    f32v power = power_of_step(k);
    f32v p = splat(POWER_OF_TWO[std::size(POWER_OF_TWO) - 1]);
    for (int i = std::size(POWER_OF_TWO) - 2; i >= 0; i--) p = fma(p, r, splat(POWER_OF_TWO[i]));
    return fma(power, p * r, power);
#else
    const f32v shift = splat(12582912.0f);
    f32v m = t + shift;
    f32v r = t - (m - shift);
    f32v p = splat(0.00015353361886421288f);  // minimax of degree 6
    p = fma(p, r, splat(0.0013398874422411704f));
    p = fma(p, r, splat(0.009618437357829317f));
    p = fma(p, r, splat(0.055503324710996414f));
    p = fma(p, r, splat(0.2402264791362641f));
    p = fma(p, r, splat(0.693147202855082f));
    p = fma(p, r, splat(1.0f));
    return (f32v)((u32v)p + ((u32v)m << 23));
#endif
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
// 2**t for every t: infinity from 128 (1024) on.
INLINE f32v exp2_any(f32v t) {
    const f32v infinite = splat(__builtin_inff());
    return t >= 128.0f ? infinite : exp2_bounded(t);
}
INLINE f64v exp2_any(f64v t) {
    const f64v infinite = splat(__builtin_inf());
    return t >= 1024.0 ? infinite : exp2_bounded(t);
}

constexpr double LOG2E = 1.4426950408889634, LN2 = 0.6931471805599453;

// The functions below work on K vectors in step: one vector's chain of dependent instructions is longer
// than the processor looks ahead, several chains side by side keep it busy.
#define EACH _Pragma("GCC unroll 8") for (int i = 0; i < K; i++)

// e**x for x <= 0, by exact range reduction (x - n ln 2 in two parts); exactly +0 below -88.03.
template <int K> INLINE void exp_negative(f32v *x) {
#ifdef STARFREE_POWER_TABLE
    f32v k[K], r[K], power[K], p[K];
    // -127 ln 2, where the power is exactly +0
    EACH x[i] = (f32v)smaller((u32v)x[i], (u32v)splat(-88.02969f));
    EACH k[i] = fma(x[i], splat((float)LOG2E), splat(TO_STEPS));
    EACH r[i] = k[i] - splat(TO_STEPS);
    EACH x[i] = fma(r[i], splat(-0.693145751953125f), x[i]);
    EACH r[i] = fma(r[i], splat(-1.42860682030941723212e-6f), x[i]);
    EACH power[i] = power_of_step(k[i]);
    EACH p[i] = fma(r[i], splat(POWER_OF_E[1]), splat(POWER_OF_E[0]));
    EACH p[i] = fma(p[i], r[i] * r[i], r[i]);
    EACH x[i] = fma(power[i], p[i], power[i]);
#else
    const f32v shift = splat(12582912.0f);
    EACH {
        f32v v = x[i] < -88.0f ? splat(-88.0f) : x[i];
        f32v m = fma(v, splat((float)LOG2E), shift);
        f32v n = m - shift;
        f32v r = fma(n, splat(-0.693145751953125f), v);
        r = fma(n, splat(-1.42860682030941723212e-6f), r);
        f32v p = splat(0.0013814601953656286f);
        p = fma(p, r, splat(0.0083687152082334f));
        p = fma(p, r, splat(0.04166838788601151f));
        p = fma(p, r, splat(0.16666520645460703f));
        p = fma(p, r, splat(0.4999999344871029f));
        p = fma(p, r, splat(1.0f));
        p = fma(p, r, splat(1.0f));
        x[i] = (f32v)(((u32v)p + ((u32v)m << 23)) & ~(u32v)(x[i] < -88.0f));
    }
#endif
}
INLINE f64v exp_negative_one(f64v x) {
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


template <int K> INLINE void exp_negative(f64v *x) { EACH x[i] = exp_negative_one(x[i]); }

// 1 / (1 + e**-x) without overflow: exactly 1 and exactly 0 far out, so that
// silu(128) = 128 and silu(-128) = -0.
template <int K, class V> INLINE void sigmoid(const V *x, V *out) {
    V e[K], d[K];
    EACH e[i] = x[i] < 0 ? x[i] : -x[i];
    exp_negative<K>(e);
    EACH d[i] = inverse(1 + e[i]);
    EACH out[i] = x[i] < 0 ? e[i] * d[i] : d[i];
}
template <class V> INLINE V sigmoid(V x) {
    V out;
    sigmoid<1>(&x, &out);
    return out;
}

// log(1 + y) = 2 artanh(y / (2 + y)) keeps the relative precision for the smallest y.
template <int K> INLINE void log1p_unit(f32v *y) {
    f32v s[K], q[K], p[K];
    EACH s[i] = y[i] * inverse(2.0f + y[i]);
    EACH q[i] = s[i] * s[i];
    EACH p[i] = fma(splat(0.12144778747157f), q[i], splat(0.1071537045321713f));
    EACH p[i] = fma(p[i], q[i], splat(0.14308298362706207f));
    EACH p[i] = fma(p[i], q[i], splat(0.1999944417773516f));
    EACH p[i] = fma(p[i], q[i], splat(0.3333333775017883f));
    EACH y[i] = fma(p[i], q[i], splat(1.0f)) * (s[i] + s[i]);
}
template <int K> INLINE void log1p_unit(f64v *y) {
    EACH {
        f64v s = y[i] / (2.0 + y[i]), q = s * s, p = splat(1.0 / 35);
        for (int k = 33; k >= 1; k -= 2) p = fma(p, q, splat(1.0 / k));
        y[i] = p * (s + s);
    }
}
// log(1 + e**x), e**x below the rounding, x above 20 (PyTorch's threshold); in place. slope: its
// derivative, or null.
template <int K, class V> INLINE void softplus(V *x, V *slope) {
    V e[K], log[K], one = V{} + 1;
    EACH e[i] = x[i] < 0 ? x[i] : -x[i];
    exp_negative<K>(e);
    EACH log[i] = e[i];
    log1p_unit<K>(log);
    if (slope) {
        EACH slope[i] = inverse(1 + e[i]);
        EACH slope[i] = x[i] > 20 ? one : (x[i] < 0 ? e[i] * slope[i] : slope[i]);
    }
    EACH x[i] = x[i] > 20 ? x[i] : (x[i] > 0 ? x[i] : V{}) + log[i];
}
#undef EACH

}  // namespace starfree
