// The input's weights with the four numbers of a unit side by side, (M, dirs, H, 4, D), and the biases that the input's part of
// the gates begins with, (M, dirs, H, 4); a thread per number. Row 3 of a cell with three gates has
// no weights: at most the bias of a recurrent part that stays apart.

extern "C" __global__ void __launch_bounds__(THREADS) rnn_pack_input(const __grid_constant__ Arguments a) {
    const unsigned columns = a.input + 1;
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= a.hidden * 4 * columns) {
        return;
    }
    const unsigned column = i % columns, slot = i / columns % 4, unit = i / columns / 4;
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const unsigned rows = GATES * a.hidden;
    const size_t each = (size_t)rows * (a.input + a.hidden + a.biases);
    const float* weight_ih = a.weights + m * a.stride + dir * each;
    const float* bias_ih = weight_ih + (size_t)rows * (a.input + a.hidden);
    const float* bias_hh = bias_ih + rows;
    const size_t to = ((size_t)blockIdx.z * a.hidden + unit) * 4 + slot;
    // The input part of this number's bias, and the recurrent one, if it has them.
    const unsigned gate = recurrent_gate(slot);
    const bool has_input = slot < GATES, has_recurrent = a.biases == 2 && gate < GATES;
    if (column < a.input) {
        a.inputs[to * a.input + column] =
            to_operand(has_input ? weight_ih[(size_t)(slot * a.hidden + unit) * a.input + column] : 0.0f);
    } else {
        a.bias[to] = (has_input ? bias_ih[slot * a.hidden + unit] : 0.0f) +
                     (has_recurrent ? bias_hh[gate * a.hidden + unit] : 0.0f);
    }
}
