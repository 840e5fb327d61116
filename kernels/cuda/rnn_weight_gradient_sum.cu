// Adds the splits of rnn_weight_gradient.cu and stores the sums in the layout of the parameters; SUMS of them a
// block. The column of ones gives the input bias and, where there are two biases, the recurrent one.

extern "C" __global__ void __launch_bounds__(THREADS) rnn_weight_gradient_sum(const __grid_constant__ Arguments a) {
    const unsigned states = a.input + a.hidden, columns = states + a.biases, rows = GATES * a.hidden;
    const unsigned i = blockIdx.x * SUMS + own_sum();
    const unsigned column = i % columns, row = i / columns, unit = row % a.hidden, gate = row / a.hidden;
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const bool is_there = row < rows, is_of_input = column < a.input || column == states;
    const unsigned slot = is_of_input ? gate : recurrent_slot(gate);
    const size_t of_split = (size_t)a.dirs * 4 * a.hidden * a.partial_row;
    const float* partial = a.partial + m * a.splits * of_split +
                           ((size_t)(dir * a.hidden + unit) * 4 + slot) * a.partial_row + (column < states ? column : states);
    const float sum =
        split_sum(is_there ? a.splits : 0, [&](unsigned split, float sum) { return sum + partial[split * of_split]; });
    if (threadIdx.x >= SUMS || !is_there) {
        return;
    }
    float* weight_ih = a.d_weights + (a.model + m) * a.stride + dir * (size_t)rows * (states + a.biases);
    float* weight_hh = weight_ih + (size_t)rows * a.input;
    float* biases = weight_hh + (size_t)rows * a.hidden;
    if (column < a.input) {
        weight_ih[(size_t)row * a.input + column] = sum;
    } else if (column < states) {
        weight_hh[(size_t)row * a.hidden + column - a.input] = sum;
    } else {
        biases[(column - states) * rows + row] = sum;
    }
}
