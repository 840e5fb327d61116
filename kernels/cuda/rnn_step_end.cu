// The gradient by the initial state, after the time loop of rnn_step_backward.cu: `carry` plus the gradient
// through the recurrent product of the last launch.

#define SHARES (THREADS / 32)

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) rnn_step_end(const __grid_constant__ Arguments a) {
    SHARED(float, partial, SHARES * PARTIAL);
    const Lane lane = this_lane(a.hidden, a.batch);
    const auto [loop, m, dir] = this_loop(a.dirs);
    const unsigned across = squares(a.hidden);
    const uint4* rows = a.before + square_row(loop, blockIdx.y * (ROWS / 16), a.batch, 4 * across);
    const uint4* units = a.weights + ((size_t)loop * across + blockIdx.x) * 4 * across * SQUARE;
    Product product = begin_product(rows, units, 4 * across, lane.warp, SHARES, true);
    end_product(product, partial);
    __syncthreads();
    const size_t state_at = lane.state(m, dir, a.dirs, a.batch, a.hidden), to_c = (size_t)a.dirs * a.batch * a.hidden;
#pragma unroll
    for (int r = 0; r < 2; r++) {
        if (lane.exists[r]) {
            const size_t at = state_at + 8 * r * a.hidden;
            a.d_initial[at] = a.carry[at] + lane.sum(partial, 0, 1, SHARES, r);
            if (STATES == 2) {
                a.d_initial[at + to_c] = a.carry[at + to_c];
            }
        }
    }
}
