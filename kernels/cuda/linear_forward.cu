// y = x W^T + bias, then ReLU where the layer has one; a thread per output.

extern "C" __global__ void __launch_bounds__(THREADS) linear_forward(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    const unsigned m = blockIdx.z;
    if (i >= a.batch * a.outputs) {
        return;
    }
    const unsigned o = i % a.outputs;
    const float* weight = a.weights + m * a.stride;
    const float* row = weight + (size_t)o * a.inputs;
    const float* x = a.x + ((size_t)m * a.batch + i / a.outputs) * a.inputs;
    float sum = 0.0f;
    for (unsigned k = 0; k < a.inputs; k++) {
        sum = fmaf(row[k], x[k], sum);
    }
    const float value = weight[(size_t)a.outputs * a.inputs + o] + sum;
    // The comparison keeps NaN; `fmaxf` would turn it into 0.
    a.y[(size_t)m * a.batch * a.outputs + i] = a.relu && value < 0.0f ? 0.0f : value;
}
