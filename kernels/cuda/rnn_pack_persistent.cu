// Packs the recurrent weights in the order of the registers that hold them in the persistent kernels; a
// thread per lane and mma of a warp. `forward` (M, dirs, TILES, GATES, ACROSS, 32): rows are units, the depth
// is the previous step's units. `backward` (M, dirs, TILES, GATES * ACROSS, 32), if the layer is trained:
// rows are the previous step's units, the depth is units with their gates side by side.

__device__ __forceinline__ float weight(const float* weight_hh, unsigned hidden, unsigned gate, unsigned unit, unsigned before) {
    return unit < hidden && before < hidden ? weight_hh[(size_t)(gate * hidden + unit) * hidden + before] : 0.0f;
}

extern "C" __global__ void __launch_bounds__(THREADS) rnn_pack_persistent(const __grid_constant__ Arguments a) {
    const unsigned each = TILES * GATES * ACROSS * 32;
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    const bool is_backward = blockIdx.y == 1;
    if (i >= each) {
        return;
    }
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const size_t parameters = (size_t)GATES * a.hidden * (a.input + a.hidden + a.biases);
    const float* weight_hh = a.weights + m * a.stride + dir * parameters + (size_t)GATES * a.hidden * a.input;
    const unsigned lane = i % 32, mma = i / 32 % (GATES * ACROSS), tile = i / 32 / (GATES * ACROSS);
    const unsigned g = lane / 4, q = lane % 4;
    unsigned registers[4];
#pragma unroll
    for (int r = 0; r < 4; r++) {
        const unsigned row = 16 * tile + fragment_row(r, g);
        float pair[2];
#pragma unroll
        for (int half = 0; half < 2; half++) {
            if (is_backward) {
                const unsigned depth = mma * DEPTH + fragment_word(r, q) * PER_WORD + half;
                pair[half] = weight(weight_hh, a.hidden, depth % GATES, depth / GATES, row);
            } else {
                const unsigned gate = mma / ACROSS;
                const unsigned depth = mma % ACROSS * DEPTH + fragment_word(r, q) * PER_WORD + half;
                pair[half] = weight(weight_hh, a.hidden, gate, row, depth);
            }
        }
        registers[r] = to_word(pair[0], pair[1]);
    }
    uint4* to = is_backward ? a.backward : a.forward;
    to[(size_t)blockIdx.z * each + i] = make_uint4(registers[0], registers[1], registers[2], registers[3]);
}
