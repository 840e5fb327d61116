// dW = dy^T x and d_bias = sum of dy over the batch rows of a model, where dy counts as 0 where the ReLU gave
// 0; SUMS parameters a block.

extern "C" __global__ void __launch_bounds__(THREADS) linear_weight_gradient(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * SUMS + own_sum();
    const unsigned m = blockIdx.z, matrix = a.outputs * a.inputs;
    const bool is_there = i < matrix + a.outputs, is_bias = i >= matrix;
    const unsigned o = is_bias ? i - matrix : i / a.inputs;
    const size_t first = (size_t)m * a.batch;
    const float* x = a.x + first * a.inputs + i % a.inputs;
    const float* y = a.y + first * a.outputs + o;
    const float* dy = a.dy + first * a.outputs + o;
    const float sum = linear_sum(is_there ? a.batch : 0, [&](unsigned b, float sum) {
        // Loads without conditions, and a select after them: no load waits for another.
        const float d = dy[(size_t)b * a.outputs], output = y[(size_t)b * a.outputs], input = x[(size_t)b * a.inputs];
        const float added = fmaf(d, is_bias ? 1.0f : input, sum);
        return a.relu && !(output > 0.0f) ? sum : added;
    });
    if (threadIdx.x < SUMS && is_there) {
        a.d_weights[m * a.stride + i] = sum;
    }
}
