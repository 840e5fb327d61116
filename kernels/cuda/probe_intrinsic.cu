// Runs one intrinsic, INTRINSIC, in one warp or in the warps of a cluster in turn: `count` times, each lane
// reads OPERANDS words of x and writes RESULTS words of y. The values of INTRINSIC are those of `Intrinsic`
// in src/backend/cuda/probe/intrinsic.rs.

#define ROUND_TF32 0
#define ROUND_BF16 1
#define TANH_APPROXIMATE 2
#define EXP2_APPROXIMATE 3
#define RECIPROCAL_APPROXIMATE 4
#define MMA_BF16 5
#define MMA_TF32 6
#define LOAD_MATRICES 7
#define SHARED_AND_BARRIER 8
#define CLOCK 9
#define MULTIPLY_HIGH 10
#define FUSED_MULTIPLY_ADD 11
#define MULTIPLY_THEN_ADD 12
#define DIVIDE 13
#define ROUND_BF16_PAIR 14
#define LOAD_MATRICES_TRANSPOSED 15
#define COPY 16
#define SHUFFLE_XOR 17
#define COPY_TO_BLOCK 18

// Only COPY_TO_BLOCK has several blocks.
#if INTRINSIC == COPY_TO_BLOCK
#define BLOCKS CLUSTER
#define IN_CLUSTERS __cluster_dims__(CLUSTER, 1, 1)
#else
#define BLOCKS 1
#define IN_CLUSTERS
#endif

// The intrinsics that map one word to one word.
__device__ __forceinline__ unsigned tried(unsigned x) {
#if INTRINSIC == ROUND_TF32
    return intrinsics::round_tf32(__uint_as_float(x));
#elif INTRINSIC == ROUND_BF16
    return intrinsics::round_bf16(__uint_as_float(x));
#elif INTRINSIC == TANH_APPROXIMATE
    return __float_as_uint(intrinsics::tanh_approximate(__uint_as_float(x)));
#elif INTRINSIC == EXP2_APPROXIMATE
    return __float_as_uint(intrinsics::exp2_approximate(__uint_as_float(x)));
#elif INTRINSIC == RECIPROCAL_APPROXIMATE
    return __float_as_uint(intrinsics::reciprocal_approximate(__uint_as_float(x)));
#else
    return x;
#endif
}

extern "C" __global__ void IN_CLUSTERS __launch_bounds__(THREADS) probe_intrinsic(const __grid_constant__ Arguments a) {
    const unsigned lane = threadIdx.x;
#if INTRINSIC == LOAD_MATRICES || INTRINSIC == LOAD_MATRICES_TRANSPOSED
    SHARED(uint4, rows, 32);
#elif INTRINSIC == SHARED_AND_BARRIER
    SHARED(unsigned short, odd, 7); // the next array is aligned to 16 bytes only if SHARED aligns it
    SHARED(unsigned, words, 64);
#elif INTRINSIC == CLOCK
    SHARED(unsigned, words, 32);
#elif INTRINSIC == COPY
    SHARED(unsigned, copied, 32 * 8);
#elif INTRINSIC == COPY_TO_BLOCK
    SHARED(uint4, own, 32);
    SHARED(uint4, received, 32);
    SHARED(intrinsics::Barrier, has_received, 1);
    if (lane == 0) {
        intrinsics::begin_barrier(has_received, 1);
    }
    unsigned phase = 0;
    intrinsics::sync_cluster();
#endif
    for (unsigned n = blockIdx.x; n < a.count; n += BLOCKS) {
        const unsigned* x = a.x + (size_t)(n * 32 + lane) * OPERANDS;
        unsigned* y = a.y + (size_t)(n * 32 + lane) * RESULTS;
#if INTRINSIC == MMA_BF16 || INTRINSIC == MMA_TF32
        const unsigned fragment[4] = {x[0], x[1], x[2], x[3]};
        float d[4] = {__uint_as_float(x[6]), __uint_as_float(x[7]), __uint_as_float(x[8]), __uint_as_float(x[9])};
#if INTRINSIC == MMA_BF16
        intrinsics::mma_bf16(d, fragment, x[4], x[5]);
#else
        intrinsics::mma_tf32(d, fragment, x[4], x[5]);
#endif
        for (unsigned i = 0; i < 4; i++) {
            y[i] = __float_as_uint(d[i]);
        }
#elif INTRINSIC == LOAD_MATRICES || INTRINSIC == LOAD_MATRICES_TRANSPOSED
        // Lane l stores row l, and passes the address of row x[4].
        rows[lane] = make_uint4(x[0], x[1], x[2], x[3]);
        __syncthreads();
        unsigned fragment[4];
#if INTRINSIC == LOAD_MATRICES
        intrinsics::load_matrices(fragment, &rows[x[4]]);
#else
        intrinsics::load_matrices_transposed(fragment, &rows[x[4]]);
#endif
        for (unsigned i = 0; i < 4; i++) {
            y[i] = fragment[i];
        }
        __syncthreads();
#elif INTRINSIC == SHARED_AND_BARRIER
        if (lane == 0) {
            odd[6] = (unsigned short)x[0];
        }
        words[32 + lane] = 2 * x[0];
        words[lane] = x[0];
        __syncthreads();
        y[0] = words[(lane + 1) % 32];
        y[1] = words[32 + (lane + 31) % 32];
        y[2] = (unsigned)((size_t)odd % 16 + (size_t)words % 16);
        __syncthreads();
#elif INTRINSIC == CLOCK
        const unsigned long long before = intrinsics::clock();
        words[lane] = x[0];
        __syncthreads();
        const unsigned long long after = intrinsics::clock();
        y[0] = after > before;
        y[1] = after - before < 1000000;
        y[2] = words[31 - lane];
        __syncthreads();
#elif INTRINSIC == COPY
        // Two groups: the second is still under way when the first has arrived.
        unsigned* to = copied + 8 * lane;
        intrinsics::copy<16>(to, x);
        intrinsics::copy<8>(to + 4, x + 4);
        intrinsics::end_copy_group();
        intrinsics::copy<4>(to + 6, x + 6);
        intrinsics::end_copy_group();
        intrinsics::wait_copies<1>();
        for (unsigned i = 0; i < 6; i++) {
            y[i] = to[i];
        }
        intrinsics::wait_copies<0>();
        y[6] = to[6];
        // Lanes with an odd number copy nothing.
        intrinsics::copy_or_zero<16>(to, x, lane % 2 == 0);
        intrinsics::copy_or_zero<8>(to + 4, x + 4, lane % 2 == 0);
        intrinsics::end_copy_group();
        intrinsics::wait_copies<0>();
        for (unsigned i = 0; i < 6; i++) {
            y[7 + i] = to[i];
        }
#elif INTRINSIC == COPY_TO_BLOCK
        // A lane copies its neighbor's words to the next block.
        own[lane] = make_uint4(x[0], x[1], x[2], x[3]);
        intrinsics::sync_warp();
        intrinsics::copy_to_block((blockIdx.x + 1) % CLUSTER, &received[lane], own[lane ^ 1], has_received);
        if (lane == 0) {
            intrinsics::arrive(has_received, sizeof(uint4) * 32);
        }
        intrinsics::wait_for_phase(has_received, phase++ % 2);
        const uint4 words = received[lane];
        y[0] = words.x, y[1] = words.y, y[2] = words.z, y[3] = words.w;
        intrinsics::sync_cluster();
#elif INTRINSIC == SHUFFLE_XOR
        for (unsigned i = 0; i < 5; i++) {
            y[i] = intrinsics::shuffle_xor(x[0], 1u << i);
        }
#elif INTRINSIC == MULTIPLY_HIGH
        y[0] = __umulhi(x[0], x[1]);
#elif INTRINSIC == FUSED_MULTIPLY_ADD
        y[0] = __float_as_uint(fmaf(__uint_as_float(x[0]), __uint_as_float(x[1]), __uint_as_float(x[2])));
#elif INTRINSIC == MULTIPLY_THEN_ADD
        y[0] = __float_as_uint(__uint_as_float(x[0]) * __uint_as_float(x[1]) + __uint_as_float(x[2]));
#elif INTRINSIC == DIVIDE
        y[0] = __float_as_uint(__uint_as_float(x[0]) / __uint_as_float(x[1]));
#elif INTRINSIC == ROUND_BF16_PAIR
        y[0] = intrinsics::round_bf16_pair(__uint_as_float(x[0]), __uint_as_float(x[1]));
#else
        y[0] = tried(x[0]);
#endif
    }
}
