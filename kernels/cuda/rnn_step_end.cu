// The gradient by the initial state, after the time loop of rnn_step_backward.cu: `carry` plus the gradient
// through the recurrent GEMM of the last launch; a thread per cell.

extern "C" __global__ void __launch_bounds__(THREADS) rnn_step_end(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= a.batch * a.hidden) {
        return;
    }
    const unsigned dir = blockIdx.y, m = blockIdx.z;
    const size_t rows = (size_t)a.batch * a.hidden;
    const size_t state_at = ((size_t)m * STATES * a.dirs + dir) * rows + i;
    a.d_initial[state_at] = a.carry[state_at] + a.recurrent[((size_t)m * a.dirs + dir) * rows + i];
    if (STATES == 2) {
        a.d_initial[state_at + a.dirs * rows] = a.carry[state_at + a.dirs * rows];
    }
}
