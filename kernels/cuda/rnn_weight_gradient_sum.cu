// Adds the splits of rnn_weight_gradient.cu in order and stores the sums in the layout of the parameters; a
// thread per column of a gate's row.

extern "C" __global__ void __launch_bounds__(THREADS) rnn_weight_gradient_sum(const __grid_constant__ Arguments a) {
    const unsigned columns = a.input + a.hidden + 1;
    const size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x;
    if (i >= (size_t)GATES * a.hidden * columns) {
        return;
    }
    const unsigned column = i % columns, row = i / columns, unit = row % a.hidden, gate = row / a.hidden;
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const auto sum = [&](unsigned slot) {
        float sum = 0.0f;
#pragma unroll 8 // the loads of eight splits are in flight together
        for (unsigned split = 0; split < a.splits; split++) {
            const size_t start = (((size_t)m * a.splits + split) * a.dirs + dir) * 4 * a.hidden;
            sum += a.partial[(start + unit * 4 + slot) * a.partial_row + column];
        }
        return sum;
    };
    const unsigned rows = GATES * a.hidden;
    float* weight_ih = a.d_weights + (a.model + m) * a.stride + dir * (size_t)rows * (a.input + a.hidden + a.biases);
    float* weight_hh = weight_ih + (size_t)rows * a.input;
    float* bias_ih = weight_hh + (size_t)rows * a.hidden;
    if (column < a.input) {
        weight_ih[(size_t)row * a.input + column] = sum(gate);
    } else if (column < columns - 1) {
        weight_hh[(size_t)row * a.hidden + column - a.input] = sum(recurrent_slot(gate));
    } else {
        bias_ih[row] = sum(gate);
        if (a.biases == 2) {
            bias_ih[rows + row] = sum(recurrent_slot(gate));
        }
    }
}
