// The selective scan h_t = exp(delta_t A) h_{t-1} + delta_t u_t B_t, y_t = C_t h_t + D u_t, gated by
// silu(z_t), and its backward; with signed gates 2 exp(delta_t A) - 1 in the place of the exponential. Vectors run over channels; states stay in registers for a chunk of
// CHUNK steps (LONG_CHUNK where none is kept); the backward recomputes a chunk from the state stored at its start.
#pragma once
#include "vector.h"

namespace starfree {

constexpr int CHUNK = 8, LONG_CHUNK = 32;

// Where channel e's state n lies in A, in the states and in their gradients: a vector of channels has
// its states side by side (rows of all channels would meet in the same few sets of the cache).
template <class T> INLINE ptrdiff_t state_at(int e, int n, int states) {
    return (ptrdiff_t)(e / W<T>) * W<T> * states + n * W<T> + e % W<T>;
}

// One sequence (or a piece of one). Rows are time steps; `width` is a multiple of W.
template <class T> struct Scan {
    int length, width, states;
    const T *delta; ptrdiff_t delta_ld;  // after softplus
    const T *u; ptrdiff_t u_ld;
    const T *B, *C; ptrdiff_t bc_ld;     // B[t * bc_ld + n]
    const T *z; ptrdiff_t z_ld;          // or null: no gate
    const T *A;                          // laid out by `state_at`, times log2(e)
    const T *D;                          // [width]
    // State at the start of chunk c: h + c * h_step (h_step = 0: one state, updated in place).
    // The state after the last step is written to chunk ceil(length / CHUNK).
    T *h; ptrdiff_t h_step;
    bool signed_gates;
};

template <bool bounded, bool flips, class V> INLINE V gate_of(V exponent) {
    V a = bounded ? exp2_bounded(exponent) : exp2_any(exponent);
    return flips ? a + a - 1 : a;
}

template <class T, int NB, bool bounded, bool flips>
INLINE void scan_steps(const Scan<T> &s, int e, int n0, int t0, int steps, const T *from, T *to,
                       Vec<T> *y) {
    typedef Vec<T> V;
    V h[NB];
#pragma GCC unroll 16
    for (int n = 0; n < NB; n++) h[n] = load(from + (ptrdiff_t)e * s.states + (n0 + n) * W<T>);
    const T *A = s.A + (ptrdiff_t)e * s.states + n0 * W<T>;
    for (int i = 0; i < steps; i++) {
        int t = t0 + i;
        const T *B = s.B + t * s.bc_ld + n0, *C = s.C + t * s.bc_ld + n0;
        V delta = load(s.delta + t * s.delta_ld + e), du = delta * load(s.u + t * s.u_ld + e);
        V sum = y[i];
#pragma GCC unroll 16
        for (int n = 0; n < NB; n++) {
            V a = gate_of<bounded, flips>(delta * load(A + n * W<T>));
            h[n] = fma(a, h[n], du * splat(B[n]));
            sum = fma(splat(C[n]), h[n], sum);
        }
        y[i] = sum;
    }
#pragma GCC unroll 16
    for (int n = 0; n < NB; n++) store(to + (ptrdiff_t)e * s.states + (n0 + n) * W<T>, h[n]);
}

// y: the gated output; `plain` (may be null): the output before the gate.
template <class T, bool bounded, bool flips>
void scan_forward_with(const Scan<T> &s, T *y, ptrdiff_t y_ld, T *plain, ptrdiff_t plain_ld) {
    typedef Vec<T> V;
    const int chunk = s.h_step ? CHUNK : LONG_CHUNK;
    for (int t0 = 0, c = 0; t0 < s.length; t0 += chunk, c++) {
        int steps = s.length - t0 < chunk ? s.length - t0 : chunk;
        const T *from = s.h + c * s.h_step;
        T *to = s.h + (c + 1) * s.h_step;
        for (int e = 0; e < s.width; e += W<T>) {
            V out[LONG_CHUNK];
            for (int i = 0; i < steps; i++)
                out[i] = load(s.D + e) * load(s.u + (t0 + i) * s.u_ld + e);
            int n = 0;
#if STARFREE_VECTOR_BYTES == 64
            for (; n + 16 <= s.states; n += 16)
                scan_steps<T, 16, bounded, flips>(s, e, n, t0, steps, from, to, out);
#endif
            for (; n + 8 <= s.states; n += 8)
                scan_steps<T, 8, bounded, flips>(s, e, n, t0, steps, from, to, out);
            for (; n < s.states; n++)
                scan_steps<T, 1, bounded, flips>(s, e, n, t0, steps, from, to, out);
            for (int i = 0; i < steps && plain; i++) store(plain + (t0 + i) * plain_ld + e, out[i]);
            for (int i = 0; i < steps && s.z; i += 4) {
                int most = steps - i - 1;
                V z[4], open[4];
                for (int j = 0; j < 4; j++) z[j] = load(s.z + (t0 + i + (j < most ? j : most)) * s.z_ld + e);
                sigmoid<4>(z, open);
                for (int j = 0; j < 4 && j <= most; j++) out[i + j] = out[i + j] * (z[j] * open[j]);
            }
            for (int i = 0; i < steps; i++) store(y + (t0 + i) * y_ld + e, out[i]);
        }
    }
}

template <class T, bool bounded>
void scan_forward(const Scan<T> &s, T *y, ptrdiff_t y_ld, T *plain, ptrdiff_t plain_ld) {
    if (s.signed_gates) scan_forward_with<T, bounded, true>(s, y, y_ld, plain, plain_ld);
    else scan_forward_with<T, bounded, false>(s, y, y_ld, plain, plain_ld);
}

// Where the gradients go. All [width] and state-shaped ones are added to.
template <class T> struct ScanGradient {
    const T *dy; ptrdiff_t dy_ld;        // of the gated output
    const T *plain; ptrdiff_t plain_ld;  // output before the gate, from the forward (if z)
    const T *gate; ptrdiff_t gate_ld;    // d delta / d raw delta (the softplus' slope), or null
    T *du; ptrdiff_t du_ld;
    T *ddelta; ptrdiff_t ddelta_ld;      // of the raw delta where `gate` is given
    T *dz; ptrdiff_t dz_ld;              // if z
    T *y; ptrdiff_t y_ld;                // the gated output again, or null
    T *dB, *dC; ptrdiff_t dbc_ld;        // written, summed over the channels
    T *dA, *dD, *dbias;                  // of A (not times log2 e), D and the bias of delta
    T *dh;                               // in: of the final state; out: of the initial state
    T *scratch;                          // scan_scratch(width) elements
};
template <class T> size_t scan_scratch(int width) { return (size_t)3 * CHUNK * width; }

// One chunk, NB states, one vector of channels. products[t] = NB of dB, then NB of dC.
template <class T, int NB, bool bounded, bool flips>
INLINE void scan_chunk_backward(const Scan<T> &s, const ScanGradient<T> &g, int e, int n0, int t0,
                                int steps, const T *start, const T *dy, T *s1, T *s2,
                                Vec<T> (*products)[2 * NB]) {
    typedef Vec<T> V;
    V a[CHUNK][NB], h[CHUNK + 1][NB];
    const T *A = s.A + (ptrdiff_t)e * s.states + n0 * W<T>;
    {
        V state[NB];
#pragma GCC unroll 8
        for (int n = 0; n < NB; n++) h[0][n] = state[n] = load(start + (ptrdiff_t)e * s.states + (n0 + n) * W<T>);
        for (int i = 0; i < steps; i++) {
            int t = t0 + i;
            const T *B = s.B + t * s.bc_ld + n0;
            V delta = load(s.delta + t * s.delta_ld + e), du = delta * load(s.u + t * s.u_ld + e);
#pragma GCC unroll 8
            for (int n = 0; n < NB; n++) {
                V gate = gate_of<bounded, flips>(delta * load(A + n * W<T>));
                a[i][n] = gate;
                h[i + 1][n] = state[n] = fma(gate, state[n], du * splat(B[n]));
            }
        }
    }
    V dh[NB], dA[NB];
#pragma GCC unroll 8
    for (int n = 0; n < NB; n++) {
        dh[n] = load(g.dh + (ptrdiff_t)e * s.states + (n0 + n) * W<T>);
        dA[n] = load(g.dA + (ptrdiff_t)e * s.states + (n0 + n) * W<T>);
    }
    for (int i = steps - 1; i >= 0; i--) {
        int t = t0 + i;
        const T *B = s.B + t * s.bc_ld + n0, *C = s.C + t * s.bc_ld + n0;
        V delta = load(s.delta + t * s.delta_ld + e), du = delta * load(s.u + t * s.u_ld + e);
        V d = load(dy + e * CHUNK + i * W<T>);
        V into_u = load(s1 + e * CHUNK + i * W<T>), into_delta = load(s2 + e * CHUNK + i * W<T>);
        V *p = products[i];
#pragma GCC unroll 8
        for (int n = 0; n < NB; n++) {
            V w = fma(d, splat(C[n]), dh[n]);
            p[NB + n] = fma(d, h[i + 1][n], p[NB + n]);
            p[n] = fma(w, du, p[n]);
            into_u = fma(w, splat(B[n]), into_u);
            dh[n] = w * a[i][n];
            w = (flips ? w + dh[n] : dh[n]) * h[i][n];  // d gate / d exponent is gate + 1, or gate
            into_delta = fma(w, load(A + n * W<T>), into_delta);
            dA[n] = fma(w, delta, dA[n]);
        }
        store(s1 + e * CHUNK + i * W<T>, into_u);
        store(s2 + e * CHUNK + i * W<T>, into_delta);
    }
#pragma GCC unroll 8
    for (int n = 0; n < NB; n++) {
        store(g.dh + (ptrdiff_t)e * s.states + (n0 + n) * W<T>, dh[n]);
        store(g.dA + (ptrdiff_t)e * s.states + (n0 + n) * W<T>, dA[n]);
    }
}

template <class T, int NB, bool bounded, bool flips>
void scan_states_backward(const Scan<T> &s, const ScanGradient<T> &g, int n0, int t0, int steps,
                          const T *start, const T *dy, T *s1, T *s2) {
    Vec<T> products[CHUNK][2 * NB];
    for (int i = 0; i < steps; i++)
        for (int n = 0; n < 2 * NB; n++) products[i][n] = Vec<T>{};
    for (int e = 0; e < s.width; e += W<T>)
        scan_chunk_backward<T, NB, bounded, flips>(s, g, e, n0, t0, steps, start, dy, s1, s2, products);
    for (int i = 0; i < steps; i++) {
        alignas(64) T sums[2 * NB < W<T> ? W<T> : 2 * NB];
        lane_sums<T, 2 * NB>(products[i], sums);
        for (int n = 0; n < NB; n++) {
            g.dB[(t0 + i) * g.dbc_ld + n0 + n] = sums[n];
            g.dC[(t0 + i) * g.dbc_ld + n0 + n] = sums[NB + n];
        }
    }
}

// Through the gate of step t0 + i, K vectors of channels from e on: dz, and into dy the gradient before
// the gate; s1 and s2 are cleared.
template <class T, int K>
INLINE void gate_backward(const Scan<T> &s, const ScanGradient<T> &g, int t0, int i, int e, T *dy, T *s1, T *s2) {
    Vec<T> z[K], open[K];
    int t = t0 + i;
    if (s.z) {
        for (int k = 0; k < K; k++) z[k] = load(s.z + t * s.z_ld + e + k * W<T>);
        sigmoid<K>(z, open);
    }
#pragma GCC unroll 8
    for (int k = 0; k < K; k++, e += W<T>) {
        Vec<T> d = load(g.dy + t * g.dy_ld + e);
        if (s.z) {
            Vec<T> plain = load(g.plain + t * g.plain_ld + e), silu = z[k] * open[k];
            store(g.dz + t * g.dz_ld + e, d * plain * (open[k] + silu * (1 - open[k])));
            if (g.y) store(g.y + t * g.y_ld + e, plain * silu);
            d = d * silu;
        }
        store(dy + e * CHUNK + i * W<T>, d);
        store(s1 + e * CHUNK + i * W<T>, Vec<T>{});
        store(s2 + e * CHUNK + i * W<T>, Vec<T>{});
    }
}

template <class T, bool bounded, bool flips>
void scan_backward_with(const Scan<T> &s, const ScanGradient<T> &g) {
    typedef Vec<T> V;
    T *dy = g.scratch, *s1 = dy + CHUNK * s.width, *s2 = s1 + CHUNK * s.width;
    for (int c = (s.length - 1) / CHUNK; c >= 0; c--) {
        int t0 = c * CHUNK, steps = s.length - t0 < CHUNK ? s.length - t0 : CHUNK;
        for (int i = 0; i < steps; i++) {
            int e = 0;
            for (; e + 4 * W<T> <= s.width; e += 4 * W<T>) gate_backward<T, 4>(s, g, t0, i, e, dy, s1, s2);
            for (; e < s.width; e += W<T>) gate_backward<T, 1>(s, g, t0, i, e, dy, s1, s2);
        }
        const T *start = s.h + c * s.h_step;
        int n = 0;
        for (; n + 8 <= s.states; n += 8)
            scan_states_backward<T, 8, bounded, flips>(s, g, n, t0, steps, start, dy, s1, s2);
        for (; n < s.states; n++)
            scan_states_backward<T, 1, bounded, flips>(s, g, n, t0, steps, start, dy, s1, s2);
        for (int e = 0; e < s.width; e += W<T>) {
            V D = load(s.D + e), dD = load(g.dD + e), dbias = load(g.dbias + e);
            for (int i = 0; i < steps; i++) {
                int t = t0 + i;
                V u = load(s.u + t * s.u_ld + e), d = load(dy + e * CHUNK + i * W<T>);
                V into_u = load(s1 + e * CHUNK + i * W<T>);
                // s2 was summed with A log2(e)
                V into_delta = fma(into_u, u, load(s2 + e * CHUNK + i * W<T>) * T(LN2));
                if (g.gate) into_delta = into_delta * load(g.gate + t * g.gate_ld + e);
                store(g.du + t * g.du_ld + e,
                      fma(into_u, load(s.delta + t * s.delta_ld + e), D * d));
                store(g.ddelta + t * g.ddelta_ld + e, into_delta);
                dD = fma(d, u, dD);
                dbias += into_delta;
            }
            store(g.dD + e, dD);
            store(g.dbias + e, dbias);
        }
    }
}

template <class T, bool bounded> void scan_backward(const Scan<T> &s, const ScanGradient<T> &g) {
    if (s.signed_gates) scan_backward_with<T, bounded, true>(s, g);
    else scan_backward_with<T, bounded, false>(s, g);
}

}  // namespace starfree
