// Sums of a linear layer, SUMS of them a block: each has PARTS threads, one in each warp, which add every
// PARTS-th term; then the parts are added in order. A single thread would wait for memory at every few terms.

#define PARTS (THREADS / SUMS)

// The number of this thread's sum in its block.
__device__ __forceinline__ unsigned own_sum() { return threadIdx.x % SUMS; }

// The sum of `count` terms, where `add(k, sum)` gives `sum` plus term k. Every thread of the block calls it,
// and gets the result of its own sum.
template <class Add> __device__ __forceinline__ float linear_sum(unsigned count, const Add& add) {
    SHARED(float, parts, THREADS);
    float part = 0.0f;
#pragma unroll 8 // the loads of eight terms are in flight together
    for (unsigned k = threadIdx.x / SUMS; k < count; k += PARTS) {
        part = add(k, part);
    }
    parts[threadIdx.x] = part;
    __syncthreads();
    float sum = 0.0f;
#pragma unroll
    for (unsigned p = 0; p < PARTS; p++) {
        sum += parts[p * SUMS + own_sum()];
    }
    return sum;
}
