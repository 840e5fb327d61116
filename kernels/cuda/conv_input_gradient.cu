// The gradient by the input of a convolution block: dx[t] = sum over taps and filters, (k, F), of dz[t - tap]
// times the tap's weight. It is 0 at and beyond a row's length, because no z has a tap there.

extern "C" __global__ void __launch_bounds__(THREADS) conv_input_gradient(const __grid_constant__ Arguments a) {
    SHARED(uint4, places, TILE_ROWS); // of each row of the tile: time step, batch row, length
    const unsigned m = blockIdx.z, row = blockIdx.x * TILE_ROWS, column = blockIdx.y * TILE_COLUMNS;
    const unsigned rows = a.steps * a.batch, depth = a.kernel * a.filters;
    const size_t y_start = (size_t)m * a.out_steps * a.batch * a.filters;
    const float* argmax = a.argmax + y_start;
    const float* dy = a.dy + y_start;
    const float* weights = a.weights + m * a.stride;
    if (threadIdx.x < TILE_ROWS) {
        const unsigned r = row + threadIdx.x, b = r % a.batch;
        places[threadIdx.x] = make_uint4(r / a.batch, b, r < rows ? a.lengths[m * a.batch + b] : 0, 0);
    }
    __syncthreads();
    const auto load_dz = [&](unsigned i, unsigned k) {
        const uint4 place = places[i];
        const unsigned tap = quotient(k, a.filters_factor, a.filters_shift), step = place.x - tap;
        if (k >= depth || tap > place.x || !has_step(step, a.kernel, place.z)) {
            return 0.0f;
        }
        const size_t at = ((size_t)(step / 2) * a.batch + place.y) * a.filters + (k - tap * a.filters);
        return unpooled(argmax[at], dy[at], step);
    };
    const auto load_weight = [&](unsigned c, unsigned k) {
        if (c >= a.input || k >= depth) {
            return 0.0f;
        }
        const unsigned tap = quotient(k, a.filters_factor, a.filters_shift);
        return weights[((size_t)(k - tap * a.filters) * a.input + c) * a.kernel + tap];
    };
    Sums sums;
    clear(sums);
    multiply<ChunkA<true>, ChunkB<false>>(load_dz, load_weight, 0, column, 0, depth, sums);
    float* dx = a.dx + (size_t)m * rows * a.input;
    each_sum(sums, row, column, rows, a.input, [&](unsigned r, unsigned c, float sum) {
        dx[(size_t)r * a.input + c] = sum;
    });
}
