// Packs the recurrent weights with a unit's four gates side by side, (M, dirs, H, 4, H); a thread per
// element. Slot 2 of a GRU, the input part of n, has no recurrent weights.

extern "C" __global__ void __launch_bounds__(THREADS) rnn_pack_step(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= a.hidden * 4 * a.hidden) {
        return;
    }
    const unsigned column = i % a.hidden, slot = i / a.hidden % 4, unit = i / a.hidden / 4;
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const unsigned rows = GATES * a.hidden;
    const size_t each = (size_t)rows * (a.input + a.hidden + a.biases);
    const float* weight_hh = a.weights + m * a.stride + dir * each + (size_t)rows * a.input;
    const unsigned gate = recurrent_gate(slot);
    a.recurrents[(size_t)blockIdx.z * 4 * a.hidden * a.hidden + i] =
        to_operand(gate < GATES ? weight_hh[(size_t)(gate * a.hidden + unit) * a.hidden + column] : 0.0f);
}
