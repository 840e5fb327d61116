// Packs the recurrent weights as squares of operands, see rnn_squares.cu; a thread per operand. `forward`
// (loops, squares of units, GATES, squares of the depth): columns are units, the depth is the previous step's
// units. `backward` (loops, squares of units, squares of the depth), if the layer is trained: columns are the
// previous step's units, the depth is units with their four slots side by side. Slot 2 of a GRU, the input
// part of n, has no recurrent weights.

__device__ __forceinline__ float weight(const float* weight_hh, unsigned hidden, unsigned gate, unsigned unit, unsigned before) {
    const bool exists = gate < GATES && unit < hidden && before < hidden;
    return exists ? weight_hh[(size_t)(gate * hidden + unit) * hidden + before] : 0.0f;
}

extern "C" __global__ void __launch_bounds__(THREADS) rnn_pack_step(const __grid_constant__ Arguments a) {
    const bool is_backward = blockIdx.y == 1;
    const unsigned across = squares(a.hidden);
    const unsigned depth = is_backward ? 4 * across : across, columns = is_backward ? across : across * GATES; // in squares
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= columns * depth * 256) {
        return;
    }
    const unsigned in_depth = i % 16, column = i / 16 % 16, k = i / 256 % depth, square = i / 256 / depth;
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const size_t parameters = (size_t)GATES * a.hidden * (a.input + a.hidden + a.biases);
    const float* weight_hh = a.weights + m * a.stride + dir * parameters + (size_t)GATES * a.hidden * a.input;
    const float value =
        is_backward
            ? weight(weight_hh, a.hidden, recurrent_gate(in_depth % 4), 4 * k + in_depth / 4, 16 * square + column)
            : weight(weight_hh, a.hidden, square % GATES, 16 * (square / GATES) + column, 16 * k + in_depth);
    operand_t* to = (is_backward ? a.backward : a.forward) + (((size_t)blockIdx.z * columns + square) * depth + k) * 256;
    to[operand_at(column, in_depth, false)] = to_operand(value);
}
