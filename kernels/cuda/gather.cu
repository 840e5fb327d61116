// Copies a mini-batch out of the frame table and standardizes it; a thread per element.

extern "C" __global__ void __launch_bounds__(THREADS) gather(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    const unsigned m = blockIdx.z;
    if (i >= a.steps * a.batch * a.features) {
        return;
    }
    const unsigned d = i % a.features, b = i / a.features % a.batch, t = i / a.features / a.batch;
    const unsigned sequence = m * a.batch + b;
    float value = 0.0f;
    if (t < a.lengths[sequence]) {
        const unsigned step = a.stat_steps == 1 ? 0 : t;
        const size_t mean = ((size_t)m * 2 * a.stat_steps + step) * a.features + d;
        const size_t inv_std = mean + (size_t)a.stat_steps * a.features;
        const float frame = a.frames[((size_t)a.first[sequence] + t) * a.features + d];
        value = (frame - a.stats[mean]) * a.stats[inv_std];
    }
    a.x[(size_t)m * a.steps * a.batch * a.features + i] = value;
}
