// The shape of a Mamba, its weights packed for the kernels, and its padded gradient sums.
#pragma once
#include "gemm.h"
#include "scan.h"

namespace starfree {

// `bare`: one mixer alone (in_proj .. out_proj), without norm, residual, embedding and head.
struct Shape {
    int32_t layers, d_model, d_inner, d_state, d_conv, dt_rank, vocabulary, outputs;
    int32_t layer_norm, bare, signed_gates;
    double eps;
};

// Widths padded to whole vectors, and strides that are not multiples of a cache way.
template <class T> struct Widths {
    int d, E, bc, x, R, O;
    int d_ld, E_ld, xz_ld, x_ld, O_ld;
    static int pad(int n) { return (n + W<T> - 1) / W<T> * W<T>; }
    static int stride(int n) { return n * (int)sizeof(T) % 512 == 0 ? n + W<T> : n; }
    explicit Widths(const Shape &s)
        : d(pad(s.d_model)), E(pad(s.d_inner)), bc(pad(2 * s.d_state)), x(pad(s.dt_rank + bc)), R(pad(s.dt_rank)),
          O(pad(s.outputs)), d_ld(stride(d)), E_ld(stride(E)), xz_ld(stride(2 * E)), x_ld(stride(x)),
          O_ld(stride(O)) {}
};

// Tokens whose in_proj rows are worth a table: all of them, unless the vocabulary is a language model's.
inline int table_tokens(const Shape &s) { return s.bare || s.vocabulary > 256 ? 0 : s.vocabulary; }

// dt has so few columns that they are computed as dot products (`narrow_product`), beside B and C.
template <class T> bool narrow(const Shape &s) { return 2 * s.dt_rank <= W<T>; }

// The order of the parameters at the C boundary; absent ones are null.
enum Parameter { NORM, NORM_BIAS, IN, CONV, CONV_BIAS, X, DT, DT_BIAS, A_LOG, SKIP, OUT, PER_LAYER };
enum Outer { EMBEDDING = -1, FINAL = 0, FINAL_BIAS, HEAD, HEAD_BIAS, AFTER };
inline int parameter(int layer, int which) { return 1 + layer * PER_LAYER + which; }
inline int outer(const Shape &s, int which) {
    return which == EMBEDDING ? 0 : 1 + s.layers * PER_LAYER + which;
}
inline int parameter_count(const Shape &s) { return 1 + s.layers * PER_LAYER + AFTER; }

template <class T> struct LayerWeights {
    T *norm, *norm_bias, *in, *in_back, *conv, *conv_bias, *x, *x_dt, *x_back, *dt, *dt_back, *dt_bias;
    T *A, *A2, *D, *out, *out_back;
};
template <class T> struct Weights {
    std::vector<LayerWeights<T>> layer;
    T *embedding, *norm, *norm_bias, *head, *head_back, *head_bias;
    // The first layer up to its in_proj, for each token instead of each position (`Model` fills it).
    T *token_normed, *token_mean, *token_scale, *token_xz;
};

// Padded gradient sums of one lane, laid out as the kernels add to them.
template <class T> struct LayerSums {
    T *norm, *norm_bias, *in, *conv, *conv_bias, *x, *dt, *dt_bias, *A, *D, *out;
};
template <class T> struct Sums {
    std::vector<LayerSums<T>> layer;
    T *embedding, *norm, *norm_bias, *head, *head_bias;
    T *token_xz;  // gradient of the first layer's in_proj output, by token
};

// Hands out pieces of a buffer; with a null buffer it only counts.
template <class T> struct Cutter {
    T *base;
    size_t used = 0;
    T *take(size_t n) {
        T *p = base ? base + used : nullptr;
        used += (n + 15) / 16 * 16;
        return p;
    }
};

template <class T> size_t cut_weights(const Shape &s, T *buffer, Weights<T> &w) {
    Widths<T> n(s);
    Cutter<T> cut{buffer};
    w.layer.resize(s.layers);
    for (auto &l : w.layer) {
        l.norm = cut.take(n.d), l.norm_bias = cut.take(n.d);
        l.in = cut.take((size_t)s.d_model * 2 * n.E), l.in_back = cut.take((size_t)2 * n.E * n.d);
        l.conv = cut.take((size_t)s.d_conv * n.E), l.conv_bias = cut.take(n.E);
        l.x = cut.take((size_t)n.E * n.x), l.x_dt = cut.take((size_t)n.E * (narrow<T>(s) ? s.dt_rank : 0));
        l.x_back = cut.take((size_t)(s.dt_rank + 2 * s.d_state) * n.E);
        l.dt = cut.take((size_t)s.dt_rank * n.E), l.dt_back = cut.take((size_t)n.E * (narrow<T>(s) ? 0 : n.R));
        l.dt_bias = cut.take(n.E);
        l.A = cut.take((size_t)s.d_state * n.E), l.A2 = cut.take((size_t)s.d_state * n.E);
        l.D = cut.take(n.E);
        l.out = cut.take((size_t)n.E * n.d), l.out_back = cut.take((size_t)s.d_model * n.E);
    }
    w.embedding = cut.take((size_t)s.vocabulary * n.d_ld);
    w.token_normed = cut.take((size_t)table_tokens(s) * n.d_ld);
    w.token_mean = cut.take(table_tokens(s)), w.token_scale = cut.take(table_tokens(s));
    w.token_xz = cut.take((size_t)table_tokens(s) * n.xz_ld);
    w.norm = cut.take(n.d), w.norm_bias = cut.take(n.d);
    w.head = cut.take((size_t)s.d_model * n.O), w.head_back = cut.take((size_t)s.outputs * n.d);
    w.head_bias = cut.take(n.O);
    return cut.used;
}

template <class T> size_t cut_sums(const Shape &s, T *buffer, Sums<T> &g) {
    Widths<T> n(s);
    Cutter<T> cut{buffer};
    g.layer.resize(s.layers);
    for (auto &l : g.layer) {
        l.norm = cut.take(n.d), l.norm_bias = cut.take(n.d);
        l.in = cut.take((size_t)2 * n.E * n.d);
        l.conv = cut.take((size_t)s.d_conv * n.E), l.conv_bias = cut.take(n.E);
        l.x = cut.take((size_t)(s.dt_rank + 2 * s.d_state) * n.E);
        l.dt = cut.take((size_t)s.dt_rank * n.E), l.dt_bias = cut.take(n.E);
        l.A = cut.take((size_t)s.d_state * n.E), l.D = cut.take(n.E);
        l.out = cut.take((size_t)s.d_model * n.E);
    }
    g.embedding = cut.take((size_t)s.vocabulary * n.d_ld);
    g.token_xz = cut.take((size_t)table_tokens(s) * n.xz_ld);
    g.norm = cut.take(n.d), g.norm_bias = cut.take(n.d);
    g.head = cut.take((size_t)s.outputs * n.d), g.head_bias = cut.take(n.O);
    return cut.used;
}

// Copies a [rows][columns] matrix (read with strides) into rows of `width`, padded with zeros.
template <class T>
void pad_rows(int rows, int columns, int width, const T *from, ptrdiff_t sr, ptrdiff_t sc, T *to) {
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < width; c++)
            to[(ptrdiff_t)r * width + c] = from && c < columns ? from[r * sr + c * sc] : T(0);
}

template <class T> void pack_layer(const Shape &s, const T *const *p, LayerWeights<T> &w) {
    Widths<T> n(s);
    int d = s.d_model, E = s.d_inner, N = s.d_state, R = s.dt_rank, X_ = R + 2 * N;
    if (!s.bare) {
        pad_rows(1, d, n.d, p[NORM], 0, 1, w.norm);
        pad_rows(1, d, n.d, p[NORM_BIAS], 0, 1, w.norm_bias);
    }
    // The two halves of in_proj, each padded to whole vectors.
    pack_panels(d, 2 * n.E, w.in, [=](int k, int c) {
        int half = c >= n.E, e = c - half * n.E;
        return e < E ? p[IN][(ptrdiff_t)(half * E + e) * d + k] : T(0);
    });
    pack_panels(2 * n.E, n.d, w.in_back, [=](int k, int c) {
        int half = k >= n.E, e = k - half * n.E;
        return e < E && c < d ? p[IN][(ptrdiff_t)(half * E + e) * d + c] : T(0);
    });
    pad_rows(s.d_conv, E, n.E, p[CONV], 1, s.d_conv, w.conv);
    pad_rows(1, E, n.E, p[CONV_BIAS], 0, 1, w.conv_bias);
    int first = narrow<T>(s) ? R : 0;  // column of x_proj's product
    pack_panels(n.E, first ? n.bc : n.x, w.x, [=](int k, int c) {
        return k < E && first + c < X_ ? p[X][(ptrdiff_t)(first + c) * E + k] : T(0);
    });
    pad_rows(first, E, n.E, p[X], E, 1, w.x_dt);
    pack_panels(X_, n.E, w.x_back,
                [=](int k, int c) { return c < E ? p[X][(ptrdiff_t)k * E + c] : T(0); });
    if (narrow<T>(s)) {  // the same rows both ways
        pad_rows(R, E, n.E, p[DT], 1, R, w.dt);
        w.dt_back = w.dt;
    } else {
        pack_panels(R, n.E, w.dt, [=](int k, int c) { return c < E ? p[DT][(ptrdiff_t)c * R + k] : T(0); });
        pack_panels(n.E, n.R, w.dt_back,
                    [=](int k, int c) { return k < E && c < R ? p[DT][(ptrdiff_t)k * R + c] : T(0); });
    }
    pad_rows(1, E, n.E, p[DT_BIAS], 0, 1, w.dt_bias);
    for (int i = 0; i < N; i++)
        for (int e = 0; e < n.E; e++) {
            T A = e < E ? -std::exp(p[A_LOG][e * N + i]) : T(0);
            w.A[state_at<T>(e, i, N)] = A;
            w.A2[state_at<T>(e, i, N)] = A * T(LOG2E);
        }
    pad_rows(1, E, n.E, p[SKIP], 0, 1, w.D);
    pack_panels(n.E, n.d, w.out,
                [=](int k, int c) { return k < E && c < d ? p[OUT][(ptrdiff_t)c * E + k] : T(0); });
    pack_panels(d, n.E, w.out_back,
                [=](int k, int c) { return c < E ? p[OUT][(ptrdiff_t)k * E + c] : T(0); });
}

template <class T> void pack_outer(const Shape &s, const T *const *p, Weights<T> &w) {
    if (s.bare) return;
    Widths<T> n(s);
    int d = s.d_model, O = s.outputs;
    pad_rows(s.vocabulary, d, n.d_ld, p[outer(s, EMBEDDING)], d, 1, w.embedding);
    pad_rows(1, d, n.d, p[outer(s, FINAL)], 0, 1, w.norm);
    pad_rows(1, d, n.d, p[outer(s, FINAL_BIAS)], 0, 1, w.norm_bias);
    const T *head = p[outer(s, HEAD)];
    pack_panels(d, n.O, w.head, [=](int k, int c) { return c < O ? head[(ptrdiff_t)c * d + k] : T(0); });
    pack_panels(O, n.d, w.head_back,
                [=](int k, int c) { return c < d ? head[(ptrdiff_t)k * d + c] : T(0); });
    pad_rows(1, O, n.O, p[outer(s, HEAD_BIAS)], 0, 1, w.head_bias);
}

// to[r * sr + c * sc] = sum over the lanes of a padded [rows][width] matrix, lane after lane.
template <class T>
void gather(int rows, int columns, int width, const T *from, size_t lane_size, int lanes, T *to,
            ptrdiff_t sr, ptrdiff_t sc) {
    if (!to) return;
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            const T *f = from + (ptrdiff_t)r * width + c;
            T sum = f[0];
            for (int lane = 1; lane < lanes; lane++) sum += f[lane * lane_size];
            to[r * sr + c * sc] = sum;
        }
}

template <class T>
void unpack_layer(const Shape &s, const LayerSums<T> &g, const LayerWeights<T> &w, size_t size,
                  int lanes, T *const *p) {
    Widths<T> n(s);
    int d = s.d_model, E = s.d_inner, N = s.d_state, R = s.dt_rank;
    if (!s.bare) {
        gather(1, d, n.d, g.norm, size, lanes, p[NORM], 0, 1);
        gather(1, d, n.d, g.norm_bias, size, lanes, p[NORM_BIAS], 0, 1);
    }
    gather(E, d, n.d, g.in, size, lanes, p[IN], d, 1);
    gather(E, d, n.d, g.in + (ptrdiff_t)n.E * n.d, size, lanes, p[IN] + (ptrdiff_t)E * d, d, 1);
    gather(s.d_conv, E, n.E, g.conv, size, lanes, p[CONV], 1, s.d_conv);
    gather(1, E, n.E, g.conv_bias, size, lanes, p[CONV_BIAS], 0, 1);
    gather(R + 2 * N, E, n.E, g.x, size, lanes, p[X], E, 1);
    gather(R, E, n.E, g.dt, size, lanes, p[DT], 1, R);
    gather(1, E, n.E, g.dt_bias, size, lanes, p[DT_BIAS], 0, 1);
    for (int e = 0; e < E && p[A_LOG]; e++)  // dA_log = A dA
        for (int i = 0; i < N; i++) {
            ptrdiff_t at = state_at<T>(e, i, N);
            T sum = g.A[at];
            for (int lane = 1; lane < lanes; lane++) sum += g.A[lane * size + at];
            p[A_LOG][e * N + i] = sum * w.A[at];
        }
    gather(1, E, n.E, g.D, size, lanes, p[SKIP], 0, 1);
    gather(d, E, n.E, g.out, size, lanes, p[OUT], E, 1);
}

template <class T>
void unpack_outer(const Shape &s, const Sums<T> &g, size_t size, int lanes, T *const *p) {
    if (s.bare) return;
    Widths<T> n(s);
    int d = s.d_model, O = s.outputs;
    gather(s.vocabulary, d, n.d_ld, g.embedding, size, lanes, p[outer(s, EMBEDDING)], d, 1);
    gather(1, d, n.d, g.norm, size, lanes, p[outer(s, FINAL)], 0, 1);
    gather(1, d, n.d, g.norm_bias, size, lanes, p[outer(s, FINAL_BIAS)], 0, 1);
    gather(O, d, n.d, g.head, size, lanes, p[outer(s, HEAD)], d, 1);
    gather(1, O, n.O, g.head_bias, size, lanes, p[outer(s, HEAD_BIAS)], 0, 1);
}

}  // namespace starfree
