// All operations that are not plain C++. Each intrinsic has a device half in inline PTX and a host half that
// computes what the PTX ISA specifies. Tests run the host half (tests/support/cuda_on_host), GPUs the device
// half. Nothing else in this folder differs between the two.

#ifdef CUDA_ON_HOST

namespace intrinsics {

// EXACT turns off all rounding and approximation, so that any remaining error is one of index arithmetic.
#ifdef EXACT
inline constexpr bool IS_EXACT = true;
#else
inline constexpr bool IS_EXACT = false;
#endif

// A result that an instruction with this error may return: `value` plus or minus `error`, the sign from a
// hash of the argument. The results that the PTX ISA specifies are exact: for infinities, 0 and subnormal
// numbers.
inline float off(float value, float error, float argument) {
    if (IS_EXACT || value == 0.0f || !is_finite(value) || !is_finite(argument) || fabsf(argument) < 0x1p-126f) {
        return value;
    }
    return __float_as_uint(argument) * 0x9e3779b9u >> 31 ? value + error : value - error;
}

// Rounds to 10 bits of mantissa, ties away from 0: cvt.rna.tf32.f32. Infinity and NaN lose their last 13
// bits, as in the machine code of sm_80 and sm_90. A NaN with only those bits set becomes infinity, but no
// arithmetic yields such a NaN.
inline unsigned round_tf32(float x) {
    const unsigned bits = __float_as_uint(x);
    if (IS_EXACT) {
        return bits;
    }
    return (is_finite(x) ? bits + 0x1000u : bits) & 0xffffe000u;
}

// Rounds to 7 bits of mantissa, ties to even: cvt.rn.bf16.f32.
inline unsigned round_bf16(float x) {
    const unsigned bits = __float_as_uint(x);
    return is_nan(x) ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

// Two of them, the first in the low half: cvt.rn.bf16x2.f32.
inline unsigned round_bf16_pair(float first, float second) { return round_bf16(first) | round_bf16(second) << 16; }

inline float tanh_approximate(float x) {
    const float exact = tanhf(x);
    return off(exact, exact * 0x1p-11f, x);
}

// `.ftz`: subnormal arguments and results are 0.
inline float flush(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0.0f, x) : x; }

inline float exp2_approximate(float x) {
    const float exact = flush(exp2f(flush(x)));
    return off(exact, exact * 0x1p-22f, x);
}

inline float reciprocal_approximate(float x) {
    const float exact = flush(1.0f / flush(x));
    return off(exact, exact * 0x1p-23f, x);
}

// Only a compiler for GPUs has a schedule to keep.
inline void materialize(float&) {}
template <class T> T opaque(T x) { return x; }

// The copies that a thread has begun. A GPU may do a copy at any time until the thread waits for it; here it
// happens as late as it may. The list is in shared memory, whose bytes all begin as 0xff: both numbers begin
// as -1.
struct Copies {
    struct {
        void* to;
        const void* from;
        unsigned bytes;
        int group;
    } begun[64];
    int last, group; // the last one begun, and the number of the group that has not yet ended
};
inline Copies& copies() {
    SHARED(Copies, of_threads, blockDim.x);
    return of_threads[threadIdx.x];
}
template <int BYTES> void copy(void* to, const void* from) {
    Copies& all = copies();
    if ((size_t)(all.last + 1) == sizeof all.begun / sizeof all.begun[0]) {
        __builtin_trap(); // more copies in flight than the list has room for
    }
    all.begun[++all.last] = {to, from, BYTES, all.group};
}
template <int BYTES> void copy_or_zero(void* to, const void* from, bool exists) {
    copy<BYTES>(to, exists ? from : nullptr);
}
inline void end_copy_group() { copies().group++; }
template <int PENDING> void wait_copies() {
    Copies& all = copies();
    int kept = -1;
    for (int i = 0; i <= all.last; i++) {
        const auto one = all.begun[i];
        if (one.group + PENDING < all.group) {
            one.from != nullptr ? memcpy(one.to, one.from, one.bytes) : memset(one.to, 0, one.bytes);
        } else {
            all.begun[++kept] = one;
        }
    }
    all.last = kept;
}

// The value of the lane whose number differs in the bits `mask`.
inline unsigned shuffle_xor(unsigned x, unsigned mask) { return host::exchange(x, 6)[host::lane() ^ mask]; }

// The operand registers of one lane in an mma.
struct Fragments {
    unsigned a[4], b[2];
};

inline float low(unsigned pair) { return __uint_as_float(pair << 16); }
inline float high(unsigned pair) { return __uint_as_float(pair & 0xffff0000u); }

// Lane 4g + q holds rows g and g + 8 of A, columns 2q, 2q + 1, 2q + 8 and 2q + 9; column g of B, rows with
// the same numbers; and rows g and g + 8 of the result, columns 2q and 2q + 1.
inline void mma_bf16(float d[4], const unsigned a[4], unsigned b0, unsigned b1) {
    const Fragments* of = host::exchange(Fragments{{a[0], a[1], a[2], a[3]}, {b0, b1}}, 16);
    const unsigned lane = host::lane();
    for (unsigned j = 0; j < 4; j++) {
        const unsigned row = lane / 4, column = 2 * (lane % 4) + j % 2;
        float sum = 0.0f;
        for (unsigned q = 0; q < 4; q++) {
            for (unsigned half = 0; half < 2; half++) {
                const unsigned x = of[4 * row + q].a[2 * half + j / 2], y = of[4 * column + q].b[half];
                sum += low(x) * low(y) + high(x) * high(y);
            }
        }
        d[j] += sum;
    }
}

// Lane 4g + q holds rows g and g + 8 of A, columns q and q + 4; column g of B, rows with the same numbers;
// and the same elements of the result as above.
inline void mma_tf32(float d[4], const unsigned a[4], unsigned b0, unsigned b1) {
    const Fragments* of = host::exchange(Fragments{{a[0], a[1], a[2], a[3]}, {b0, b1}}, 8);
    const unsigned lane = host::lane();
    for (unsigned j = 0; j < 4; j++) {
        const unsigned row = lane / 4, column = 2 * (lane % 4) + j % 2;
        float sum = 0.0f;
        for (unsigned q = 0; q < 4; q++) {
            for (unsigned half = 0; half < 2; half++) {
                const unsigned x = of[4 * row + q].a[2 * half + j / 2], y = of[4 * column + q].b[half];
                sum = fmaf(__uint_as_float(x), __uint_as_float(y), sum);
            }
        }
        d[j] += sum;
    }
}

// Loads four matrices of 8 x 8 elements of two bytes from shared memory (ldmatrix). Lane 8i + r passes the
// address of row r of matrix i; lane 4g + q gets elements 2q and 2q + 1 of row g of each matrix.
inline void load_matrices(unsigned to[4], const void* row) {
    const void* const* of = host::exchange(row, 4);
    const unsigned lane = host::lane();
    for (unsigned i = 0; i < 4; i++) {
        to[i] = ((const unsigned*)of[8 * i + lane / 4])[lane % 4];
    }
}

// The same, transposed: lane 4g + q gets elements g of rows 2q and 2q + 1 of each matrix.
inline void load_matrices_transposed(unsigned to[4], const void* row) {
    const void* const* of = host::exchange(row, 5);
    const unsigned lane = host::lane();
    for (unsigned i = 0; i < 4; i++) {
        const auto element = [&](unsigned r) { return (unsigned)((const unsigned short*)of[8 * i + r])[lane / 4]; };
        to[i] = element(2 * (lane % 4)) | element(2 * (lane % 4) + 1) << 16;
    }
}

// Waits for the other lanes of the warp, and sees what they have stored.
inline void sync_warp() { host::exchange(0u, 7); }

// ---- Thread-block clusters

// Waits for all threads of the cluster. Before the first time, its other blocks may not run yet.
inline void sync_cluster() { host::cluster_barrier(); }

// A barrier in shared memory (mbarrier). A phase ends when as many threads have arrived as it was begun with,
// and all bytes that they have announced.
using host::Barrier;
inline void begin_barrier(Barrier* barrier, unsigned threads) { host::begin_phases(barrier, threads); }
inline void arrive(Barrier* barrier, unsigned bytes) { host::arrive(barrier, bytes); }
inline void wait_for_phase(Barrier* barrier, unsigned parity) { host::wait_for_phase(barrier, parity); }
inline void copy_to_block(unsigned rank, void* to, uint4 value, Barrier* barrier) {
    *(uint4*)host::of_block(rank, to) = value;
    host::bytes_came((Barrier*)host::of_block(rank, barrier), sizeof value);
}

// The cycle counter of the multiprocessor. On the host each call counts as one cycle.
inline unsigned long long clock() {
    static thread_local unsigned long long calls;
    return ++calls;
}

} // namespace intrinsics

#else

// Declares an array in the block's shared memory.
#define SHARED(type, name, count) __shared__ __align__(16) type name[count]

namespace intrinsics {

__device__ __forceinline__ unsigned round_tf32(float x) {
    unsigned rounded;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
    return rounded;
}

__device__ __forceinline__ unsigned round_bf16(float x) {
    unsigned short rounded;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(rounded) : "f"(x));
    return rounded;
}

__device__ __forceinline__ unsigned round_bf16_pair(float first, float second) {
    unsigned rounded;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(rounded) : "f"(second), "f"(first));
    return rounded;
}

// Relative error at most 2^-10.987.
__device__ __forceinline__ float tanh_approximate(float x) {
    float y;
    asm("tanh.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Relative error at most 2^-22. Subnormal arguments and results are 0, without the instructions that would
// scale them.
__device__ __forceinline__ float exp2_approximate(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Relative error at most 2^-23. Subnormal arguments and results are 0.
__device__ __forceinline__ float reciprocal_approximate(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// Computes x here, not where it is used. The registers that it is computed from are free from here on, so
// that loads for the next time step may go into them.
__device__ __forceinline__ void materialize(float& x) { asm volatile("" : "+f"(x)); }

// A value, of which the compiler does not know how it was computed: it keeps the register, and does not
// compute the value again in every trip of a loop.
template <class T> __device__ __forceinline__ T opaque(T x) {
    static_assert(sizeof(T) == 8 || sizeof(T) == 4, "one register, or a pair of them");
    if constexpr (sizeof(T) == 8) {
        asm volatile("" : "+l"(x));
    } else {
        asm volatile("" : "+r"(x));
    }
    return x;
}

// Copies 4, 8 or 16 bytes from global to shared memory in the background (cp.async).
template <int BYTES> __device__ __forceinline__ void copy(void* to, const void* from) {
    const unsigned address = (unsigned)__cvta_generic_to_shared(to);
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(address), "l"(from), "n"(BYTES));
}

// The same for 8 or 16 bytes, or zeros in their place if they do not exist. 16 bytes leave out the L1 cache.
template <int BYTES> __device__ __forceinline__ void copy_or_zero(void* to, const void* from, bool exists) {
    const unsigned address = (unsigned)__cvta_generic_to_shared(to), bytes = exists ? BYTES : 0;
    if (BYTES == 16) {
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(bytes));
    } else {
        asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(address), "l"(from), "n"(BYTES), "r"(bytes));
    }
}

// Ends the group of the copies since the one before.
__device__ __forceinline__ void end_copy_group() { asm volatile("cp.async.commit_group;"); }

// Waits until all but the last PENDING groups of this thread's copies have arrived.
template <int PENDING> __device__ __forceinline__ void wait_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

__device__ __forceinline__ unsigned shuffle_xor(unsigned x, unsigned mask) { return __shfl_xor_sync(~0u, x, mask); }

// d (16, 8) += a (16, 16) b (16, 8)
__device__ __forceinline__ void mma_bf16(float d[4], const unsigned a[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// d (16, 8) += a (16, 8) b (8, 8)
__device__ __forceinline__ void mma_tf32(float d[4], const unsigned a[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ __forceinline__ void load_matrices(unsigned to[4], const void* row) {
    const unsigned address = (unsigned)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
}

__device__ __forceinline__ void load_matrices_transposed(unsigned to[4], const void* row) {
    const unsigned address = (unsigned)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
}

__device__ __forceinline__ void sync_warp() { __syncwarp(); }

__device__ __forceinline__ void sync_cluster() {
    asm volatile("barrier.cluster.arrive.release.aligned;\n\tbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

typedef unsigned long long Barrier;

__device__ __forceinline__ void begin_barrier(Barrier* barrier, unsigned threads) {
    const unsigned address = (unsigned)__cvta_generic_to_shared(barrier);
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(address), "r"(threads) : "memory");
}

// Arrives, and announces so many bytes that will come in this phase.
__device__ __forceinline__ void arrive(Barrier* barrier, unsigned bytes) {
    const unsigned address = (unsigned)__cvta_generic_to_shared(barrier);
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(address), "r"(bytes) : "memory");
}

// Waits until the phase of this parity has ended. What has arrived in it is there.
__device__ __forceinline__ void wait_for_phase(Barrier* barrier, unsigned parity) {
    const unsigned address = (unsigned)__cvta_generic_to_shared(barrier);
    asm volatile("{\n\t"
                 ".reg .pred has_ended;\n\t"
                 "again:\n\t"
                 "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 has_ended, [%0], %1;\n\t"
                 "@!has_ended bra again;\n\t"
                 "}" ::"r"(address),
                 "r"(parity)
                 : "memory");
}

// Copies 16 bytes to the same place in the shared memory of another block of the cluster, in the background,
// and announces them to the same barrier there (st.async).
__device__ __forceinline__ void copy_to_block(unsigned rank, void* to, uint4 value, Barrier* barrier) {
    unsigned address = (unsigned)__cvta_generic_to_shared(to), told = (unsigned)__cvta_generic_to_shared(barrier);
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(address) : "r"(address), "r"(rank));
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(told) : "r"(told), "r"(rank));
    asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.u32 [%0], {%1, %2, %3, %4}, [%5];" ::"r"(address), "r"(value.x),
                 "r"(value.y), "r"(value.z), "r"(value.w), "r"(told)
                 : "memory");
}

__device__ __forceinline__ unsigned long long clock() {
    unsigned long long cycles;
    asm volatile("mov.u64 %0, %%clock64;" : "=l"(cycles)::"memory");
    return cycles;
}

} // namespace intrinsics

#endif
