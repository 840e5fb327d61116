// Copies a mini-batch out of the frame table and standardizes it; a warp per time step of a batch row.

extern "C" __global__ void __launch_bounds__(THREADS) gather(const __grid_constant__ Arguments a) {
    const unsigned row = (blockIdx.x * THREADS + threadIdx.x) / 32, m = blockIdx.z; // (t, b)
    if (row >= a.steps * a.batch) {
        return;
    }
    const unsigned t = row / a.batch, sequence = m * a.batch + (row - t * a.batch);
    const bool is_live = t < a.lengths[sequence];
    const unsigned step = a.stat_steps == 1 ? 0 : t;
    const float* mean = a.stats + ((size_t)m * 2 * a.stat_steps + step) * a.features;
    const float* inv_std = mean + (size_t)a.stat_steps * a.features;
    const float* frame = a.frames + ((size_t)a.first[sequence] + t) * a.features;
    float* x = a.x + ((size_t)m * a.steps * a.batch + row) * a.features;
#pragma unroll 4 // the loads of four numbers are in flight together
    for (unsigned d = threadIdx.x % 32; d < a.features; d += 32) {
        x[d] = is_live ? (frame[d] - mean[d]) * inv_std[d] : 0.0f;
    }
}
