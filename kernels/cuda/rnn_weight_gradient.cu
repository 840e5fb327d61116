// Gradients by the weights of a layer, (M, splits, dirs, H, 4, D + H + 1), as one GEMM whose depth is (T, B):
//
//   for each split:                             // split-K: a share of the depth, in whole chunks
//       for k = (t, b) in the share, t < length[b]:
//           column = (x[t, b], h before step t of row b, 1)
//           partial[split] += delta[t, b] column^T
//
// delta is the gradient by a unit's four packed gates. The column of ones gives the bias. gemm_tile.cu runs
// the sum; rnn_weight_gradient_sum.cu adds the splits. IS_ALIGNED: D and H are multiples of four.

// A row of the column of ones, with 0 beyond it.
__device__ __align__(16) const float ONE[4] = {1.0f, 0.0f, 0.0f, 0.0f};

// Where the parts of the column of one k begin in memory; nullptr where they are 0.
struct Column {
    const float *x, *h;
};

#define TABLE 512 // k's of which the columns are looked up at once
static_assert(TABLE % CHUNK == 0, "a chunk has its columns in one table");

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) rnn_weight_gradient(const __grid_constant__ Arguments a) {
    SHARED(Column, table, TABLE);
    const unsigned row_tiles = (4 * a.hidden + TILE_ROWS - 1) / TILE_ROWS;
    const unsigned row = blockIdx.x % row_tiles * TILE_ROWS, column = blockIdx.x / row_tiles * TILE_COLUMNS;
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const unsigned states = a.input + a.hidden, depth = a.steps * a.batch;
    const unsigned y_row = a.dirs * a.hidden, delta_row = 4 * y_row;
    const size_t model = (size_t)(a.model + m);
    const saved_t* deltas = a.deltas + model * depth * delta_row + dir * 4 * a.hidden;
    const float* x = a.x + model * depth * a.input;
    const float* y = a.y + model * depth * y_row + dir * a.hidden;
    const float* initial =
        a.initial != nullptr ? a.initial + (model * STATES * a.dirs + dir) * a.batch * a.hidden : nullptr;
    const unsigned from = blockIdx.y * a.share, to = from + a.share < depth ? from + a.share : depth;
    Sums sums;
    clear(sums);
    for (unsigned start = from; start < to; start += TABLE) {
        const unsigned end = start + TABLE < to ? start + TABLE : to;
        __syncthreads();
        for (unsigned k = start + threadIdx.x; k < start + TABLE; k += THREADS) {
            const unsigned t = quotient(k, a.batch_factor, a.batch_shift), b = k - t * a.batch;
            // At and beyond a row's length delta is 0, and x is undefined.
            const unsigned length = k < to ? a.lengths[model * a.batch + b] : 0;
            const bool is_live = t < length, is_first = dir == 0 ? t == 0 : t + 1 == length;
            const float* first = initial != nullptr ? initial + (size_t)b * a.hidden : nullptr;
            const float* before = y + (size_t)(dir == 0 ? k - a.batch : k + a.batch) * y_row;
            table[k - start].x = is_live ? x + (size_t)k * a.input : nullptr;
            table[k - start].h = !is_live ? nullptr : is_first ? first : before;
        }
        __syncthreads();
        const auto load_delta = [&](unsigned i, unsigned k) {
            const saved_t* at = deltas + ((size_t)k * delta_row + i);
            return k < (i < 4 * a.hidden ? end : 0) ? load_four(at) : no_four(at);
        };
        const auto part = [&](unsigned i, unsigned k) {
            const Column& column = table[k - start];
            return i < a.input || i >= states ? column.x : column.h;
        };
#if IS_ALIGNED
        const auto load_column = [&](unsigned i, unsigned k) {
            const float* at = part(i, k);
            const float* from = i == states ? ONE : at + (i < a.input ? i : i - a.input);
            return at != nullptr && i <= states ? load_four(from) : no_four(at);
        };
#else
        const auto element = [&](unsigned i, unsigned k) {
            const float* at = part(i, k);
            return at == nullptr || i > states ? 0.0f : i == states ? 1.0f : at[i < a.input ? i : i - a.input];
        };
        const auto load_column = one_by_one<false>(element);
#endif
        multiply<ChunkA<false>, ChunkB<false>>(load_delta, load_column, row, column, start, end, sums);
    }
    float* partial = a.partial + (((size_t)m * gridDim.y + blockIdx.y) * a.dirs + dir) * 4 * a.hidden * a.partial_row;
    each_pair(sums, row, column, 4 * a.hidden, a.partial_row, [&](unsigned r, unsigned c, float sum, float next) {
        store_pair(partial + ((size_t)r * a.partial_row + c), sum, next);
    });
}
