// y and argmax of a convolution block: a GEMM of (rows and time steps of z, k C) by (k C, F). A block
// computes 32 elements of (T', B) for 64 filters. Of each 16 rows of the tile, the upper eight are the even
// time step of eight rows of y and the lower eight the odd one, so that one thread holds both values that it
// pools.

#define ABSENT (~(size_t)0)

extern "C" __global__ void __launch_bounds__(THREADS) conv_forward(const __grid_constant__ Arguments a) {
    SHARED(size_t, starts, TILE_ROWS); // index in x of each row's first tap
    const unsigned m = blockIdx.z, row = blockIdx.x * (TILE_ROWS / 2), column = blockIdx.y * TILE_COLUMNS;
    const unsigned rows = a.out_steps * a.batch, depth = a.kernel * a.input;
    const float* x = a.x + (size_t)m * a.steps * a.batch * a.input;
    const float* weights = a.weights + m * a.stride;
    const float* bias = weights + (size_t)a.filters * depth;
    const auto row_of_y = [&](unsigned i) { return row + i / 16 * 8 + i % 8; };
    if (threadIdx.x < TILE_ROWS) {
        const unsigned r = row_of_y(threadIdx.x), b = r % a.batch;
        const unsigned step = 2 * (r / a.batch) + threadIdx.x / 8 % 2;
        const bool is_live = r < rows && has_step(step, a.kernel, a.lengths[m * a.batch + b]);
        starts[threadIdx.x] = is_live ? ((size_t)step * a.batch + b) * a.input : ABSENT;
    }
    __syncthreads();
    const auto load_x = [&](unsigned i, unsigned k) {
        const size_t start = starts[i];
        if (k >= depth || start == ABSENT) {
            return 0.0f;
        }
        const unsigned tap = quotient(k, a.input_factor, a.input_shift);
        return x[start + (size_t)tap * a.batch * a.input + (k - tap * a.input)];
    };
    const auto load_weight = [&](unsigned f, unsigned k) {
        if (f >= a.filters || k >= depth) {
            return 0.0f;
        }
        const unsigned tap = quotient(k, a.input_factor, a.input_shift);
        return weights[(size_t)f * depth + (k - tap * a.input) * a.kernel + tap];
    };
    Sums sums;
    clear(sums);
    multiply<ChunkA<true>, ChunkB<true>>(load_x, load_weight, 0, column, 0, depth, sums);
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
#pragma unroll
        for (int n = 0; n < ACROSS; n++) {
#pragma unroll
            for (int j = 0; j < 2; j++) {
                const unsigned r = row_of_y(sum_row(i, j)), f = column + sum_column(n, j);
                if (r < rows && f < a.filters) {
                    float y = 0.0f, signed_y = 0.0f;
                    if (starts[sum_row(i, j)] != ABSENT) {
                        // Comparisons keep NaN; `fmaxf` would turn it into 0.
                        const float first = bias[f] + sums[i][n][j], second = bias[f] + sums[i][n][j + 2];
                        const float larger = first < second || is_nan(second) ? second : first;
                        y = larger < 0.0f ? 0.0f : larger;
                        signed_y = first < second ? -y : y;
                    }
                    const size_t at = ((size_t)m * rows + r) * a.filters + f;
                    a.y[at] = y;
                    if (a.argmax != nullptr) {
                        a.argmax[at] = signed_y;
                    }
                }
            }
        }
    }
}
