// Objectives on the rows of logits: the loss (in double) and its gradient in place of the logits.
#pragma once
#include "vector.h"

namespace starfree {

enum class Objective : int { Bits, Classes, ClassSquares };

// bits: mean over the outputs of the binary cross-entropy with `legal` (0/1) targets.
template <class T> double bits_loss(int outputs, T *logits, const uint8_t *legal, T scale) {
    typedef Vec<T> V;
    double loss = 0;
    scale /= outputs;
    for (int o = 0; o < outputs; o += W<T>) {
        int count = outputs - o < W<T> ? outputs - o : W<T>;
        T wanted[W<T>] = {}, inside[W<T>] = {};
        for (int i = 0; i < count; i++) wanted[i] = legal[o + i], inside[i] = 1;
        V x = load(logits + o), y = load(wanted), real = load(inside), value = x, slope;
        softplus<1>(&value, &slope);
        value = value - x * y;
        loss += sum<T>(value * real);
        store(logits + o, (slope - y) * real * scale);
    }
    return loss * scale;
}

// classes: cross-entropy of the softmax with class `target`.
template <class T> double class_loss(int outputs, T *logits, int64_t target, T scale) {
    T top = logits[0];
    for (int o = 1; o < outputs; o++) top = logits[o] > top ? logits[o] : top;
    double total = 0;
    T right = logits[target] - top;
    for (int o = 0; o < outputs; o++) total += logits[o] = std::exp(logits[o] - top);
    for (int o = 0; o < outputs; o++)
        logits[o] = (logits[o] / T(total) - (o == target ? T(1) : T(0))) * scale;
    return (std::log(total) - right) * scale;
}

// class squares: mean over the outputs of the squared distance to the one-hot class `target`.
template <class T> double square_loss(int outputs, T *logits, int64_t target, T scale) {
    double loss = 0;
    for (int o = 0; o < outputs; o++) {
        T d = logits[o] - (o == target ? T(1) : T(0));
        loss += (double)d * d;
        logits[o] = 2 * d * scale / outputs;
    }
    return loss * scale / outputs;
}

// Targets of a padded batch; weight 0 marks a position that does not count. The loss of a position
// is multiplied by its weight and by `scale`.
template <class T> struct Targets {
    Objective objective;
    const uint8_t *legal;    // [B, L, outputs], or
    const int64_t *classes;  // [B, L]
    const T *weights;        // [B, L]
    double scale;
    double row(int outputs, int64_t position, T *logits) const {
        T weight = weights[position] * T(scale);
        if (weight == 0) {
            for (int o = 0; o < outputs; o++) logits[o] = 0;
            return 0;
        }
        if (objective == Objective::Bits)
            return bits_loss(outputs, logits, legal + position * outputs, weight);
        if (objective == Objective::Classes)
            return class_loss(outputs, logits, classes[position], weight);
        return square_loss(outputs, logits, classes[position], weight);
    }
};

}  // namespace starfree
