// dW = dy^T x and d_bias = sum of dy over the batch rows of a model, where dy counts as 0 where the ReLU gave
// 0; a thread per parameter.

extern "C" __global__ void __launch_bounds__(THREADS) linear_weight_gradient(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    const unsigned m = blockIdx.z, matrix = a.outputs * a.inputs;
    if (i >= matrix + a.outputs) {
        return;
    }
    const unsigned o = i < matrix ? i / a.inputs : i - matrix;
    float sum = 0.0f;
    for (unsigned b = 0; b < a.batch; b++) {
        const size_t row = (size_t)m * a.batch + b;
        if (!a.relu || a.y[row * a.outputs + o] > 0.0f) {
            sum = fmaf(a.dy[row * a.outputs + o], i < matrix ? a.x[row * a.inputs + i % a.inputs] : 1.0f, sum);
        }
    }
    a.d_weights[m * a.stride + i] = sum;
}
