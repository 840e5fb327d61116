// Adds the splits of conv_weight_gradient.cu in order and stores the sums in the layout of the parameters; a
// thread per parameter.

extern "C" __global__ void __launch_bounds__(THREADS) conv_weight_gradient_sum(const __grid_constant__ Arguments a) {
    const unsigned depth = a.kernel * a.input, columns = depth + 1;
    const size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x, each = (size_t)a.filters * columns;
    if (i >= each) {
        return;
    }
    const unsigned column = i % columns, f = i / columns;
    float sum = 0.0f;
    for (unsigned split = 0; split < a.splits; split++) {
        sum += a.partial[((size_t)blockIdx.z * a.splits + split) * each + i];
    }
    float* weights = a.d_weights + (a.model + blockIdx.z) * a.stride;
    float* bias = weights + (size_t)a.filters * depth;
    if (column < depth) {
        weights[(size_t)f * depth + column % a.input * a.kernel + column / a.input] = sum;
    } else {
        bias[f] = sum;
    }
}
