// Packs the input weights with a unit's four gates side by side, (M, dirs, H, 4, D), in rows of `row`
// elements, and the biases of the input part of the gates, (M, dirs, H, 4); a thread per weight and bias. The
// padding of rows stays 0, as it was allocated: the GEMMs rely on it. Slot 3 of a cell with three gates has
// no input weights; it has the recurrent bias of n, if there are two biases.

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
    // The input and the recurrent bias of this slot, where they exist.
    const unsigned gate = recurrent_gate(slot);
    const bool has_input = slot < GATES, has_recurrent = a.biases == 2 && gate < GATES;
    if (column < a.input) {
        a.inputs[to * a.row + column] =
            to_operand(has_input ? weight_ih[(size_t)(slot * a.hidden + unit) * a.input + column] : 0.0f);
    } else {
        a.bias[to] = (has_input ? bias_ih[slot * a.hidden + unit] : 0.0f) +
                     (has_recurrent ? bias_hh[gate * a.hidden + unit] : 0.0f);
    }
}
