// Inverted dropout by Philox4x32-10 (Salmon et al. 2011); a thread per four elements, since one Philox block
// has four random `u32`s. The mask is a function of (key, index, step, fold, layer), so backward draws it
// again instead of saving it.

extern "C" __global__ void __launch_bounds__(THREADS) dropout(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    const unsigned m = blockIdx.z;
    if (i >= (a.len + 3) / 4) {
        return;
    }
    // (M, 4): the two words of the key, fold, step.
    const unsigned* counters = a.counters + 4 * m;
    unsigned key_0 = counters[0], key_1 = counters[1];
    unsigned c[4] = {i, counters[3], counters[2], a.layer};
#pragma unroll
    for (int round = 0; round < 10; round++) {
        const unsigned high_0 = __umulhi(0xd2511f53u, c[0]), low_0 = 0xd2511f53u * c[0];
        const unsigned high_1 = __umulhi(0xcd9e8d57u, c[2]), low_1 = 0xcd9e8d57u * c[2];
        c[0] = high_1 ^ c[1] ^ key_0;
        c[1] = low_1;
        c[2] = high_0 ^ c[3] ^ key_1;
        c[3] = low_0;
        key_0 += 0x9e3779b9u;
        key_1 += 0xbb67ae85u;
    }
#pragma unroll
    for (int j = 0; j < 4; j++) {
        const size_t element = 4 * (size_t)i + j;
        if (element < a.len) {
            const size_t at = m * a.len + element;
            a.out[at] = c[j] < a.threshold ? 0.0f : a.x[at] * a.scale;
        }
    }
}
