// Gradients by the weights of a convolution block, (M, splits, F, k C + 1): for each filter the sum, over the
// rows and time steps of z, of dz times the input under each tap, and times 1 for the bias. Each split sums a
// share of the depth in whole chunks (split-K). The depth is (T', B, 2): pooled steps, batch rows, and the
// two time steps of each pooled step.

extern "C" __global__ void __launch_bounds__(THREADS) conv_weight_gradient(const __grid_constant__ Arguments a) {
    const unsigned row_tiles = (a.filters + TILE_ROWS - 1) / TILE_ROWS;
    const unsigned row = blockIdx.x % row_tiles * TILE_ROWS, column = blockIdx.x / row_tiles * TILE_COLUMNS;
    const unsigned columns = a.kernel * a.input + 1, depth = 2 * a.out_steps * a.batch;
    const size_t model = (size_t)(a.model + blockIdx.z);
    const float* x = a.x + model * a.steps * a.batch * a.input;
    const float* argmax = a.argmax + model * (depth / 2) * a.filters;
    const float* dy = a.dy + model * (depth / 2) * a.filters;
    const unsigned* lengths = a.lengths + model * a.batch;
    // Time step of z and batch row of element k of the depth.
    const auto step_of = [&](unsigned k) { return 2 * quotient(k / 2, a.batch_factor, a.batch_shift) + k % 2; };
    const auto row_of = [&](unsigned k) { return k / 2 - step_of(k) / 2 * a.batch; };
    const auto load_dz = [&](unsigned f, unsigned k) {
        if (f >= a.filters || k >= depth || !has_step(step_of(k), a.kernel, lengths[row_of(k)])) {
            return 0.0f;
        }
        const size_t at = (size_t)(k / 2) * a.filters + f;
        return unpooled(argmax[at], dy[at], k);
    };
    const auto load_column = [&](unsigned i, unsigned k) {
        // Where a row has no z, its gradients are 0 and x is undefined.
        if (i >= columns || k >= depth || !has_step(step_of(k), a.kernel, lengths[row_of(k)])) {
            return 0.0f;
        }
        if (i == columns - 1) {
            return 1.0f;
        }
        const unsigned tap = quotient(i, a.input_factor, a.input_shift);
        return x[((size_t)(step_of(k) + tap) * a.batch + row_of(k)) * a.input + (i - tap * a.input)];
    };
    Sums sums;
    clear(sums);
    const unsigned from = blockIdx.y * a.share, to = from + a.share < depth ? from + a.share : depth;
    multiply<ChunkA<false>, ChunkB<false>>(load_dz, load_column, row, column, from, to, sums);
    float* partial = a.partial + ((size_t)blockIdx.z * gridDim.y + blockIdx.y) * a.filters * columns;
    each_sum(sums, row, column, a.filters, columns, [&](unsigned r, unsigned c, float sum) {
        partial[(size_t)r * columns + c] = sum;
    });
}
