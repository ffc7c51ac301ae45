// Small dense matrix products. Every element of a result is one chain of fused multiply-adds over
// the inner index in its natural order: its bits do not depend on the row's place in a block.
#pragma once
#include "vector.h"

namespace starfree {

// How a finished block meets its destination.
enum class Into { Store, Add };

constexpr int PANEL = 2;  // vectors of a packed panel
// Rows of a block by its width in vectors, to fill the registers. Double precision is for checks
// of correctness: small blocks compile sooner.
template <class T> constexpr int block_height(int vectors) {
    if (sizeof(T) == 8) return 4;
#if STARFREE_VECTOR_BYTES == 64 || defined(__aarch64__)
    return vectors == 3 ? 8 : 14;  // 32 registers
#else
    return vectors == 3 ? 4 : vectors == 2 ? 6 : 12;  // 16 registers
#endif
}

// C[R, NV vectors] (=|+=) sum_k A[i*ai + k*ak] * B[k*bk + vector]; with a pointer `plus`, that
// matrix is added (the residual stream).
template <class T, int R, int NV, Into into>
INLINE void block(int K, const T *A, ptrdiff_t ai, ptrdiff_t ak, const T *B, ptrdiff_t bk, T *C,
                  ptrdiff_t ldc, const T *plus, ptrdiff_t ldp) {
    typedef Vec<T> V;
    V acc[R][NV] = {};
    for (int k = 0; k < K; k++) {
        V b[NV];
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) b[v] = load(B + k * bk + v * W<T>);
#pragma GCC unroll 24
        for (int i = 0; i < R; i++) {
            V a = splat(A[i * ai + k * ak]);
#pragma GCC unroll 4
            for (int v = 0; v < NV; v++) acc[i][v] = fma(a, b[v], acc[i][v]);
        }
    }
#pragma GCC unroll 24
    for (int i = 0; i < R; i++)
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) {
            V r = acc[i][v];
            T *c = C + i * ldc + v * W<T>;
            if (into == Into::Add) r += load(c);
            if (plus) r += load(plus + i * ldp + v * W<T>);
            store(c, r);
        }
}

template <class T, int R, int NV, Into into>
void remainder(int rows, int K, const T *A, ptrdiff_t ai, ptrdiff_t ak, const T *B, ptrdiff_t bk,
               T *C, ptrdiff_t ldc, const T *plus, ptrdiff_t ldp) {
    if constexpr (R > 0) {
        if (rows == R) return block<T, R, NV, into>(K, A, ai, ak, B, bk, C, ldc, plus, ldp);
        remainder<T, R - 1, NV, into>(rows, K, A, ai, ak, B, bk, C, ldc, plus, ldp);
    }
}

// All rows of one panel of NV vectors.
template <class T, int R, int NV, Into into>
void column(int M, int K, const T *A, ptrdiff_t ai, ptrdiff_t ak, const T *B, ptrdiff_t bk, T *C,
            ptrdiff_t ldc, const T *plus, ptrdiff_t ldp) {
    int full = M / R, rest = M % R, i = 0;
    // Two short blocks of equal height beat a full one followed by a sliver.
    if (full && rest && rest < R / 2) full--;
    for (; full > 0; full--, i += R)
        block<T, R, NV, into>(K, A + i * ai, ai, ak, B, bk, C + i * ldc, ldc,
                              plus ? plus + i * ldp : plus, ldp);
    while (i < M) {
        int rows = M - i > R ? (M - i + 1) / 2 : M - i;
        remainder<T, R, NV, into>(rows, K, A + i * ai, ai, ak, B, bk, C + i * ldc, ldc,
                                  plus ? plus + i * ldp : plus, ldp);
        i += rows;
    }
}

// Columns [0, N), N a multiple of W: panels of 2 vectors, one of 3 (or 1) where the count is odd.
// `packed` panels lie one behind the other (K rows of the panel's width); else B is row-major.
template <class T, Into into>
void multiply(int M, int N, int K, const T *A, ptrdiff_t ai, ptrdiff_t ak, const T *B, ptrdiff_t ldb,
              bool packed, T *C, ptrdiff_t ldc, const T *plus = nullptr, ptrdiff_t ldp = 0) {
    for (int n = 0, left = N / W<T>; left > 0;) {
        int width = left == 3 || left == 1 ? left : 2;
        const T *b = packed ? B + (ptrdiff_t)n * K : B + n;
        ptrdiff_t bk = packed ? width * W<T> : ldb;
        const T *p = plus ? plus + n : plus;
        if (width == 2) column<T, block_height<T>(2), 2, into>(M, K, A, ai, ak, b, bk, C + n, ldc, p, ldp);
        else if (width == 3) column<T, block_height<T>(3), 3, into>(M, K, A, ai, ak, b, bk, C + n, ldc, p, ldp);
        else column<T, block_height<T>(1), 1, into>(M, K, A, ai, ak, b, bk, C + n, ldc, p, ldp);
        n += width * W<T>;
        left -= width;
    }
}

// C[M, N] = A[M, K] B, B packed by `pack_panels`; with `plus`, C = plus + A B.
template <class T>
void product(int M, int N, int K, const T *A, ptrdiff_t lda, const T *B, T *C, ptrdiff_t ldc,
             const T *plus = nullptr, ptrdiff_t ldp = 0) {
    multiply<T, Into::Store>(M, N, K, A, lda, 1, B, 0, true, C, ldc, plus, ldp);
}
template <class T>
void product_add(int M, int N, int K, const T *A, ptrdiff_t lda, const T *B, T *C, ptrdiff_t ldc) {
    multiply<T, Into::Add>(M, N, K, A, lda, 1, B, 0, true, C, ldc);
}
// C[P, Q] += sum over M rows of A[m, p] B[m, q]: the gradient of a weight.
template <class T>
void outer_add(int P, int Q, int M, const T *A, ptrdiff_t lda, const T *B, ptrdiff_t ldb, T *C,
               ptrdiff_t ldc) {
    multiply<T, Into::Add>(P, Q, M, A, 1, lda, B, ldb, false, C, ldc);
}

// C[M, r] = sum over `width` columns of A[m, :] B[r, :], for the few rows r <= R of B where padding
// them to a vector would waste most of it.  `width` is a multiple of W; W / R rows m at a time.
template <class T, int R>
void narrow_rows(int M, int rows, int width, const T *A, ptrdiff_t lda, const T *B, T *C, ptrdiff_t ldc) {
    constexpr int G = W<T> / R;
    for (int m = 0; m < M; m += G) {
        Vec<T> total[W<T>] = {};
        const T *a[G];
        for (int i = 0; i < G; i++) a[i] = A + (m + i < M ? m + i : M - 1) * lda;
        for (int c = 0; c < width; c += W<T>) {
            Vec<T> b[R];
#pragma GCC unroll 16
            for (int r = 0; r < R; r++) b[r] = load(B + (ptrdiff_t)(r < rows ? r : 0) * width + c);
#pragma GCC unroll 16
            for (int i = 0; i < G; i++)
#pragma GCC unroll 16
                for (int r = 0; r < R; r++) total[i * R + r] = fma(load(a[i] + c), b[r], total[i * R + r]);
        }
        alignas(64) T sums[W<T>];
        lane_sums<T, W<T>>(total, sums);
        for (int i = 0; i < G && m + i < M; i++)
            for (int r = 0; r < rows; r++) C[(m + i) * ldc + r] = sums[i * R + r];
    }
}
template <class T>
void narrow_product(int M, int rows, int width, const T *A, ptrdiff_t lda, const T *B, T *C, ptrdiff_t ldc) {
    if (rows == 1) return narrow_rows<T, 1>(M, rows, width, A, lda, B, C, ldc);
    if constexpr (W<T> >= 4)
        if (rows == 2) return narrow_rows<T, 2>(M, rows, width, A, lda, B, C, ldc);
    if constexpr (W<T> >= 8)
        if (rows <= 4) return narrow_rows<T, 4>(M, rows, width, A, lda, B, C, ldc);
    if constexpr (W<T> >= 16) narrow_rows<T, 8>(M, rows, width, A, lda, B, C, ldc);
}

// Packs the K x N matrix at(k, n), N a multiple of W, into the panels that `multiply` walks.
template <class T, class At> void pack_panels(int K, int N, T *out, At at) {
    for (int n = 0, left = N / W<T>; left > 0;) {
        int width = left == 3 || left == 1 ? left : 2, columns = width * W<T>;
        for (int k = 0; k < K; k++)
            for (int j = 0; j < columns; j++) out[k * columns + j] = at(k, n + j);
        out += (ptrdiff_t)K * columns;
        n += columns;
        left -= width;
    }
}

}  // namespace starfree
