// AdamW and the norm of a gradient over many tensors in one pass.
#pragma once
#include <cmath>
#include <cstdint>

namespace starfree {

template <class T> double squared_norm(int64_t count, const T *g) {
    double total[16] = {};
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (int k = 0; k < 16; k++) total[k] += (double)g[i + k] * g[i + k];
    for (; i < count; i++) total[0] += (double)g[i] * g[i];
    double sum = 0;
    for (double t : total) sum += t;
    return sum;
}

// torch.optim.AdamW: decoupled decay, bias correction, epsilon outside the root.
template <class T>
void adamw(int64_t count, T *__restrict p, const T *__restrict g, T *__restrict m, T *__restrict v,
           double rate, double beta1, double beta2, double eps, double decay, double scale, int64_t step) {
    T keep = T(1 - rate * decay), b1 = T(1 - beta1), b2 = T(beta2), c2 = T(1 - beta2), s = T(scale);
    T size = T(rate / (1 - std::pow(beta1, (double)step)));
    T root = T(1 / std::sqrt(1 - std::pow(beta2, (double)step))), e = T(eps);
    for (int64_t i = 0; i < count; i++) {
        T d = g[i] * s;
        m[i] += (d - m[i]) * b1;
        v[i] = v[i] * b2 + c2 * d * d;
        p[i] = p[i] * keep - size * m[i] / (std::sqrt(v[i]) * root + e);
    }
}

}  // namespace starfree
