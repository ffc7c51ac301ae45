// Whole batches through a Mamba: forward with saved rows, backward, streaming evaluation, and a
// training step (forward, loss, backward) in which a sequence's rows stay in the cache.
#pragma once
#include "backbone.h"
#include "memory.h"

namespace starfree {

// A padded batch: tokens [B, time] (or, for a bare mixer, inputs [B, time, d_model]).
template <class T> struct Batch {
    int sequences;
    int64_t time;
    const int64_t *lengths;
    const int64_t *tokens;
    const T *inputs;
};

// Every index that the kernels follow lies within its table.
template <class T> bool in_range(const Shape &s, const Batch<T> &b) {
    for (int i = 0; i < b.sequences; i++) {
        if (b.lengths[i] < 0 || b.lengths[i] > b.time) return false;
        if (b.tokens)
            for (int64_t t = 0; t < b.lengths[i]; t++)
                if (uint64_t(b.tokens[i * b.time + t]) >= uint64_t(s.vocabulary)) return false;
    }
    return true;
}
template <class T> bool in_range(const Shape &s, const Batch<T> &b, const Targets<T> &targets) {
    if (targets.objective == Objective::Bits) return in_range(s, b);
    for (int i = 0; i < b.sequences; i++)
        for (int64_t t = 0; t < b.lengths[i] && t < b.time; t++) {
            int64_t at = i * b.time + t;
            if (targets.weights[at] != 0 && uint64_t(targets.classes[at]) >= uint64_t(s.outputs)) return false;
        }
    return in_range(s, b);
}

constexpr int LANES = 4;
inline int lanes_for(int threads) {
    int lanes = LANES;
    while (lanes < threads) lanes *= 2;
    return lanes;
}
// Rows of a block: enough for the matrix products, few enough for the second-level cache.
inline int block_rows(const Shape &s) {
    int64_t floats = (int64_t)s.layers * (14 * s.d_inner + 3 * s.d_model);
    int64_t rows = 240000 / (floats > 0 ? floats : 1);
    if (rows < 64) rows = 64;
    if (s.d_inner >= 256) rows = 256;
    return rows > 256 ? 256 : (int)rows / CHUNK * CHUNK;
}

template <class T> class Model {
public:
    Model(const Shape &shape, const T *const *parameters, const Batch<T> &b, int threads)
        : s(shape), n(shape), threads_(threads), backbone(s, w) {
        Workspace &space = Workspace::get();
        space.reserve(lanes_for(threads));
        size_t size = cut_weights<T>(s, nullptr, w);
        cut_weights<T>(s, space.weights.get<T>(size), w);
        int jobs = s.layers + 1;
        parallel_for(size > 100000 ? threads : 1, jobs, [&](int i, int) {
            if (i < s.layers) pack_layer(s, parameters + parameter(i, 0), w.layer[i]);
            else pack_outer(s, parameters, w);
        });
        int64_t positions = 0;
        for (int i = 0; i < b.sequences; i++) positions += b.lengths[i];
        backbone.prepare(positions);
    }

    // Elements that `forward` saves for `backward`.
    static size_t saved(const Shape &s, const Plan &plan) {
        size_t total = 0;
        Rows<T> a;
        for (const Task &t : plan.tasks) total += cut_rows<T>(s, t.rows, t.states, nullptr, a);
        return total;
    }

    void forward(const Plan &plan, const Batch<T> &b, T *saved, T *out) {
        std::vector<size_t> at = offsets(plan);
        size_t scratch = scratch_size(plan);
        Workspace &space = Workspace::get();
        parallel_for(threads_, (int)plan.tasks.size(), [&](int i, int worker) {
            const Task &task = plan.tasks[i];
            Rows<T> a;
            cut_rows(s, task.rows, task.states, saved + at[i], a);
            Scratch<T> c;
            cut_scratch(s, plan.longest_block, space.worker(worker).template get<T>(scratch), c);
            for_blocks(plan, task, [&](const Block &block, const Piece *pieces) {
                forward_block(b, block, pieces, a, c, nullptr);
                write(b, block, pieces, s.bare ? a.stream : a.logits, s.bare ? n.d_ld : n.O_ld, out);
            });
        });
    }

    void backward(const Plan &plan, const Batch<T> &b, T *saved, const T *dout, T *dinputs,
                  T *const *gradients) {
        std::vector<size_t> at = offsets(plan);
        each_lane(plan, gradients, 0, [&](int i, const Task &task, Scratch<T> &c, T *carry, T *,
                                          const Sums<T> &g) {
            Rows<T> a;
            cut_rows(s, task.rows, task.states, saved + at[i], a);
            for (int k = task.blocks - 1; k >= 0; k--) {
                const Block &block = plan.blocks[task.first_block + k];
                const Piece *pieces = &plan.pieces[block.first_piece];
                if (s.bare) read(b, block, pieces, dout, s.d_model, c.dstream, n.d_ld, block.row);
                else read(b, block, pieces, dout, s.outputs, a.logits, n.O_ld, 0);
                backward_block(b, block, pieces, a, c, carry, g);
                if (dinputs)
                    write_rows(b, block, pieces, c.dstream, n.d_ld, s.d_model, block.row, dinputs);
            }
        });
    }

    // Loss and gradients in one pass.
    double step(const Plan &plan, const Batch<T> &b, const Targets<T> &targets, T *const *gradients) {
        std::vector<double> losses(plan.tasks.size());
        Rows<T> sizes;
        size_t rows = cut_rows<T>(s, plan.longest, plan.most_states, nullptr, sizes);
        each_lane(plan, gradients, rows, [&](int i, const Task &task, Scratch<T> &c, T *carry, T *buffer,
                                             const Sums<T> &g) {
            Rows<T> a;
            cut_rows(s, task.rows, task.states, buffer, a);
            for_blocks(plan, task, [&](const Block &block, const Piece *pieces) {
                forward_block(b, block, pieces, a, c, nullptr);
                for (int p = 0; p < block.pieces; p++)
                    for (int t = 0; t < pieces[p].length; t++)
                        losses[i] += targets.row(s.outputs, pieces[p].sequence * b.time + pieces[p].start + t,
                                                 a.logits + (ptrdiff_t)(pieces[p].row + t) * n.O_ld);
            });
            for (int k = task.blocks - 1; k >= 0; k--) {
                const Block &block = plan.blocks[task.first_block + k];
                backward_block(b, block, &plan.pieces[block.first_piece], a, c, carry, g);
            }
        });
        double loss = 0;
        for (double l : losses) loss += l;
        return loss;
    }

    // Without gradients, memory constant in time. state: a carry (see carry_size) per sequence and layer,
    // in and out, or null (sequences start from zero).
    void stream(const Plan &plan, const Batch<T> &b, T *state, T *out) {
        Rows<T> sizes;
        size_t rows = cut_rows<T>(s, plan.longest_block, 0, nullptr, sizes, true);
        size_t scratch = scratch_size(plan), carry = carry_size<T>(s) * s.layers;
        Workspace &space = Workspace::get();
        size_t most = 1;
        for (const Block &block : plan.blocks) most = block.pieces > (int)most ? block.pieces : most;
        size_t all = rows + scratch + (state ? 0 : most * carry);
        parallel_for(threads_, (int)plan.tasks.size(), [&](int i, int worker) {
            T *buffer = space.worker(worker).template get<T>(all);
            Rows<T> a;
            cut_rows(s, plan.longest_block, 0, buffer, a, true);
            Scratch<T> c;
            cut_scratch(s, plan.longest_block, buffer + rows, c);
            std::vector<T *> carries(most);
            std::vector<Piece> local;
            for_blocks(plan, plan.tasks[i], [&](const Block &block, const Piece *pieces) {
                local.assign(pieces, pieces + block.pieces);
                for (int p = 0; p < block.pieces; p++) {
                    local[p].row -= block.row;
                    carries[p] = state ? state + (size_t)pieces[p].sequence * carry
                                       : buffer + rows + scratch + p * carry;
                    if (!state && pieces[p].first) std::memset(carries[p], 0, carry * sizeof(T));
                }
                Block here = block;
                here.row = 0;
                forward_block(b, here, local.data(), a, c, carries.data());
                write(b, here, local.data(), s.bare ? a.stream : a.logits, s.bare ? n.d_ld : n.O_ld, out);
            });
        });
    }

private:
    template <class F> void for_blocks(const Plan &plan, const Task &task, F body) {
        for (int k = 0; k < task.blocks; k++) {
            const Block &block = plan.blocks[task.first_block + k];
            body(block, &plan.pieces[block.first_piece]);
        }
    }

    std::vector<size_t> offsets(const Plan &plan) const {
        std::vector<size_t> at;
        size_t total = 0;
        Rows<T> a;
        for (const Task &t : plan.tasks) {
            at.push_back(total);
            total += cut_rows<T>(s, t.rows, t.states, nullptr, a);
        }
        return at;
    }
    size_t scratch_size(const Plan &plan) const {
        Scratch<T> c;
        return cut_scratch<T>(s, plan.longest_block, nullptr, c);
    }

    // Runs body(task index, task, scratch, carry, extra elements, sums) for every task, a lane's tasks
    // one after the other, then adds the lanes up into the gradients.
    template <class F> void each_lane(const Plan &plan, T *const *gradients, size_t extra, F body) {
        Workspace &space = Workspace::get();
        Sums<T> sizes;
        size_t size = cut_sums<T>(s, nullptr, sizes), scratch = scratch_size(plan);
        size_t carry = carry_size<T>(s) * s.layers, tokens = (size_t)table_tokens(s) * n.d_ld;
        T *sums = space.sums.get<T>(size * plan.lanes);
        parallel_for(threads_, plan.lanes, [&](int turn, int worker) {
            int lane = plan.order[turn];
            Sums<T> g;
            cut_sums(s, sums + lane * size, g);
            std::memset(sums + lane * size, 0, size * sizeof(T));
            T *buffer = space.worker(worker).template get<T>(scratch + carry + extra + tokens);
            Scratch<T> c;
            cut_scratch(s, plan.longest_block, buffer, c);
            for (int i = 0; i < (int)plan.tasks.size(); i++)
                if (plan.tasks[i].lane == lane)
                    body(i, plan.tasks[i], c, buffer + scratch, buffer + scratch + carry, g);
            if (backbone.by_token) backbone.tokens_backward(buffer + scratch + carry + extra, g);
        });
        Sums<T> g;
        cut_sums(s, sums, g);
        parallel_for(size > 100000 ? threads_ : 1, s.layers + 1, [&](int i, int) {
            if (i < s.layers)
                unpack_layer(s, g.layer[i], w.layer[i], size, plan.lanes, gradients + parameter(i, 0));
            else
                unpack_outer(s, g, size, plan.lanes, gradients);
        });
    }

    void forward_block(const Batch<T> &b, const Block &block, const Piece *pieces, Rows<T> &a,
                       Scratch<T> &c, T **carries) const {
        if (s.bare) read(b, block, pieces, b.inputs, s.d_model, a.layer[0].stream, n.d_ld, 0);
        else backbone.embed(pieces, block.pieces, b.tokens, b.time, a.layer[0]);
        std::vector<T *> at(carries ? block.pieces : 0);
        for (int i = 0; i < s.layers; i++) {
            T *out = (i + 1 < s.layers ? a.layer[i + 1].stream : a.stream) + (ptrdiff_t)block.row * n.d_ld;
            for (size_t p = 0; p < at.size(); p++) at[p] = carries[p] + i * carry_size<T>(s);
            backbone.layer_forward(i, pieces, block.pieces, block.row, block.rows, a.layer[i], c,
                                   carries ? at.data() : nullptr, out);
        }
        if (!s.bare) backbone.head_forward(block.row, block.rows, a);
    }

    void backward_block(const Batch<T> &b, const Block &block, const Piece *pieces, Rows<T> &a,
                        Scratch<T> &c, T *carry, const Sums<T> &g) const {
        if (!s.bare) backbone.head_backward(block.row, block.rows, a, c, g);
        for (int i = s.layers - 1; i >= 0; i--)
            backbone.layer_backward(i, pieces, block.pieces, block.row, block.rows, a.layer[i], c,
                                    carry + i * carry_size<T>(s), g.layer[i]);
        if (!s.bare)
            backbone.embed_backward(pieces, block.pieces, block.row, b.tokens, b.time, c, g);
    }

    // Padded batch [B, time, columns] <-> rows; `base`: the row that stands first in `rows`.
    void read(const Batch<T> &b, const Block &block, const Piece *pieces, const T *from, int columns,
              T *rows, int ld, int base) const {
        for (int i = 0; i < block.pieces; i++)
            for (int t = 0; t < pieces[i].length; t++) {
                T *to = rows + (ptrdiff_t)(pieces[i].row - base + t) * ld;
                const T *f = from + (pieces[i].sequence * b.time + pieces[i].start + t) * columns;
                std::memcpy(to, f, columns * sizeof(T));
                std::memset(to + columns, 0, (ld - columns) * sizeof(T));
            }
    }
    void write_rows(const Batch<T> &b, const Block &block, const Piece *pieces, const T *rows, int ld,
                    int columns, int base, T *out) const {
        for (int i = 0; i < block.pieces; i++)
            for (int t = 0; t < pieces[i].length; t++)
                std::memcpy(out + (pieces[i].sequence * b.time + pieces[i].start + t) * columns,
                            rows + (ptrdiff_t)(pieces[i].row - base + t) * ld, columns * sizeof(T));
    }
    void write(const Batch<T> &b, const Block &block, const Piece *pieces, const T *rows, int ld, T *out) const {
        write_rows(b, block, pieces, rows, ld, s.bare ? s.d_model : s.outputs, 0, out);
    }

    const Shape &s;
    Widths<T> n;
    int threads_;
    Weights<T> w;
    Backbone<T> backbone;
};

}  // namespace starfree
