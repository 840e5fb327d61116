// The initial state's h as operands, for the first time step of rnn_step_forward.cu; a thread per cell.

extern "C" __global__ void __launch_bounds__(THREADS) rnn_step_begin(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= a.batch * a.hidden) {
        return;
    }
    const unsigned unit = i % a.hidden, row = i / a.hidden;
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const float h = a.initial[((size_t)m * STATES * a.dirs + dir) * a.batch * a.hidden + i];
    const size_t square = square_row(blockIdx.z, row / 16, a.batch, squares(a.hidden)) + unit / 16 * SQUARE;
    ((operand_t*)(a.after + square))[operand_at(row % 16, unit % 16, true)] = to_operand(h);
}
