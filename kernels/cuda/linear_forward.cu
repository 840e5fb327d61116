// y = x W^T + bias, then ReLU where the layer has one; SUMS outputs a block.

extern "C" __global__ void __launch_bounds__(THREADS) linear_forward(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * SUMS + own_sum();
    const unsigned m = blockIdx.z, o = i % a.outputs;
    const bool is_there = i < a.batch * a.outputs;
    const float* weight = a.weights + m * a.stride;
    const float* row = weight + (size_t)o * a.inputs;
    const float* x = a.x + ((size_t)m * a.batch + i / a.outputs) * a.inputs;
    const float sum = linear_sum(is_there ? a.inputs : 0, [&](unsigned k, float sum) { return fmaf(row[k], x[k], sum); });
    if (threadIdx.x < SUMS && is_there) {
        const float value = weight[(size_t)a.outputs * a.inputs + o] + sum;
        // The comparison keeps NaN; `fmaxf` would turn it into 0.
        a.y[(size_t)m * a.batch * a.outputs + i] = a.relu && value < 0.0f ? 0.0f : value;
    }
}
