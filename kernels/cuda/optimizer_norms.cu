// The gradient norm of each model from its sums of squares, 0 for an inactive model; a thread per model.

extern "C" __global__ void __launch_bounds__(THREADS) optimizer_norms(const __grid_constant__ Arguments a) {
    const unsigned m = blockIdx.x * THREADS + threadIdx.x;
    if (m >= a.models) {
        return;
    }
    float sum = 0.0f;
    for (unsigned chunk = 0; chunk < a.chunks; chunk++) {
        sum += a.squares[(size_t)m * a.chunks + chunk];
    }
    a.norms[m] = a.scalars[4 * m + 1] == 0.0f ? 0.0f : sqrtf(sum);
}
