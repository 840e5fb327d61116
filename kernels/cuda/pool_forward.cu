// Pools the hidden states (M, T, B, dirs*H) (mean), or the final states (last), to (M, B, dirs*H); a thread
// per element of the result.

extern "C" __global__ void __launch_bounds__(THREADS) pool_forward(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    const unsigned m = blockIdx.z, width = a.dirs * a.hidden;
    if (i >= a.batch * width) {
        return;
    }
    const unsigned b = i / width, length = a.lengths[m * a.batch + b];
    const size_t model = (size_t)m * a.batch * width;
    float value = 0.0f;
    if (length > 0 && a.is_mean) {
        for (unsigned t = 0; t < length; t++) {
            value += a.from[model * a.steps + (size_t)t * a.batch * width + i];
        }
        value /= (float)length;
    } else if (length > 0) {
        const unsigned dir = i % width / a.hidden;
        value = a.from[(((size_t)m * a.states * a.dirs + dir) * a.batch + b) * a.hidden + i % a.hidden];
    }
    a.out[model + i] = value;
}
