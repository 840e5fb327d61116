// dx = dy W, where dy counts as 0 where the ReLU gave 0; a thread per input.

extern "C" __global__ void __launch_bounds__(THREADS) linear_input_gradient(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    const unsigned m = blockIdx.z;
    if (i >= a.batch * a.inputs) {
        return;
    }
    const float* weight = a.weights + m * a.stride + i % a.inputs;
    const size_t row = ((size_t)m * a.batch + i / a.inputs) * a.outputs;
    float sum = 0.0f;
    for (unsigned o = 0; o < a.outputs; o++) {
        if (!a.relu || a.y[row + o] > 0.0f) {
            sum = fmaf(a.dy[row + o], weight[(size_t)o * a.inputs], sum);
        }
    }
    a.dx[(size_t)m * a.batch * a.inputs + i] = sum;
}
