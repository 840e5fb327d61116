// Gradients by the weights of a layer, (M, splits, dirs, H, 4, D + H + 1), as one GEMM whose depth is (T, B):
//
//   for each split:                             // split-K: a share of the depth, in whole chunks
//       for k = (t, b) in the share, t < length[b]:
//           column = (x[t, b], h before step t of row b, 1)
//           partial[split] += delta[t, b] column^T
//
// delta is the gradient by a unit's four packed gates. The column of ones gives the bias. gemm_tile.cu runs
// the sum; rnn_weight_gradient_sum.cu adds the splits.

extern "C" __global__ void __launch_bounds__(THREADS) rnn_weight_gradient(const __grid_constant__ Arguments a) {
    const unsigned row_tiles = (4 * a.hidden + SIDE - 1) / SIDE;
    const unsigned row = blockIdx.x % row_tiles * SIDE, column = blockIdx.x / row_tiles * SIDE;
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const unsigned columns = a.input + a.hidden + 1, depth = a.steps * a.batch;
    const size_t model = (size_t)(a.model + m);
    const saved_t* deltas = a.deltas + model * depth * a.dirs * 4 * a.hidden + dir * 4 * a.hidden;
    const float* x = a.x + model * depth * a.input;
    const float* y = a.y + model * depth * a.dirs * a.hidden + dir * a.hidden;
    const float* initial =
        a.initial != nullptr ? a.initial + (model * STATES * a.dirs + dir) * a.batch * a.hidden : nullptr;
    const auto load_delta = [&](unsigned i, unsigned k) {
        return i < 4 * a.hidden && k < depth ? load(deltas, (size_t)k * a.dirs * 4 * a.hidden + i) : 0.0f;
    };
    const auto load_column = [&](unsigned i, unsigned k) {
        if (i >= columns || k >= depth) {
            return 0.0f;
        }
        const unsigned t = quotient(k, a.batch_factor, a.batch_shift), b = k - t * a.batch;
        const unsigned length = a.lengths[model * a.batch + b];
        if (t >= length) {
            return 0.0f; // delta is 0 there, and x is undefined
        }
        if (i < a.input) {
            return x[(size_t)k * a.input + i];
        }
        if (i == columns - 1) {
            return 1.0f;
        }
        const unsigned unit = i - a.input;
        const bool is_first = dir == 0 ? t == 0 : t + 1 == length;
        if (is_first) {
            return initial != nullptr ? initial[(size_t)b * a.hidden + unit] : 0.0f;
        }
        const unsigned before = dir == 0 ? k - a.batch : k + a.batch;
        return y[(size_t)before * a.dirs * a.hidden + unit];
    };
    Sums sums;
    clear(sums);
    const unsigned from = blockIdx.y * a.share, to = from + a.share < depth ? from + a.share : depth;
    multiply<Chunk<false>, Chunk<false>>(load_delta, load_column, row, column, from, to, sums);
    float* partial = a.partial + (((size_t)m * gridDim.y + blockIdx.y) * a.dirs + dir) * 4 * a.hidden * columns;
    each_sum(sums, row, column, 4 * a.hidden, columns, [&](unsigned r, unsigned c, float sum) {
        partial[(size_t)r * columns + c] = sum;
    });
}
