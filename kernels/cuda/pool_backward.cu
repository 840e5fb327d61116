// Spreads the gradient by the pooled vector over the time steps (mean), (M, T, B, dirs*H), or stores it in
// the final state (last), (M, S, dirs, B, H); a thread per element of the result.

extern "C" __global__ void __launch_bounds__(THREADS) pool_backward(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    const unsigned m = blockIdx.z, width = a.dirs * a.hidden;
    const unsigned len = (a.is_mean ? a.steps : a.states) * a.batch * width;
    if (i >= len) {
        return;
    }
    float value = 0.0f;
    if (a.is_mean) {
        const unsigned b = i / width % a.batch, t = i / width / a.batch, sequence = m * a.batch + b;
        if (t < a.lengths[sequence]) {
            value = a.d_out[(size_t)sequence * width + i % width] / (float)a.lengths[sequence];
        }
    } else {
        const unsigned b = i / a.hidden % a.batch, dir = i / a.hidden / a.batch % a.dirs;
        const unsigned state = i / a.hidden / a.batch / a.dirs, sequence = m * a.batch + b;
        if (state == 0 && a.lengths[sequence] > 0) {
            value = a.d_out[(size_t)sequence * width + dir * a.hidden + i % a.hidden];
        }
    }
    a.to[(size_t)m * len + i] = value;
}
