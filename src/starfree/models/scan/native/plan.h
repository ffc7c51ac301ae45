// How a batch of sequences of different lengths becomes blocks of rows. Only real positions are
// computed: the rows of a block are the positions of its pieces, one behind the other.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "scan.h"

namespace starfree {

// A stretch of one sequence. Several short sequences share a block; a long one spans several.
struct Piece {
    int sequence, start, length;
    int row;             // in its task
    int64_t checkpoint;  // index of its first stored state, in its task
    bool first, last;    // of its sequence
};
struct Block { int row, rows, first_piece, pieces; };
struct Task {
    int first_block, blocks, rows, lane;
    int64_t states;      // stored states
    int64_t row0, state0;  // rows and states of the tasks before this one
};
struct Plan {
    std::vector<Piece> pieces;
    std::vector<Block> blocks;
    std::vector<Task> tasks;
    std::vector<int> order;  // lanes, those with the most rows first, so that threads end together
    int lanes = 1, longest = 0, longest_block = 0;
    int64_t rows = 0, states = 0, most_states = 0;
};

// A task is a block of short sequences, or one long sequence. Tasks are dealt to `lanes`, each with
// its own gradient sums, added in a fixed order: results do not depend on the number of threads.
inline Plan make_plan(int sequences, const int64_t *lengths, int block_rows, int lanes) {
    Plan plan;
    auto chunks = [](int length) { return (length + CHUNK - 1) / CHUNK; };
    int64_t total = 0;
    for (int s = 0; s < sequences; s++) total += lengths[s];
    // At least one task per lane where there are sequences enough.
    int64_t share = (total + lanes - 1) / lanes;
    int task_rows = share < block_rows ? (share > 1 ? (int)share : 1) : block_rows;
    for (int s = 0; s < sequences;) {
        Task task{(int)plan.blocks.size(), 0, 0, 0, 0, plan.rows, plan.states};
        if (lengths[s] > block_rows) {
            int length = (int)lengths[s], count = (length + block_rows - 1) / block_rows;
            int step = ((length + count - 1) / count + CHUNK - 1) / CHUNK * CHUNK;
            for (int start = 0; start < length; start += step) {
                int n = length - start < step ? length - start : step;
                plan.blocks.push_back({start, n, (int)plan.pieces.size(), 1});
                plan.pieces.push_back({s, start, n, start, task.states, start == 0, start + n == length});
                task.states += chunks(n);
                task.blocks++;
            }
            task.states++;
            task.rows = length;
            s++;
        } else {
            Block block{0, 0, (int)plan.pieces.size(), 0};
            while (s < sequences && lengths[s] <= block_rows &&
                   (block.pieces == 0 || block.rows + lengths[s] <= task_rows)) {
                int length = (int)lengths[s];
                if (length > 0) {
                    plan.pieces.push_back({s, 0, length, block.rows, task.states, true, true});
                    task.states += chunks(length) + 1;
                    block.rows += length;
                    block.pieces++;
                }
                s++;
            }
            if (!block.pieces) continue;
            plan.blocks.push_back(block);
            task.blocks = 1;
            task.rows = block.rows;
        }
        task.lane = (int)((plan.rows * lanes + task.rows * lanes / 2) / (total ? total : 1));
        if (task.lane >= lanes) task.lane = lanes - 1;
        plan.rows += task.rows;
        plan.states += task.states;
        if (task.rows > plan.longest) plan.longest = task.rows;
        if (task.states > plan.most_states) plan.most_states = task.states;
        plan.tasks.push_back(task);
    }
    for (const Block &b : plan.blocks)
        if (b.rows > plan.longest_block) plan.longest_block = b.rows;
    plan.lanes = lanes;
    std::vector<int64_t> work(lanes, 0);
    for (const Task &task : plan.tasks) work[task.lane] += task.rows;
    for (int lane = 0; lane < lanes; lane++) plan.order.push_back(lane);
    std::stable_sort(plan.order.begin(), plan.order.end(), [&](int a, int b) { return work[a] > work[b]; });
    return plan;
}

}  // namespace starfree
