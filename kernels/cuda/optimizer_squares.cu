// Sums of the squares of EACH * THREADS gradients, (M, chunks); a block per chunk, whose threads' sums are
// added in a tree.

#define EACH 16

extern "C" __global__ void __launch_bounds__(THREADS) optimizer_squares(const __grid_constant__ Arguments a) {
    SHARED(float, sums, THREADS);
    const unsigned m = blockIdx.z;
    float sum = 0.0f;
#pragma unroll
    for (int j = 0; j < EACH; j++) {
        const unsigned i = (blockIdx.x * EACH + j) * THREADS + threadIdx.x;
        const float g = i < a.params ? a.gradients[(size_t)m * a.params + i] : 0.0f;
        sum = fmaf(g, g, sum);
    }
    sums[threadIdx.x] = sum;
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            sums[threadIdx.x] += sums[threadIdx.x + half];
        }
    }
    if (threadIdx.x == 0) {
        a.squares[(size_t)m * a.chunks + blockIdx.x] = sums[0];
    }
}
