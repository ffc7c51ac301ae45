// The kernels as single operations on contiguous tensors of any width, one sequence after the other.
#pragma once
#include "conv.h"
#include "memory.h"
#include "pool.h"
#include "scan.h"

namespace starfree {

constexpr int BLOCK = 128;  // steps that are copied to padded rows at a time

inline int padded(int n, int w) { return (n + w - 1) / w * w; }

template <class T>
void copy_in(int rows, int columns, int width, const T *from, T *to) {
    for (int r = 0; r < rows; r++) {
        std::memcpy(to + (ptrdiff_t)r * width, from + (ptrdiff_t)r * columns, columns * sizeof(T));
        for (int c = columns; c < width; c++) to[(ptrdiff_t)r * width + c] = 0;
    }
}
template <class T>
void copy_out(int rows, int columns, int width, const T *from, T *to) {
    for (int r = 0; r < rows; r++)
        std::memcpy(to + (ptrdiff_t)r * columns, from + (ptrdiff_t)r * width, columns * sizeof(T));
}

// Gradients that all sequences share: one sum per lane of sequences, added up in order.
template <class T, class F>
void summed_over_lanes(int threads, int sequences, size_t size, T *total, F body) {
    int lanes = sequences < 4 ? sequences : 4;
    if (lanes < threads) lanes = threads < sequences ? threads : sequences;
    std::vector<T> sums(size * lanes, T(0));
    parallel_for(threads, lanes, [&](int lane, int worker) {
        int from = (int)((int64_t)sequences * lane / lanes), to = (int)((int64_t)sequences * (lane + 1) / lanes);
        for (int b = from; b < to; b++) body(b, worker, sums.data() + lane * size);
    });
    for (size_t i = 0; i < size; i++) {
        total[i] = sums[i];
        for (int lane = 1; lane < lanes; lane++) total[i] += sums[lane * size + i];
    }
}

// Tensors of selective_scan (see operations.py); absent ones are null.
template <class T> struct ScanTensors {
    int batch, length, channels, states, signed_gates;
    const T *u, *delta, *A, *B, *C, *D, *z, *bias, *initial;
};

template <class T> class ScanOperation {
public:
    explicit ScanOperation(const ScanTensors<T> &tensors)
        : t(tensors), E(padded(t.channels, W<T>)), A(t.states * (size_t)E), D(E), bias(E) {
        for (int n = 0; n < t.states; n++)
            for (int e = 0; e < E; e++) A[state_at<T>(e, n, t.states)] = e < t.channels ? t.A[e * t.states + n] * T(LOG2E) : T(0);
        for (int e = 0; e < E; e++) {
            D[e] = t.D && e < t.channels ? t.D[e] : T(0);
            bias[e] = t.bias && e < t.channels ? t.bias[e] : T(0);
        }
    }
    // Elements of `saved`: the state at the start of every chunk and at the end, per sequence.
    static size_t saved(int length, int channels, int states) {
        return (size_t)((length + CHUNK - 1) / CHUNK + 1) * states * padded(channels, W<T>);
    }

    // plain: y before the gate, for the backward (null where z is).
    void forward(T *y, T *plain, T *last, T *saved_, int threads) {
        size_t each = saved(t.length, t.channels, t.states), rows = (size_t)BLOCK * E;
        Workspace &space = Workspace::get();
        space.reserve(threads);
        parallel_for(threads, t.batch, [&](int b, int worker) {
            T *block = space.worker(worker).template get<T>(6 * rows), *h = saved_ + b * each;
            for (int n = 0; n < t.states; n++)
                for (int e = 0; e < E; e++)
                    h[state_at<T>(e, n, t.states)] = t.initial && e < t.channels
                                       ? t.initial[((size_t)b * t.channels + e) * t.states + n] : T(0);
            for (int start = 0; start < t.length; start += BLOCK) {
                int steps = t.length - start < BLOCK ? t.length - start : BLOCK;
                size_t at = ((size_t)b * t.length + start) * t.channels;
                Scan<T> scan = load_block(b, start, steps, block, h);
                scan_forward<T, false>(scan, block + 4 * rows, E, block + 5 * rows, E);
                copy_out(steps, t.channels, E, block + 4 * rows, y + at);
                if (plain) copy_out(steps, t.channels, E, block + 5 * rows, plain + at);
            }
            const T *end = h + each - (size_t)t.states * E;
            for (int e = 0; e < t.channels; e++)
                for (int n = 0; n < t.states; n++)
                    last[((size_t)b * t.channels + e) * t.states + n] = end[state_at<T>(e, n, t.states)];
        });
    }

    void backward(const T *dy, const T *dlast, const T *plain, T *saved_, T *du, T *ddelta, T *dA, T *dB,
                  T *dC, T *dD, T *dz, T *dbias, T *dinitial, int threads) {
        size_t each = saved(t.length, t.channels, t.states), rows = (size_t)BLOCK * E;
        size_t state = (size_t)t.states * E, size = state + 2 * E;
        std::vector<T> total(size);
        Workspace &space = Workspace::get();
        space.reserve(threads);
        summed_over_lanes(threads, t.batch, size, total.data(), [&](int b, int worker, T *sums) {
            T *block = space.worker(worker).template get<T>(9 * rows + state + scan_scratch<T>(E));
            T *dh = block + 9 * rows, *row = block + 4 * rows;
            for (int n = 0; n < t.states; n++)
                for (int e = 0; e < E; e++)
                    dh[state_at<T>(e, n, t.states)] = dlast && e < t.channels
                                        ? dlast[((size_t)b * t.channels + e) * t.states + n] : T(0);
            for (int start = (t.length - 1) / BLOCK * BLOCK; start >= 0; start -= BLOCK) {
                int steps = t.length - start < BLOCK ? t.length - start : BLOCK;
                size_t at = ((size_t)b * t.length + start) * t.channels;
                Scan<T> scan = load_block(b, start, steps, block, saved_ + b * each);
                copy_in(steps, t.channels, E, dy + at, row);
                if (t.z) copy_in(steps, t.channels, E, plain + at, row + rows);
                size_t bc = ((size_t)b * t.length + start) * t.states;
                ScanGradient<T> g{row, E, row + rows, E, block + 3 * rows, E, row + 2 * rows, E,
                                  row + 3 * rows, E, row + 4 * rows, E, nullptr, 0, dB + bc, dC + bc, t.states,
                                  sums, sums + state, sums + state + E, dh, dh + state};
                scan_backward<T, false>(scan, g);
                copy_out(steps, t.channels, E, row + 2 * rows, du + at);
                copy_out(steps, t.channels, E, row + 3 * rows, ddelta + at);
                if (t.z) copy_out(steps, t.channels, E, row + 4 * rows, dz + at);
            }
            for (int e = 0; e < t.channels; e++)
                for (int n = 0; n < t.states; n++)
                    dinitial[((size_t)b * t.channels + e) * t.states + n] = dh[state_at<T>(e, n, t.states)];
        });
        for (int e = 0; e < t.channels; e++) {
            for (int n = 0; n < t.states; n++) dA[e * t.states + n] = total[state_at<T>(e, n, t.states)];
            if (dD) dD[e] = total[state + e];
            if (dbias) dbias[e] = total[state + E + e];
        }
    }

private:
    // Rows of the block: delta, u, z, slope; then the caller's.
    Scan<T> load_block(int b, int start, int steps, T *block, T *h) {
        size_t rows = (size_t)BLOCK * E, at = ((size_t)b * t.length + start) * t.channels;
        T *delta = block, *u = block + rows, *z = block + 2 * rows, *slope = block + 3 * rows;
        copy_in(steps, t.channels, E, t.delta + at, delta);
        copy_in(steps, t.channels, E, t.u + at, u);
        if (t.z) copy_in(steps, t.channels, E, t.z + at, z);
        for (int r = 0; r < steps; r++)
            for (int e = 0; e < E; e += W<T>) {
                Vec<T> gate, v = load(delta + (ptrdiff_t)r * E + e) + load(bias.data() + e);
                softplus<1>(&v, &gate);
                store(delta + (ptrdiff_t)r * E + e, v);
                store(slope + (ptrdiff_t)r * E + e, gate);
            }
        size_t bc = ((size_t)b * t.length + start) * t.states;
        ptrdiff_t state = (ptrdiff_t)t.states * E;
        return Scan<T>{steps, E, t.states, delta, E, u, E, t.B + bc, t.C + bc, t.states, t.z ? z : nullptr, E,
                       A.data(), D.data(), h + start / CHUNK * state, state, t.signed_gates != 0};
    }

    ScanTensors<T> t;
    int E;
    std::vector<T> A, D, bias;
};

// x: [batch, taps - 1 + length, channels], the carried window ahead; y: [batch, length, channels].
template <class T> class ConvOperation {
public:
    int batch, length, channels, taps;
    const T *x;
    int E;
    std::vector<T> weight, bias;
    ConvOperation(int batch, int length, int channels, int taps, const T *x, const T *w, const T *b)
        : batch(batch), length(length), channels(channels), taps(taps), x(x), E(padded(channels, W<T>)),
          weight((size_t)taps * E), bias(E) {
        for (int e = 0; e < channels; e++) {
            for (int k = 0; k < taps; k++) weight[(size_t)k * E + e] = w[e * taps + k];
            bias[e] = b ? b[e] : T(0);
        }
    }
    void forward(T *y, int threads) {
        Workspace &space = Workspace::get();
        space.reserve(threads);
        size_t seen = (size_t)(BLOCK + taps - 1) * E;
        parallel_for(threads, batch, [&](int b, int worker) {
            T *rows = space.worker(worker).template get<T>(seen + (size_t)BLOCK * E);
            for (int start = 0; start < length; start += BLOCK) {
                int steps = length - start < BLOCK ? length - start : BLOCK;
                conv_forward(piece(b, start, steps, rows), rows + seen, E);
                copy_out(steps, channels, E, rows + seen, y + ((size_t)b * length + start) * channels);
            }
        });
    }
    void backward(const T *dy, T *dx, T *dweight, T *dbias, int threads) {
        Workspace &space = Workspace::get();
        space.reserve(threads);
        size_t seen = (size_t)(BLOCK + taps - 1) * E, size = (size_t)(taps + 1) * E;
        std::vector<T> total(size);
        summed_over_lanes(threads, batch, size, total.data(), [&](int b, int worker, T *sums) {
            T *rows = space.worker(worker).template get<T>(3 * seen + (size_t)BLOCK * E + seen);
            T *dpre = rows + seen, *din = dpre + seen, *dout = din + seen, *after = dout + (size_t)BLOCK * E;
            std::memset(after, 0, seen * sizeof(T));
            for (int start = (length - 1) / BLOCK * BLOCK; start >= 0; start -= BLOCK) {
                int steps = length - start < BLOCK ? length - start : BLOCK;
                copy_in(steps, channels, E, dy + ((size_t)b * length + start) * channels, dout);
                size_t ahead = (size_t)(taps - 1) * E;
                std::memcpy(dpre + (size_t)steps * E, after, ahead * sizeof(T));
                conv_backward(piece(b, start, steps, rows), dout, E, dpre, din + ahead, E,
                              start == 0 ? din : nullptr, E, sums, sums + (size_t)taps * E);
                std::memcpy(after, dpre, ahead * sizeof(T));
                int from = start == 0 ? 0 : taps - 1;
                copy_out(steps + taps - 1 - from, channels, E, din + (size_t)from * E,
                         dx + ((size_t)b * (length + taps - 1) + start + from) * channels);
            }
        });
        for (int e = 0; e < channels; e++) {
            for (int k = 0; k < taps; k++) dweight[e * taps + k] = total[(size_t)k * E + e];
            if (dbias) dbias[e] = total[(size_t)taps * E + e];
        }
    }

private:
    Conv<T> piece(int b, int start, int steps, T *rows) {
        copy_in(steps + taps - 1, channels, E, x + ((size_t)b * (length + taps - 1) + start) * channels, rows);
        return Conv<T>{steps, E, taps, rows + (size_t)(taps - 1) * E, E, rows, E, weight.data(), bias.data()};
    }
};

// h_t = a_t h_{t-1} + b_t on [batch, length, width]; complex numbers as neighbouring pairs.
template <class T, bool complex>
void diagonal_forward(int batch, int64_t length, int width, const T *a, const T *b, const T *initial, T *h,
                      int threads) {
    parallel_for(threads, batch, [&](int sequence, int) {
        const T *before = initial + (size_t)sequence * width;
        for (int64_t t = 0; t < length; t++) {
            size_t at = ((size_t)sequence * length + t) * width;
            const T *at_a = a + at, *at_b = b + at;
            T *to = h + at;
            if constexpr (complex)
                for (int i = 0; i < width; i += 2) {
                    T re = before[i], im = before[i + 1];
                    to[i] = at_a[i] * re - at_a[i + 1] * im + at_b[i];
                    to[i + 1] = at_a[i] * im + at_a[i + 1] * re + at_b[i + 1];
                }
            else
                for (int i = 0; i < width; i++) to[i] = at_a[i] * before[i] + at_b[i];
            before = to;
        }
    });
}

// db = dh + conj(a_{t+1}) db_{t+1}; da = db conj(h_{t-1}); the initial state's gradient likewise.
template <class T, bool complex>
void diagonal_backward(int batch, int64_t length, int width, const T *a, const T *initial, const T *h,
                       const T *dh, T *da, T *db, T *dinitial, int threads) {
    parallel_for(threads, batch, [&](int sequence, int) {
        T *carry = dinitial + (size_t)sequence * width;
        for (int i = 0; i < width; i++) carry[i] = 0;
        for (int64_t t = length - 1; t >= 0; t--) {
            size_t at = ((size_t)sequence * length + t) * width;
            const T *before = t ? h + at - width : initial + (size_t)sequence * width;
            const T *at_a = a + at, *at_d = dh + at;
            T *to_a = da + at, *to_b = db + at;
            if constexpr (complex)
                for (int i = 0; i < width; i += 2) {
                    T re = at_d[i] + carry[i], im = at_d[i + 1] + carry[i + 1];
                    to_b[i] = re, to_b[i + 1] = im;
                    to_a[i] = re * before[i] + im * before[i + 1];
                    to_a[i + 1] = im * before[i] - re * before[i + 1];
                    carry[i] = re * at_a[i] + im * at_a[i + 1];
                    carry[i + 1] = im * at_a[i] - re * at_a[i + 1];
                }
            else
                for (int i = 0; i < width; i++) {
                    T d = at_d[i] + carry[i];
                    to_b[i] = d, to_a[i] = d * before[i], carry[i] = d * at_a[i];
                }
        }
    });
}

}  // namespace starfree
