// Gradients by the weights of a layer, (M, splits, dirs, H, 4, X + H'), as one GEMM whose depth is (T, B):
//
//   for each split:                          // split-K: a share of the depth, in whole chunks
//       for k = (t, b) in the share:
//           partial[split] += delta[t, b] (x[t, b], 1, h before step t of row b)^T
//
// delta is the gradient by a unit's four packed gates; it is 0 at and beyond a row's length. rnn_pack_x.cu
// and rnn_pack_h.cu have stored the columns as operands, x and 1 in rows of X, h in rows of H'. The column of
// ones gives the bias. rnn_weight_gradient_sum.cu adds the splits. IS_ALIGNED: rows of delta are whole groups
// of 16 bytes, else of 8.

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) rnn_weight_gradient(const __grid_constant__ Arguments a) {
    typedef ChunkA<false> A;
    typedef ChunkB<false> B;
    const unsigned row_tiles = (4 * a.hidden + TILE_ROWS - 1) / TILE_ROWS;
    const unsigned row = blockIdx.x % row_tiles * TILE_ROWS, column = blockIdx.x / row_tiles * TILE_COLUMNS;
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs, columns = a.x_row + a.h_row;
    const size_t model = a.model + m, delta_row = (size_t)a.dirs * 4 * a.hidden;
    const operand_t* deltas = a.deltas + model * a.depth * delta_row + dir * 4 * a.hidden;
    // This thread copies columns of one of the two matrices.
    const bool is_x = column + B::along() < a.x_row;
    const operand_t* x = a.x + model * a.depth * a.x_row;
    const operand_t* h = a.h + (model * a.dirs + dir) * a.depth * a.h_row - a.x_row;
    const unsigned from = blockIdx.y * a.share, to = from + a.share < a.depth ? from + a.share : a.depth;
    Sums sums;
    clear(sums);
    const Copies<A, A_BYTES> of_deltas(deltas, delta_row, row, 4 * a.hidden, from, to);
    const Copies<B, 16> of_columns(is_x ? x : h, is_x ? a.x_row : a.h_row, column, columns, from, to);
    multiply(of_deltas, of_columns, from, to, sums);
    float* partial = a.partial + (((size_t)m * gridDim.y + blockIdx.y) * a.dirs + dir) * 4 * a.hidden * columns;
    each_pair(sums, row, column, 4 * a.hidden, columns, [&](unsigned r, unsigned c, float sum, float next) {
        store_pair(partial + ((size_t)r * columns + c), sum, next);
    });
}
