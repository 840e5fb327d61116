// Chains of one instruction, WHAT, in which each link waits for the one before: CHAINS chains in a thread,
// THREADS threads in a block. One chain in one warp measures the latency, many chains in many warps the
// throughput. Each warp stores the clock before and after. The values of WHAT are those of `ChainOf` in
// src/backend/cuda/probe.rs.
//
// The machine code of a link on sm_80 and sm_90 (NVRTC 13.0, nvdisasm), with 64 links between two reads
// of the clock:
//   MULTIPLY_ADD    FFMA                          MMA_BF16         HMMA.16816.F32.BF16
//   TANH            MUFU.TANH                     MMA_TF32         HMMA.1688.F32.TF32
//   EXP2            MUFU.EX2                      LOAD_SHARED_4    LDS
//   RECIPROCAL      MUFU.RCP of -x                LOAD_SHARED_16   LDS.128, 2 LOP3, which use all of it
//   BARRIER         BAR.SYNC                      LOAD_MATRICES    LDSM.16.M88.4
//                                                 ROUND_TRIP       STS, BAR.SYNC, LDS

#define MULTIPLY_ADD 0
#define TANH 1
#define EXP2 2
#define RECIPROCAL 3
#define MMA_BF16 4
#define MMA_TF32 5
#define LOAD_SHARED_4 6
#define LOAD_SHARED_16 7
#define LOAD_MATRICES 8
#define BARRIER 9
#define ROUND_TRIP 10
#define LOAD_GLOBAL 11

#define LINKS 64 // per iteration of the outer loop

#if WHAT == MMA_BF16 || WHAT == MMA_TF32
struct Link {
    float sums[4];
};
#elif WHAT == LOAD_SHARED_4 || WHAT == LOAD_SHARED_16 || WHAT == LOAD_MATRICES || WHAT == LOAD_GLOBAL
struct Link {
    unsigned at; // bytes from the start of the ring
};
#else
struct Link {
    float x;
};
#endif

extern "C" __global__ void __launch_bounds__(THREADS) probe_chain(const __grid_constant__ Arguments a) {
    const unsigned thread = blockIdx.x * THREADS + threadIdx.x;
    Link link[CHAINS];
#if WHAT == LOAD_SHARED_4 || WHAT == LOAD_SHARED_16 || WHAT == LOAD_MATRICES
    // Every word, or every 16 bytes, holds its own position: a chain stays in place, and the compiler cannot
    // know.
    SHARED(uint4, ring, 1024);
    for (unsigned i = threadIdx.x; i < 1024; i += THREADS) {
#if WHAT == LOAD_MATRICES
        // Lane 4g + q gets word q of row g: the position of its next row, which is row 4g + q again.
        const unsigned at = 64 * (i % 8) + a.zero;
        ring[i] = make_uint4(at, at + 16, at + 32, at + 48);
#elif WHAT == LOAD_SHARED_4
        const unsigned at = 16 * i + a.zero;
        ring[i] = make_uint4(at, at + 4, at + 8, at + 12);
#else
        const unsigned at = 16 * i + a.zero;
        ring[i] = make_uint4(at, at, at, at);
#endif
    }
    __syncthreads();
#elif WHAT != LOAD_GLOBAL
    const float y = a.x[0], z = a.x[1];
#endif
#if WHAT == MMA_BF16 || WHAT == MMA_TF32
    const unsigned word = __float_as_uint(y), fragment[4] = {word, word, word, word};
#elif WHAT == ROUND_TRIP
    SHARED(float, buffers, 2 * THREADS);
#endif
#pragma unroll
    for (int i = 0; i < CHAINS; i++) {
#if WHAT == MMA_BF16 || WHAT == MMA_TF32
        link[i].sums[0] = link[i].sums[1] = link[i].sums[2] = link[i].sums[3] = z;
#elif WHAT == LOAD_SHARED_4
        link[i].at = 4 * (threadIdx.x % 32 + 32 * i);
#elif WHAT == LOAD_SHARED_16
        link[i].at = 16 * (threadIdx.x % 32 + 32 * i);
#elif WHAT == LOAD_MATRICES
        link[i].at = 16 * (threadIdx.x % 32);
#elif WHAT == LOAD_GLOBAL
        link[i].at = a.zero;
#else
        link[i].x = y * (float)(1 + i + threadIdx.x % 7) + z;
#endif
    }
    const unsigned long long start = intrinsics::clock();
#pragma unroll 1
    for (unsigned n = 0; n < a.count; n++) {
#pragma unroll
        for (int j = 0; j < LINKS; j++) {
#pragma unroll
            for (int i = 0; i < CHAINS; i++) {
#if WHAT == MULTIPLY_ADD
                link[i].x = fmaf(link[i].x, y, z);
#elif WHAT == TANH
                link[i].x = intrinsics::tanh_approximate(link[i].x);
#elif WHAT == EXP2
                link[i].x = intrinsics::exp2_approximate(link[i].x);
#elif WHAT == RECIPROCAL
                // ptxas removes a reciprocal of a reciprocal. The sign keeps it, and costs no instruction.
                link[i].x = intrinsics::reciprocal_approximate(-link[i].x);
#elif WHAT == MMA_BF16
                intrinsics::mma_bf16(link[i].sums, fragment, word, word);
#elif WHAT == MMA_TF32
                intrinsics::mma_tf32(link[i].sums, fragment, word, word);
#elif WHAT == LOAD_SHARED_4
                link[i].at = *(const unsigned*)((const char*)ring + link[i].at);
#elif WHAT == LOAD_SHARED_16
                const uint4 loaded = *(const uint4*)((const char*)ring + link[i].at);
                link[i].at = (loaded.x | loaded.y) & (loaded.z | loaded.w);
#elif WHAT == LOAD_MATRICES
                unsigned loaded[4];
                intrinsics::load_matrices(loaded, (const char*)ring + link[i].at);
                link[i].at = loaded[0];
#elif WHAT == BARRIER
                __syncthreads();
#elif WHAT == ROUND_TRIP
                // As a time loop passes its state on: with two buffers, one barrier a step is enough.
                buffers[j % 2 * THREADS + threadIdx.x] = link[i].x;
                __syncthreads();
                link[i].x = buffers[j % 2 * THREADS + (threadIdx.x + 1) % THREADS];
#elif WHAT == LOAD_GLOBAL
                link[i].at = *(const unsigned*)((const char*)a.ring + link[i].at);
#endif
            }
        }
    }
    const unsigned long long end = intrinsics::clock();
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < CHAINS; i++) {
#if WHAT == MMA_BF16 || WHAT == MMA_TF32
        sum += (link[i].sums[0] + link[i].sums[1]) + (link[i].sums[2] + link[i].sums[3]);
#elif WHAT == LOAD_SHARED_4 || WHAT == LOAD_SHARED_16 || WHAT == LOAD_MATRICES || WHAT == LOAD_GLOBAL
        sum += (float)link[i].at;
#else
        sum += link[i].x;
#endif
    }
    a.result[thread] = sum;
    if (threadIdx.x % 32 == 0) {
        a.clocks[2 * (thread / 32)] = start;
        a.clocks[2 * (thread / 32) + 1] = end;
    }
}
