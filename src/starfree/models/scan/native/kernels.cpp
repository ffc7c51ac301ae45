// The C boundary of starfree's kernels: plain pointers in, plain pointers out, 0 or an error code
// back. Each function exists for float (_f32) and double (_f64).
#include "operations.h"
#include "optimizer.h"
#include "step.h"

using namespace starfree;

#define EXPORT extern "C" __attribute__((visibility("default")))
// No C++ exception may cross into Python: 1 = out of memory, 2 = an index out of range.
#define GUARD(...)          \
    try {                   \
        __VA_ARGS__         \
        return 0;           \
    } catch (...) {         \
        return 1;           \
    }

EXPORT int starfree_vector_bytes() { return STARFREE_VECTOR_BYTES; }

static Plan plan_of(const Shape &s, int sequences, const int64_t *lengths, int threads) {
    return make_plan(sequences, lengths, block_rows(s), lanes_for(threads));
}

#define BACKBONE(T, SUFFIX)                                                                              \
    EXPORT int64_t starfree_saved_##SUFFIX(const Shape *s, int sequences, const int64_t *lengths,        \
                                           int threads) {                                                \
        return (int64_t)Model<T>::saved(*s, plan_of(*s, sequences, lengths, threads));                   \
    }                                                                                                    \
    EXPORT int64_t starfree_carry_##SUFFIX(const Shape *s) { return (int64_t)carry_size<T>(*s); }        \
    EXPORT int starfree_forward_##SUFFIX(const Shape *s, const T *const *parameters, int sequences,      \
                                         int64_t time, const int64_t *lengths, const int64_t *tokens,    \
                                         const T *inputs, T *saved, T *out, int threads) {               \
        Batch<T> batch{sequences, time, lengths, tokens, inputs};                                        \
        if (!in_range(*s, batch)) return 2;                                                              \
        GUARD(Model<T>(*s, parameters, batch, threads)                                                          \
                  .forward(plan_of(*s, sequences, lengths, threads), batch, saved, out);)                \
    }                                                                                                    \
    EXPORT int starfree_backward_##SUFFIX(const Shape *s, const T *const *parameters, int sequences,     \
                                          int64_t time, const int64_t *lengths, const int64_t *tokens,   \
                                          const T *inputs, T *saved, const T *dout, T *dinputs,          \
                                          T *const *gradients, int threads) {                            \
        Batch<T> batch{sequences, time, lengths, tokens, inputs};                                        \
        GUARD(Model<T>(*s, parameters, batch, threads)                                                   \
                  .backward(plan_of(*s, sequences, lengths, threads), batch, saved, dout, dinputs,       \
                            gradients);)                                                                 \
    }                                                                                                    \
    EXPORT int starfree_stream_##SUFFIX(const Shape *s, const T *const *parameters, int sequences,       \
                                        int64_t time, const int64_t *lengths, const int64_t *tokens,     \
                                        const T *inputs, T *state, T *out, int threads) {                \
        Batch<T> batch{sequences, time, lengths, tokens, inputs};                                        \
        if (!in_range(*s, batch)) return 2;                                                              \
        GUARD(Model<T>(*s, parameters, batch, threads)                                                          \
                  .stream(plan_of(*s, sequences, lengths, threads), batch, state, out);)                 \
    }                                                                                                    \
    EXPORT int starfree_step_##SUFFIX(const Shape *s, const T *const *parameters, int sequences,         \
                                      int64_t time, const int64_t *lengths, const int64_t *tokens,       \
                                      int objective, const uint8_t *legal, const int64_t *classes,       \
                                      const T *weights, double scale, T *const *gradients, double *loss, \
                                      int threads) {                                                     \
        Batch<T> batch{sequences, time, lengths, tokens, nullptr};                                       \
        Targets<T> targets{(Objective)objective, legal, classes, weights, scale};                        \
        if (!in_range(*s, batch, targets)) return 2;                                                     \
        GUARD(*loss = Model<T>(*s, parameters, batch, threads)                                                  \
                          .step(plan_of(*s, sequences, lengths, threads), batch, targets, gradients);)   \
    }                                                                                                    \
    EXPORT double starfree_norm_##SUFFIX(int tensors, const int64_t *counts, const T *const *g) {        \
        double total = 0;                                                                                \
        for (int i = 0; i < tensors; i++) total += squared_norm(counts[i], g[i]);                        \
        return std::sqrt(total);                                                                         \
    }                                                                                                    \
    EXPORT void starfree_adamw_##SUFFIX(int tensors, const int64_t *counts, T *const *p,                 \
                                        const T *const *g, T *const *m, T *const *v,                     \
                                        const double *decays, double rate, double beta1, double beta2,   \
                                        double eps, double scale, int64_t step) {                        \
        for (int i = 0; i < tensors; i++)                                                                \
            adamw(counts[i], p[i], g[i], m[i], v[i], rate, beta1, beta2, eps, decays[i], scale, step);   \
    }

BACKBONE(float, f32)
BACKBONE(double, f64)

#define OPERATIONS(T, SUFFIX)                                                                            \
    EXPORT int64_t starfree_scan_saved_##SUFFIX(int length, int channels, int states) {                  \
        return (int64_t)ScanOperation<T>::saved(length, channels, states);                               \
    }                                                                                                    \
    EXPORT int starfree_scan_forward_##SUFFIX(const ScanTensors<T> *t, T *y, T *plain, T *last, T *saved, \
                                              int threads) {                                             \
        GUARD(ScanOperation<T>(*t).forward(y, plain, last, saved, threads);)                             \
    }                                                                                                    \
    EXPORT int starfree_scan_backward_##SUFFIX(const ScanTensors<T> *t, const T *dy, const T *dlast,     \
                                               const T *plain, T *saved, T *du, T *ddelta, T *dA, T *dB, \
                                               T *dC, T *dD, T *dz, T *dbias, T *dinitial, int threads) { \
        GUARD(ScanOperation<T>(*t).backward(dy, dlast, plain, saved, du, ddelta, dA, dB, dC, dD, dz,     \
                                            dbias, dinitial, threads);)                                  \
    }                                                                                                    \
    EXPORT int starfree_conv_forward_##SUFFIX(int batch, int length, int channels, int taps, const T *x, \
                                              const T *weight, const T *bias, T *y, int threads) {       \
        GUARD(ConvOperation<T>(batch, length, channels, taps, x, weight, bias).forward(y, threads);)     \
    }                                                                                                    \
    EXPORT int starfree_conv_backward_##SUFFIX(int batch, int length, int channels, int taps, const T *x, \
                                               const T *weight, const T *bias, const T *dy, T *dx,       \
                                               T *dweight, T *dbias, int threads) {                      \
        GUARD(ConvOperation<T>(batch, length, channels, taps, x, weight, bias)                           \
                  .backward(dy, dx, dweight, dbias, threads);)                                           \
    }                                                                                                    \
    EXPORT int starfree_diagonal_forward_##SUFFIX(int is_complex, int batch, int64_t length, int width,  \
                                                  const T *a, const T *b, const T *initial, T *h,        \
                                                  int threads) {                                         \
        GUARD((is_complex ? diagonal_forward<T, true> : diagonal_forward<T, false>)(                     \
                  batch, length, width, a, b, initial, h, threads);)                                     \
    }                                                                                                    \
    EXPORT int starfree_diagonal_backward_##SUFFIX(int is_complex, int batch, int64_t length, int width, \
                                                   const T *a, const T *initial, const T *h, const T *dh, \
                                                   T *da, T *db, T *dinitial, int threads) {             \
        GUARD((is_complex ? diagonal_backward<T, true> : diagonal_backward<T, false>)(                   \
                  batch, length, width, a, initial, h, dh, da, db, dinitial, threads);)                  \
    }

OPERATIONS(float, f32)
OPERATIONS(double, f64)

// Peaks of this machine, for the floor that `starfree bench` prints.
EXPORT void starfree_product_f32(int M, int N, int K, const float *A, const float *B, float *C, int repeats) {
    for (int i = 0; i < repeats; i++) product(M, N, K, A, (ptrdiff_t)K + 16, B, C, (ptrdiff_t)N + 16);
}
EXPORT void starfree_exp2_f32(int count, const float *x, float *y, int repeats) {
    for (int r = 0; r < repeats; r++)
        for (int i = 0; i + 4 * W<float> <= count; i += 4 * W<float>)
            for (int j = 0; j < 4; j++)
                store(y + i + j * W<float>, exp2_bounded(load(x + i + j * W<float>)));
}
