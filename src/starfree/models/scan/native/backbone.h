// A Mamba on blocks of rows: every stage of a layer runs on a block while it is in the cache.
#pragma once
#include "conv.h"
#include "loss.h"
#include "plan.h"
#include "pool.h"
#include "scan.h"
#include "weights.h"

namespace starfree {

// What the forward of one layer leaves for the backward, a row per position.
template <class T> struct LayerRows {
    T *stream, *normed, *mean, *scale, *xz, *u, *delta, *slope, *plain, *x, *states;
};
template <class T> struct Rows {
    std::vector<LayerRows<T>> layer;
    T *stream, *normed, *mean, *scale, *logits;  // after the last layer
};

template <class T>
size_t cut_rows(const Shape &s, int64_t rows, int64_t states, T *buffer, Rows<T> &a, bool shared = false) {
    Widths<T> n(s);
    Cutter<T> cut{buffer};
    a.layer.resize(s.layers);
    for (size_t i = 0; i < a.layer.size(); i++) {
        auto &l = a.layer[i];
        if (shared && i > 0) {
            l = a.layer[0];
            continue;
        }
        l.stream = cut.take(rows * n.d_ld), l.normed = cut.take(rows * n.d_ld);
        l.mean = cut.take(rows), l.scale = cut.take(rows);
        l.xz = cut.take(rows * n.xz_ld), l.u = cut.take(rows * n.E_ld);
        l.delta = cut.take(rows * n.E_ld), l.slope = cut.take(rows * n.E_ld);
        l.plain = cut.take(rows * n.E_ld), l.x = cut.take(rows * n.x_ld);
        l.states = cut.take(states * s.d_state * n.E);
    }
    a.stream = shared ? a.layer[0].stream : cut.take(rows * n.d_ld);
    a.normed = cut.take(rows * n.d_ld);
    a.mean = cut.take(rows), a.scale = cut.take(rows);
    a.logits = cut.take(rows * n.O_ld);
    return cut.used;
}

// One block's temporary rows.
template <class T> struct Scratch {
    T *gated, *dgated, *du, *ddelta, *dxz, *dx, *ddt, *dnormed, *dstream, *dpre, *scan;
};
template <class T> size_t cut_scratch(const Shape &s, int64_t rows, T *buffer, Scratch<T> &c) {
    Widths<T> n(s);
    Cutter<T> cut{buffer};
    c.gated = cut.take(rows * n.E_ld), c.dgated = cut.take(rows * n.E_ld);
    c.du = cut.take(rows * n.E_ld), c.ddelta = cut.take(rows * n.E_ld);
    c.dxz = cut.take(rows * n.xz_ld), c.dx = cut.take(rows * n.x_ld);
    c.ddt = cut.take(narrow<T>(s) ? 0 : rows * n.R);
    c.dnormed = cut.take(rows * n.d_ld), c.dstream = cut.take(rows * n.d_ld);
    c.dpre = cut.take((rows + s.d_conv - 1) * n.E);
    c.scan = cut.take(scan_scratch<T>(n.E));
    return cut.used;
}

// What a sequence hands from one piece to the next, per layer: forward the last d_conv - 1 inputs of
// the convolution ([d_conv - 1][E]) and the state (`state_at`), backward their gradients.
template <class T> size_t carry_size(const Shape &s) {
    return (size_t)(s.d_conv - 1 + s.d_state) * Widths<T>(s).E;
}

template <class T>
void norm_rows(const Shape &s, int rows, const T *x, const T *weight, const T *bias, T *out, T *mean,
               T *scale) {
    typedef Vec<T> V;
    Widths<T> n(s);
    for (int r = 0; r < rows; r++, x += n.d_ld, out += n.d_ld) {
        T m = 0;
        V total{};
        if (s.layer_norm) {
            for (int c = 0; c < n.d; c += W<T>) total += load(x + c);
            m = sum<T>(total) / s.d_model;
            total = V{};
        }
        for (int c = 0; c < n.d; c += W<T>) {
            V v = load(x + c) - m;
            total = fma(v, v, total);
        }
        // the padded columns are zero: each added m * m
        T squares = sum<T>(total) - (n.d - s.d_model) * m * m;
        T f = 1 / std::sqrt(squares / s.d_model + T(s.eps));
        mean[r] = m, scale[r] = f;
        for (int c = 0; c < n.d; c += W<T>)
            store(out + c, fma((load(x + c) - m) * f, load(weight + c), load(bias + c)));
    }
}

// Adds to dx the gradient through the norm.
template <class T>
void norm_backward(const Shape &s, int rows, const T *x, const T *weight, const T *mean, const T *scale,
                   const T *dout, T *dx, bool add, T *dweight, T *dbias) {
    typedef Vec<T> V;
    Widths<T> n(s);
    for (int r = 0; r < rows; r++, x += n.d_ld, dout += n.d_ld, dx += n.d_ld) {
        T m = mean[r], f = scale[r];
        V dot{}, total{};
        for (int c = 0; c < n.d; c += W<T>) {
            V hat = (load(x + c) - m) * f, g = load(dout + c), dw = g * load(weight + c);
            store(dweight + c, fma(g, hat, load(dweight + c)));
            store(dbias + c, load(dbias + c) + g);
            dot = fma(dw, hat, dot);
            total += dw;
        }
        T along = sum<T>(dot) / s.d_model, offset = s.layer_norm ? sum<T>(total) / s.d_model : T(0);
        for (int c = 0; c < n.d; c += W<T>) {
            V hat = (load(x + c) - m) * f;
            V d = (load(dout + c) * load(weight + c) - offset - hat * along) * f;
            if (c + W<T> > s.d_model)
                for (int i = s.d_model - c; i < W<T>; i++) d[i] = 0;
            store(dx + c, add ? load(dx + c) + d : d);
        }
    }
}

template <class T> struct Backbone {
    const Shape &s;
    const Weights<T> &w;
    Widths<T> n;
    // The first layer's in_proj sees as many different rows as there are tokens: where these are fewer
    // than the positions, it is computed once a token (same bits) and its gradients are summed by token.
    bool by_token = false;
    Backbone(const Shape &shape, const Weights<T> &weights) : s(shape), w(weights), n(shape) {}

    void prepare(int64_t positions) {
        by_token = table_tokens(s) > 0 && s.vocabulary < positions;
        if (!by_token) return;
        const LayerWeights<T> &l = w.layer[0];
        norm_rows(s, s.vocabulary, w.embedding, l.norm, l.norm_bias, w.token_normed, w.token_mean, w.token_scale);
        product(s.vocabulary, 2 * n.E, s.d_model, w.token_normed, n.d_ld, l.in, w.token_xz, n.xz_ld);
    }

    // delta of one position, from its few values `low` ahead of dt_proj or, where there is none, from
    // dt_proj's output in its place; its slope where the backward will want it.
    template <int K>
    INLINE void step_size(const LayerWeights<T> &l, const T *low, T *delta, T *slope, int e) const {
        Vec<T> v[K], gate[K];
        for (int i = 0; i < K; i++) v[i] = load(l.dt_bias + e + i * W<T>);
        for (int k = 0; low && k < s.dt_rank; k++)
            for (int i = 0; i < K; i++) v[i] = fma(splat(low[k]), load(l.dt + k * n.E + e + i * W<T>), v[i]);
        for (int i = 0; i < K && !low; i++) v[i] = load(delta + e + i * W<T>) + v[i];
        softplus<K>(v, slope ? gate : nullptr);
        for (int i = 0; i < K; i++) store(delta + e + i * W<T>, v[i]);
        for (int i = 0; i < K && slope; i++) store(slope + e + i * W<T>, gate[i]);
    }

    // All stages of one layer on one block. `carries`: per piece, the carried window and state (the
    // streaming evaluation), or null: sequences start from zero and states are stored for the
    // backward. The layer's output goes to `out` (with the residual stream unless bare).
    void layer_forward(int index, const Piece *pieces, int count, int row0, int rows,
                       const LayerRows<T> &a, Scratch<T> &c, T *const *carries, T *out) const {
        const LayerWeights<T> &l = w.layer[index];
        T *stream = a.stream + (ptrdiff_t)row0 * n.d_ld, *normed = a.normed + (ptrdiff_t)row0 * n.d_ld;
        T *xz = a.xz + (ptrdiff_t)row0 * n.xz_ld, *u = a.u + (ptrdiff_t)row0 * n.E_ld;
        T *delta = a.delta + (ptrdiff_t)row0 * n.E_ld, *slope = a.slope + (ptrdiff_t)row0 * n.E_ld;
        T *x = a.x + (ptrdiff_t)row0 * n.x_ld;
        if (index > 0 || !by_token) {
            if (s.bare) normed = stream;
            else norm_rows(s, rows, stream, l.norm, l.norm_bias, normed, a.mean + row0, a.scale + row0);
            product(rows, 2 * n.E, s.d_model, normed, n.d_ld, l.in, xz, n.xz_ld);
        }
        int taps = s.d_conv;
        for (int i = 0; i < count; i++) {
            const Piece &p = pieces[i];
            T *from = a.xz + (ptrdiff_t)p.row * n.xz_ld;
            Conv<T> conv{p.length, n.E, taps, from, n.xz_ld, nullptr, 0, l.conv, l.conv_bias};
            if (carries) conv.before = carries[i], conv.before_ld = n.E;
            else if (!p.first) conv.before = from - (taps - 1) * (ptrdiff_t)n.xz_ld, conv.before_ld = n.xz_ld;
            conv_forward(conv, a.u + (ptrdiff_t)p.row * n.E_ld, n.E_ld);
            if (carries)  // oldest first, so that a short piece shifts the window in place
                for (int k = 0; k < taps - 1; k++)
                    std::memmove(carries[i] + (ptrdiff_t)k * n.E, conv.row(p.length - taps + 1 + k),
                                 n.E * sizeof(T));
        }
        if (narrow<T>(s)) {
            narrow_product(rows, s.dt_rank, n.E, u, n.E_ld, l.x_dt, x, n.x_ld);
            product(rows, n.bc, n.E, u, n.E_ld, l.x, x + s.dt_rank, n.x_ld);
        } else {
            product(rows, n.x, n.E, u, n.E_ld, l.x, x, n.x_ld);
            product(rows, n.E, s.dt_rank, x, n.x_ld, l.dt, delta, n.E_ld);
        }
        for (int r = 0; r < rows; r++) {
            T *d = delta + (ptrdiff_t)r * n.E_ld, *to = carries ? nullptr : slope + (ptrdiff_t)r * n.E_ld;
            int e = 0;
            const T *low = narrow<T>(s) ? x + (ptrdiff_t)r * n.x_ld : nullptr;
            for (; e + 4 * W<T> <= n.E; e += 4 * W<T>) step_size<4>(l, low, d, to, e);
            for (; e < n.E; e += W<T>) step_size<1>(l, low, d, to, e);
        }
        for (int i = 0; i < count; i++) {
            const Piece &p = pieces[i];
            T *states = carries ? carries[i] + (ptrdiff_t)(taps - 1) * n.E : state(a, p.checkpoint);
            if (!carries && p.first) std::memset(states, 0, sizeof(T) * s.d_state * n.E);
            Scan<T> scan = scan_of(index, a, p, states, carries ? 0 : (ptrdiff_t)s.d_state * n.E);
            scan_forward<T, true>(scan, c.gated + (ptrdiff_t)(p.row - row0) * n.E_ld, n.E_ld,
                                  carries ? nullptr : a.plain + (ptrdiff_t)p.row * n.E_ld, n.E_ld);
        }
        product(rows, n.d, n.E, c.gated, n.E_ld, l.out, out, n.d_ld, s.bare ? (T *)nullptr : stream, n.d_ld);
    }

    // c.dstream: in the gradient of the layer's output, out that of its input. `carry` holds, for the
    // sequence that goes on in the next block, the gradients at its start.
    void layer_backward(int index, const Piece *pieces, int count, int row0, int rows,
                        const LayerRows<T> &a, Scratch<T> &c, T *carry, const LayerSums<T> &g) const {
        const LayerWeights<T> &l = w.layer[index];
        int d = s.d_model, N = s.d_state, R = s.dt_rank, taps = s.d_conv;
        T *stream = a.stream + (ptrdiff_t)row0 * n.d_ld, *normed = a.normed + (ptrdiff_t)row0 * n.d_ld;
        T *u = a.u + (ptrdiff_t)row0 * n.E_ld, *x = a.x + (ptrdiff_t)row0 * n.x_ld;
        if (s.bare) normed = stream;
        product(rows, n.E, d, c.dstream, n.d_ld, l.out_back, c.dgated, n.E_ld);
        T *window = carry, *dh = carry + (ptrdiff_t)(taps - 1) * n.E;
        for (int i = count - 1; i >= 0; i--) {
            const Piece &p = pieces[i];
            ptrdiff_t r = p.row - row0;
            if (p.last) std::memset(dh, 0, sizeof(T) * N * n.E);
            Scan<T> scan = scan_of(index, a, p, state(a, p.checkpoint), (ptrdiff_t)N * n.E);
            T *dx = c.dx + r * n.x_ld;
            ScanGradient<T> grad{c.dgated + r * n.E_ld, n.E_ld,
                                 a.plain + (ptrdiff_t)p.row * n.E_ld, n.E_ld,
                                 a.slope + (ptrdiff_t)p.row * n.E_ld, n.E_ld,
                                 c.du + r * n.E_ld, n.E_ld,
                                 c.ddelta + r * n.E_ld, n.E_ld,
                                 c.dxz + r * n.xz_ld + n.E, n.xz_ld,
                                 c.gated + r * n.E_ld, n.E_ld,
                                 dx + R, dx + R + N, n.x_ld,
                                 g.A, g.D, g.dt_bias, dh, c.scan};
            scan_backward<T, true>(scan, grad);
        }
        outer_add(d, n.E, rows, c.dstream, n.d_ld, c.gated, n.E_ld, g.out, n.E);
        outer_add(R, n.E, rows, x, n.x_ld, c.ddelta, n.E_ld, g.dt, n.E);
        if (narrow<T>(s)) {
            narrow_product(rows, R, n.E, c.ddelta, n.E_ld, l.dt_back, c.dx, n.x_ld);
        } else {  // dt's last columns share a vector with B's: computed aside, copied in
            product(rows, n.R, n.E, c.ddelta, n.E_ld, l.dt_back, c.ddt, n.R);
            for (int r = 0; r < rows; r++)
                std::memcpy(c.dx + (ptrdiff_t)r * n.x_ld, c.ddt + (ptrdiff_t)r * n.R, R * sizeof(T));
        }
        outer_add(R + 2 * N, n.E, rows, c.dx, n.x_ld, u, n.E_ld, g.x, n.E);
        product_add(rows, n.E, R + 2 * N, c.dx, n.x_ld, l.x_back, c.du, n.E_ld);
        for (int i = count - 1; i >= 0; i--) {
            const Piece &p = pieces[i];
            ptrdiff_t r = p.row - row0;
            T *from = a.xz + (ptrdiff_t)p.row * n.xz_ld;
            Conv<T> conv{p.length, n.E, taps, from, n.xz_ld, nullptr, 0, l.conv, l.conv_bias};
            if (!p.first) conv.before = from - (taps - 1) * (ptrdiff_t)n.xz_ld, conv.before_ld = n.xz_ld;
            size_t ahead = sizeof(T) * (taps - 1) * n.E;
            T *after = c.dpre + (ptrdiff_t)p.length * n.E;
            if (p.last) std::memset(after, 0, ahead);
            else std::memcpy(after, window, ahead);
            conv_backward(conv, c.du + r * n.E_ld, n.E_ld, c.dpre, c.dxz + r * n.xz_ld, n.xz_ld,
                          (T *)nullptr, 0, g.conv, g.conv_bias);
            std::memcpy(window, c.dpre, ahead);
        }
        if (index == 0 && by_token) return;
        outer_add(2 * n.E, n.d, rows, c.dxz, n.xz_ld, normed, n.d_ld, g.in, n.d);
        T *dnormed = s.bare ? c.dstream : c.dnormed;
        product(rows, n.d, 2 * n.E, c.dxz, n.xz_ld, l.in_back, dnormed, n.d_ld);
        if (!s.bare)
            norm_backward(s, rows, stream, l.norm, a.mean + row0, a.scale + row0, dnormed, c.dstream, true,
                          g.norm, g.norm_bias);
    }

    T *state(const LayerRows<T> &a, int64_t index) const { return a.states + index * s.d_state * n.E; }

    Scan<T> scan_of(int index, const LayerRows<T> &a, const Piece &p, T *states, ptrdiff_t step) const {
        const LayerWeights<T> &l = w.layer[index];
        const T *x = a.x + (ptrdiff_t)p.row * n.x_ld + s.dt_rank;
        return Scan<T>{p.length, n.E, s.d_state,
                       a.delta + (ptrdiff_t)p.row * n.E_ld, n.E_ld,
                       a.u + (ptrdiff_t)p.row * n.E_ld, n.E_ld,
                       x, x + s.d_state, n.x_ld,
                       a.xz + (ptrdiff_t)p.row * n.xz_ld + n.E, n.xz_ld,
                       l.A2, l.D, states, step, s.signed_gates != 0};
    }

    void embed(const Piece *pieces, int count, const int64_t *tokens, int64_t time,
               const LayerRows<T> &a) const {
        for (int i = 0; i < count; i++) {
            const Piece &p = pieces[i];
            const int64_t *read = tokens + p.sequence * time + p.start;
            for (int t = 0; t < p.length; t++) {
                std::memcpy(a.stream + (ptrdiff_t)(p.row + t) * n.d_ld, w.embedding + read[t] * n.d_ld,
                            n.d * sizeof(T));
                if (by_token)
                    std::memcpy(a.xz + (ptrdiff_t)(p.row + t) * n.xz_ld, w.token_xz + read[t] * n.xz_ld,
                                2 * n.E * sizeof(T));
            }
        }
    }

    // Rows of gradients (the stream's, the first in_proj's) to the sums of their tokens.
    void embed_backward(const Piece *pieces, int count, int row0, const int64_t *tokens, int64_t time,
                        const Scratch<T> &c, const Sums<T> &g) const {
        for (int i = 0; i < count; i++) {
            const Piece &p = pieces[i];
            const int64_t *read = tokens + p.sequence * time + p.start;
            for (int t = 0; t < p.length; t++) {
                ptrdiff_t row = p.row - row0 + t;
                add_row(n.d, c.dstream + row * n.d_ld, g.embedding + read[t] * n.d_ld);
                if (by_token) add_row(2 * n.E, c.dxz + row * n.xz_ld, g.token_xz + read[t] * n.xz_ld);
            }
        }
    }
    static void add_row(int width, const T *from, T *to) {
        for (int c = 0; c < width; c += W<T>) store(to + c, load(to + c) + load(from + c));
    }

    // The tokens' sums through the first in_proj and norm, when all blocks are done. `dnormed`: room
    // for a row a token.
    void tokens_backward(T *dnormed, const Sums<T> &g) const {
        const LayerWeights<T> &l = w.layer[0];
        const LayerSums<T> &first = g.layer[0];
        outer_add(2 * n.E, n.d, s.vocabulary, g.token_xz, n.xz_ld, w.token_normed, n.d_ld, first.in, n.d);
        product(s.vocabulary, n.d, 2 * n.E, g.token_xz, n.xz_ld, l.in_back, dnormed, n.d_ld);
        norm_backward(s, s.vocabulary, w.embedding, l.norm, w.token_mean, w.token_scale, dnormed, g.embedding,
                      true, first.norm, first.norm_bias);
    }

    // The stream after the last layer to logits, in a.logits.
    void head_forward(int row0, int rows, const Rows<T> &a) const {
        T *normed = a.normed + (ptrdiff_t)row0 * n.d_ld, *logits = a.logits + (ptrdiff_t)row0 * n.O_ld;
        norm_rows(s, rows, a.stream + (ptrdiff_t)row0 * n.d_ld, w.norm, w.norm_bias, normed, a.mean + row0,
                  a.scale + row0);
        product(rows, n.O, s.d_model, normed, n.d_ld, w.head, logits, n.O_ld);
        for (int r = 0; r < rows; r++)
            for (int o = 0; o < n.O; o += W<T>) {
                T *p = logits + (ptrdiff_t)r * n.O_ld + o;
                store(p, load(p) + load(w.head_bias + o));
            }
    }

    // From the gradient of the logits (in a.logits) to that of the stream.
    void head_backward(int row0, int rows, const Rows<T> &a, Scratch<T> &c, const Sums<T> &g) const {
        T *normed = a.normed + (ptrdiff_t)row0 * n.d_ld, *dlogits = a.logits + (ptrdiff_t)row0 * n.O_ld;
        outer_add(s.outputs, n.d, rows, dlogits, n.O_ld, normed, n.d_ld, g.head, n.d);
        for (int r = 0; r < rows; r++)
            for (int o = 0; o < n.O; o += W<T>)
                store(g.head_bias + o, load(g.head_bias + o) + load(dlogits + (ptrdiff_t)r * n.O_ld + o));
        product(rows, n.d, s.outputs, dlogits, n.O_ld, w.head_back, c.dnormed, n.d_ld);
        norm_backward(s, rows, a.stream + (ptrdiff_t)row0 * n.d_ld, w.norm, a.mean + row0, a.scale + row0,
                      c.dnormed, c.dstream, false, g.norm, g.norm_bias);
    }
};

}  // namespace starfree
