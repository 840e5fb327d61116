// Packs the recurrent weights in the order of the registers that hold them in the kernels of a cluster; a
// thread per lane and mma of a warp. Both arrays are (M, dirs, WARPS, EACH, 32). `forward`: rows are two
// gates of a warp's 8 units, the depth is the previous step's units; first gates 0 and 1, then gates 2 and 3.
// `backward`, if the layer is trained: rows are the previous step's units, 16 of a warp and its neighbor, the
// depth is units with their four gates, of which an even warp has the first half. Slots without a recurrent
// part are 0.

#define WARPS (PADDED / 8)      // see rnn_cluster.cu
#define ACROSS (PADDED / DEPTH) // mmas for two gates of a warp's units
#define EACH (2 * ACROSS)       // mmas of a warp

__device__ __forceinline__ float weight(const float* weight_hh, unsigned hidden, unsigned slot, unsigned unit, unsigned before) {
    const unsigned gate = recurrent_gate(slot);
    return gate < GATES && unit < hidden && before < hidden ? weight_hh[(size_t)(gate * hidden + unit) * hidden + before] : 0.0f;
}

extern "C" __global__ void __launch_bounds__(THREADS) rnn_pack_cluster(const __grid_constant__ Arguments a) {
    const unsigned all = WARPS * EACH * 32;
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    const bool is_backward = blockIdx.y == 1;
    if (i >= all) {
        return;
    }
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const size_t parameters = (size_t)GATES * a.hidden * (a.input + a.hidden + a.biases);
    const float* weight_hh = a.weights + m * a.stride + dir * parameters + (size_t)GATES * a.hidden * a.input;
    const unsigned lane = i % 32, mma = i / 32 % EACH, warp = i / 32 / EACH;
    const unsigned g = lane / 4, q = lane % 4;
    // Register r of operand A has row g + 8 (r % 2) and word q + 4 (r / 2) of the depth.
    unsigned registers[4];
#pragma unroll
    for (unsigned r = 0; r < 4; r++) {
        float pair[2];
#pragma unroll
        for (unsigned half = 0; half < 2; half++) {
            if (is_backward) {
                const unsigned words = 2 * mma + r / 2; // of Gates4s
                const unsigned group = warp % 2 * (PADDED / 8) + words * PER_WORD / 4;
                const unsigned row = 16 * (warp / 2) + g + 8 * (r % 2);
                pair[half] = weight(weight_hh, a.hidden, words * PER_WORD % 4 + half, 4 * group + q, row);
            } else {
                const unsigned slot = mma / ACROSS * 2 + r % 2;
                const unsigned depth = mma % ACROSS * DEPTH + (q + 4 * (r / 2)) * PER_WORD + half;
                pair[half] = weight(weight_hh, a.hidden, slot, 8 * warp + g, depth);
            }
        }
        registers[r] = to_word(pair[0], pair[1]);
    }
    uint4* to = is_backward ? a.backward : a.forward;
    to[(size_t)blockIdx.z * all + i] = make_uint4(registers[0], registers[1], registers[2], registers[3]);
}
