// Peak arithmetic throughput: independent chains of multiply-adds in registers, on the unit that the GEMMs of
// this precision use.

extern "C" __global__ void __launch_bounds__(THREADS) peak_compute(const __grid_constant__ Arguments a) {
    float sums[CHAINS][4];
    const float start = 1e-3f * (float)(threadIdx.x % 7);
#pragma unroll
    for (int i = 0; i < CHAINS; i++) {
        sums[i][0] = sums[i][1] = sums[i][2] = sums[i][3] = start;
    }
#if PRECISION != 32
    const unsigned word = to_word(start, start);
    const unsigned fragment[4] = {word, word, word, word};
#endif
    for (unsigned n = 0; n < a.count; n++) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++) {
#if PRECISION == 32
#pragma unroll
            for (int j = 0; j < 4; j++) {
                sums[i][j] = fmaf(sums[i][j], 0.5f, start);
            }
#else
            multiply_add(sums[i], fragment, word, word);
#endif
        }
    }
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < CHAINS; i++) {
        sum += (sums[i][0] + sums[i][1]) + (sums[i][2] + sums[i][3]);
    }
    a.result[blockIdx.x * THREADS + threadIdx.x] = sum;
}
