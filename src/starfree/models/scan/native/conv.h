// Causal depthwise convolution over time, then SiLU. Tap K-1 meets the present.
#pragma once
#include "vector.h"

namespace starfree {

// One piece of a sequence. `before`: the K-1 rows ahead of x, oldest first; null: they are zero.
template <class T> struct Conv {
    int length, width, taps;
    const T *x; ptrdiff_t x_ld;
    const T *before; ptrdiff_t before_ld;
    const T *weight;  // [taps][width]
    const T *bias;    // [width]
    const T *row(int t) const {
        if (t >= 0) return x + t * x_ld;
        return before ? before + (taps - 1 + t) * before_ld : nullptr;
    }
    INLINE Vec<T> at(int t, int e) const {
        Vec<T> sum = load(bias + e);
        if (taps == 4 && t >= 3) {
            const T *r = x + t * x_ld + e, *w = weight + e;
            sum = fma(load(w), load(r - 3 * x_ld), sum);
            sum = fma(load(w + width), load(r - 2 * x_ld), sum);
            sum = fma(load(w + 2 * width), load(r - x_ld), sum);
            return fma(load(w + 3 * width), load(r), sum);
        }
        for (int k = 0; k < taps; k++)
            if (const T *r = row(t - taps + 1 + k))
                sum = fma(load(weight + k * width + e), load(r + e), sum);
        return sum;
    }
};

// K neighbouring vectors of channels of one step.
template <class T, int K>
INLINE void conv_step(const Conv<T> &c, int t, int e, T *out) {
    Vec<T> v[K], open[K];
#pragma GCC unroll 8
    for (int i = 0; i < K; i++) v[i] = c.at(t, e + i * W<T>);
    sigmoid<K>(v, open);
#pragma GCC unroll 8
    for (int i = 0; i < K; i++) store(out + i * W<T>, v[i] * open[i]);
}
template <class T> void conv_forward(const Conv<T> &c, T *out, ptrdiff_t out_ld) {
    for (int t = 0; t < c.length; t++) {
        int e = 0;
        for (; e + 4 * W<T> <= c.width; e += 4 * W<T>) conv_step<T, 4>(c, t, e, out + t * out_ld + e);
        for (; e < c.width; e += W<T>) conv_step<T, 1>(c, t, e, out + t * out_ld + e);
    }
}

// One vector of channels: gradients before the SiLU, of the weights and the bias. TAPS = 0: any.
template <class T, int TAPS>
INLINE void conv_steps_backward(const Conv<T> &c, int e, const T *dout, ptrdiff_t dout_ld, T *dpre,
                                T *dweight, T *dbias) {
    typedef Vec<T> V;
    V db = load(dbias + e), dw[TAPS + 1] = {}, x[TAPS + 1] = {};
    for (int k = 0; k < TAPS; k++) {
        dw[k] = load(dweight + k * c.width + e);
        if (const T *r = k ? c.row(k - TAPS) : nullptr) x[k] = load(r + e);
    }
    for (int t0 = 0; t0 < c.length; t0 += 4) {
        V v[4], open[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) v[i] = c.at(t0 + i < c.length ? t0 + i : c.length - 1, e);
        sigmoid<4>(v, open);
        for (int i = 0; i < 4 && t0 + i < c.length; i++) {
            int t = t0 + i;
            V d = load(dout + t * dout_ld + e) * (open[i] + v[i] * open[i] * (1 - open[i]));
            store(dpre + t * c.width + e, d);
            db += d;
#pragma GCC unroll 8
            for (int k = 0; k < TAPS; k++) {
                x[k] = k + 1 < TAPS ? x[k + 1] : load(c.x + t * c.x_ld + e);
                dw[k] = fma(d, x[k], dw[k]);
            }
        }
    }
    store(dbias + e, db);
    for (int k = 0; k < TAPS; k++) store(dweight + k * c.width + e, dw[k]);
    for (int k = 0; k < (TAPS ? 0 : c.taps); k++) {
        V any = load(dweight + k * c.width + e);
        for (int t = 0; t < c.length; t++)
            if (const T *r = c.row(t - c.taps + 1 + k))
                any = fma(load(dpre + t * c.width + e), load(r + e), any);
        store(dweight + k * c.width + e, any);
    }
}

// dpre: room for length + taps - 1 rows of `width`; its last taps - 1 rows hold, on entry, the
// gradients before the SiLU of the steps that follow this piece (zero at a sequence's end); on
// return its first taps - 1 rows are what the piece before this one needs. dx is written
// (dx_before, if given, gets the gradient of the rows ahead), weight and bias gradients are added to.
template <class T>
void conv_backward(const Conv<T> &c, const T *dout, ptrdiff_t dout_ld, T *dpre, T *dx,
                   ptrdiff_t dx_ld, T *dx_before, ptrdiff_t before_ld, T *dweight, T *dbias) {
    typedef Vec<T> V;
    for (int e = 0; e < c.width; e += W<T>) {
        if (c.taps == 4) conv_steps_backward<T, 4>(c, e, dout, dout_ld, dpre, dweight, dbias);
        else conv_steps_backward<T, 0>(c, e, dout, dout_ld, dpre, dweight, dbias);
        int t = dx_before ? 1 - c.taps : 0;
        for (; t < c.length; t++) {
            V d{};
            const T *w = c.weight + e, *p = dpre + (ptrdiff_t)t * c.width + e;
            if (c.taps == 4 && t >= 0) {
                d = load(w) * load(p + 3 * c.width);
                d = fma(load(w + c.width), load(p + 2 * c.width), d);
                d = fma(load(w + 2 * c.width), load(p + c.width), d);
                d = fma(load(w + 3 * c.width), load(p), d);
            } else {
                for (int k = 0; k < c.taps; k++)
                    if (t + c.taps - 1 - k >= 0)
                        d = fma(load(w + k * c.width), load(p + (c.taps - 1 - k) * c.width), d);
            }
            store(t >= 0 ? dx + t * dx_ld + e : dx_before + (c.taps - 1 + t) * before_ld + e, d);
        }
    }
}

}  // namespace starfree
