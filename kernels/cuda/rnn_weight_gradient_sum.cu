// Adds the splits of rnn_weight_gradient.cu in order and stores the sums in the layout of the parameters; a
// thread per sum, so that neighbors read neighbors.

extern "C" __global__ void __launch_bounds__(THREADS) rnn_weight_gradient_sum(const __grid_constant__ Arguments a) {
    const unsigned columns = a.x_row + a.h_row, sums = 4 * a.hidden * columns;
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    // The columns are x, 1, padding, h, padding.
    const unsigned column = i % columns, slot = i / columns % 4, unit = i / columns / 4, of_h = column - a.x_row;
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs, gate = recurrent_gate(slot);
    const bool has_input = slot < GATES && column <= a.input, is_bias = column == a.input;
    const bool has_recurrent = gate < GATES && (column < a.x_row ? is_bias && a.biases == 2 : of_h < a.hidden);
    if (i >= sums || !(has_input || has_recurrent)) {
        return;
    }
    const float* partial = a.partial + ((size_t)m * a.splits * a.dirs + dir) * sums + i;
    const size_t split_stride = (size_t)a.dirs * sums;
    float sum = 0.0f;
#pragma unroll 16 // the loads of 16 splits are in flight together
    for (unsigned split = 0; split < a.splits; split++) {
        sum += partial[split * split_stride];
    }
    const unsigned rows = GATES * a.hidden, row = slot * a.hidden + unit, recurrent_row = gate * a.hidden + unit;
    float* weight_ih = a.d_weights + (a.model + m) * a.stride + dir * (size_t)rows * (a.input + a.hidden + a.biases);
    float* weight_hh = weight_ih + (size_t)rows * a.input;
    float* bias_ih = weight_hh + (size_t)rows * a.hidden;
    if (has_input) {
        (is_bias ? bias_ih + row : weight_ih + (size_t)row * a.input + column)[0] = sum;
    }
    if (has_recurrent) {
        (is_bias ? bias_ih + rows + recurrent_row : weight_hh + (size_t)recurrent_row * a.hidden + of_h)[0] = sum;
    }
}
