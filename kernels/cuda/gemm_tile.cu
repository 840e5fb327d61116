// One tile of a GEMM, C (row, column) = sum over k of A (row, k) B (k, column), by a block of warps, two down
// and ACROSS across; each has WARP_ROWS x 32 elements. Both operands pass through shared memory in chunks of
// the depth, with two buffers each; every sum is taken in the order of k.
//
//   fetch chunk 0 of A and B into registers; store it to buffer 0; barrier
//   buffer = 0
//   for each chunk of the depth:
//       fetch the next chunk into registers              // its loads are in flight during the arithmetic
//       sums += (chunk of A) (chunk of B) from `buffer`  // mma on tensor cores; fmaf in fp32
//       buffer ^= 1
//       store the next chunk to `buffer`; barrier        // rounds to operands
//
// A loader `load(i, k)` gives four elements of an operand, 0 outside of the matrix: rows (or columns) i to
// i + 3 at k, or k to k + 3 of row i where the operand is K_MAJOR. So the operands need not exist in memory:
// the convolution and the weight gradients compute addresses in their loaders.

#define ACROSS (THREADS / 64)
#define TILE_ROWS (2 * WARP_ROWS)
#define TILE_COLUMNS (32 * ACROSS)
#define TILES (WARP_ROWS / 16)           // mma tiles down a warp; 32 columns are four
#define CHUNK (16 * PER_WORD)            // depth of a chunk
// Blocks at work on a multiprocessor at one time, at least: one computes while another waits for memory. fp32
// and the addresses of single elements leave no registers for two.
#define BLOCKS (PRECISION == 32 || !IS_ALIGNED ? 1 : 2)

// n / by for n < 2^31, from the factor and shift that `divisor` (splits.rs) computes from `by` (Granlund and
// Montgomery 1994). A division in a loader would cost as much as the arithmetic of the tile.
__device__ __forceinline__ unsigned quotient(unsigned n, unsigned factor, unsigned shift) {
    return (__umulhi(n, factor) + n) >> shift;
}

// Four neighbors in memory, by one load: a float4, or a uint2 of bf16.
__device__ __forceinline__ float4 load_four(const float* from) { return *(const float4*)from; }
__device__ __forceinline__ float4 no_four(const float*) { return make_float4(0.0f, 0.0f, 0.0f, 0.0f); }
#if PRECISION == 16
__device__ __forceinline__ uint2 load_four(const unsigned short* from) { return *(const uint2*)from; }
__device__ __forceinline__ uint2 no_four(const unsigned short*) { return make_uint2(0u, 0u); }
#endif

// A loader of four elements from one of single elements, for matrices whose rows are not aligned.
template <bool K_MAJOR, class Load> struct OneByOne {
    const Load& load;

    __device__ __forceinline__ float4 operator()(unsigned i, unsigned k) const {
        return K_MAJOR ? make_float4(load(i, k), load(i, k + 1), load(i, k + 2), load(i, k + 3))
                       : make_float4(load(i, k), load(i + 1, k), load(i + 2, k), load(i + 3, k));
    }
};
template <bool K_MAJOR, class Load> __device__ __forceinline__ OneByOne<K_MAJOR, Load> one_by_one(const Load& load) {
    return {load};
}

// A group: 16 bytes of operands, GROUP neighbors, which PER_WORD loads of four give.
#define GROUP (4 * PER_WORD)
#if PRECISION == 16
__device__ __forceinline__ uint4 to_group(const float4 fours[2]) {
    const float4 u = fours[0], v = fours[1];
    return make_uint4(to_word(u.x, u.y), to_word(u.z, u.w), to_word(v.x, v.y), to_word(v.z, v.w));
}
__device__ __forceinline__ uint4 to_group(const uint2 fours[2]) {
    return make_uint4(fours[0].x, fours[0].y, fours[1].x, fours[1].y);
}
#else
__device__ __forceinline__ uint4 to_group(const float4 fours[1]) {
    const float4 u = fours[0];
    return make_uint4(to_word(u.x, 0.0f), to_word(u.y, 0.0f), to_word(u.z, 0.0f), to_word(u.w, 0.0f));
}
#endif

// A chunk of SIDE rows of A or columns of B in shared memory. K_MAJOR means that neighbors in depth are
// contiguous, there and in global memory; otherwise neighbors in width are. Consecutive threads fetch
// contiguous elements either way (coalesced). The padding of rows keeps the reads of fragments free of bank
// conflicts.
template <bool K_MAJOR, int SIDE> struct Chunk {
    static const int PADDING = K_MAJOR || PER_WORD == 2 ? 4 : 8; // words
    static const int ROW = (K_MAJOR ? CHUNK : SIDE) / PER_WORD + PADDING;
    static const int SIZE = (K_MAJOR ? SIDE : CHUNK) * ROW;
    static const int GROUPS = SIDE * CHUNK / GROUP / THREADS; // that one thread fetches

    // The word of element (i, k).
    static __device__ __forceinline__ int at(int i, int k) {
        return K_MAJOR ? i * ROW + k / PER_WORD : k * ROW + i / PER_WORD;
    }
    // Where group `n` of this thread begins. The groups of a thread differ in one dimension alone.
    static const int ALONG = (K_MAJOR ? CHUNK : SIDE) / GROUP;
    static_assert(THREADS % ALONG == 0, "the threads fetch whole rows of groups");
    static __device__ __forceinline__ int along() { return threadIdx.x % ALONG * GROUP; }
    static __device__ __forceinline__ int across(int n) { return threadIdx.x / ALONG + n * (THREADS / ALONG); }
    static __device__ __forceinline__ int i_of(int n) { return K_MAJOR ? across(n) : along(); }
    static __device__ __forceinline__ int k_of(int n) { return K_MAJOR ? along() : across(n); }

    template <class Load, class Four>
    static __device__ __forceinline__ void
    fetch(const Load& load, unsigned start, unsigned k, Four (&staged)[GROUPS][PER_WORD]) {
#pragma unroll
        for (int n = 0; n < GROUPS; n++) {
#pragma unroll
            for (int p = 0; p < PER_WORD; p++) {
                staged[n][p] = load(start + i_of(n) + (K_MAJOR ? 0 : 4 * p), k + k_of(n) + (K_MAJOR ? 4 * p : 0));
            }
        }
    }

    template <class Four> static __device__ __forceinline__ void store(const Four (&staged)[GROUPS][PER_WORD], unsigned* shared) {
#pragma unroll
        for (int n = 0; n < GROUPS; n++) {
            *(uint4*)(shared + at(i_of(n), k_of(n))) = to_group(staged[n]);
        }
    }

    // The fragments of an mma: `a` for those of its A, 16 rows by DEPTH; else for those of two B's, DEPTH by
    // eight columns each. They are four matrices of eight rows of 16 bytes, the first at element (i, k).
    static __device__ __forceinline__ void read(const unsigned* shared, int i, int k, bool a, unsigned to[4]) {
        const int lane = threadIdx.x % 32, g = lane / 4, q = lane % 4;
        // The order of the matrices: first along i for A, along k for B.
        const int of_i = a ? lane / 8 % 2 * 8 : lane / 16 * 8, of_k = (a ? lane / 16 : lane / 8 % 2) * (DEPTH / 2);
        if (K_MAJOR) {
            intrinsics::load_matrices(to, shared + at(i + of_i + lane % 8, k + of_k));
        } else if (PER_WORD == 2) {
            intrinsics::load_matrices_transposed(to, shared + at(i + of_i, k + of_k + lane % 8));
        } else {
#pragma unroll
            for (int r = 0; r < 4; r++) {
                to[r] = shared[at(i + g + (a ? r % 2 : r / 2) * 8, k + q + (a ? r / 2 : r % 2) * 4)];
            }
        }
    }
};
template <bool K_MAJOR> using ChunkA = Chunk<K_MAJOR, TILE_ROWS>;
template <bool K_MAJOR> using ChunkB = Chunk<K_MAJOR, TILE_COLUMNS>;

// The elements of the tile that one thread accumulates: TILES row tiles of 16, four column tiles of 8, and
// four elements of each mma result.
typedef float Sums[TILES][4][4];

__device__ __forceinline__ unsigned sum_row(int i, int j) {
    return threadIdx.x / 32 / ACROSS * WARP_ROWS + 16 * i + threadIdx.x % 32 / 4 + 8 * (j / 2);
}
__device__ __forceinline__ unsigned sum_column(int n, int j) {
    return threadIdx.x / 32 % ACROSS * 32 + 8 * n + 2 * (threadIdx.x % 4) + j % 2;
}

// sums += (chunk of A) (chunk of B)
template <class A, class B>
__device__ __forceinline__ void multiply_chunk(const unsigned* a, const unsigned* b, Sums sums) {
#if PRECISION == 32
#pragma unroll 4
    for (int k = 0; k < CHUNK; k++) {
        float x[2 * TILES], y[8];
#pragma unroll
        for (int i = 0; i < 2 * TILES; i++) {
            x[i] = __uint_as_float(a[A::at(sum_row(i / 2, i % 2 * 2), k)]);
        }
#pragma unroll
        for (int n = 0; n < 8; n++) {
            y[n] = __uint_as_float(b[B::at(sum_column(n / 2, n % 2), k)]);
        }
#pragma unroll
        for (int i = 0; i < TILES; i++) {
#pragma unroll
            for (int n = 0; n < 4; n++) {
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    sums[i][n][j] = fmaf(x[2 * i + j / 2], y[2 * n + j % 2], sums[i][n][j]);
                }
            }
        }
    }
#else
    const int row = threadIdx.x / 32 / ACROSS * WARP_ROWS, column = threadIdx.x / 32 % ACROSS * 32;
#pragma unroll
    for (int k = 0; k < CHUNK; k += DEPTH) {
        unsigned x[2][4], y[2][4];
#pragma unroll
        for (int n = 0; n < 2; n++) {
            B::read(b, column + 16 * n, k, false, y[n]);
        }
        A::read(a, row, k, true, x[0]);
#pragma unroll
        for (int i = 0; i < TILES; i++) {
            if (i + 1 < TILES) {
                A::read(a, row + 16 * (i + 1), k, true, x[(i + 1) % 2]); // in flight during the products
            }
#pragma unroll
            for (int n = 0; n < 4; n++) {
                multiply_add(sums[i][n], x[i % 2], y[n / 2][n % 2 * 2], y[n / 2][n % 2 * 2 + 1]);
            }
        }
    }
#endif
}

// Accumulates the tile that begins at row `row` and column `column`, over k in from..to.
template <class A, class B, class LoadA, class LoadB>
__device__ __forceinline__ void multiply(
    const LoadA& load_a, const LoadB& load_b, unsigned row, unsigned column, unsigned from, unsigned to, Sums sums
) {
    SHARED(unsigned, a, 2 * A::SIZE); // two buffers
    SHARED(unsigned, b, 2 * B::SIZE);
    decltype(load_a(0u, 0u)) staged_a[A::GROUPS][PER_WORD];
    decltype(load_b(0u, 0u)) staged_b[B::GROUPS][PER_WORD];
    A::fetch(load_a, row, from, staged_a);
    B::fetch(load_b, column, from, staged_b);
    A::store(staged_a, a);
    B::store(staged_b, b);
    __syncthreads();
    unsigned buffer = 0;
    for (unsigned k = from; k < to; k += CHUNK) {
        const bool more = k + CHUNK < to;
        if (more) {
            A::fetch(load_a, row, k + CHUNK, staged_a);
            B::fetch(load_b, column, k + CHUNK, staged_b);
        }
        multiply_chunk<A, B>(a + buffer * A::SIZE, b + buffer * B::SIZE, sums);
        buffer ^= 1;
        if (more) {
            A::store(staged_a, a + buffer * A::SIZE);
            B::store(staged_b, b + buffer * B::SIZE);
            __syncthreads();
        }
    }
}

// Lets the sums of each column c of the tile begin at `value(c)`.
template <class Value> __device__ __forceinline__ void begin_at(Sums sums, const Value& value) {
#pragma unroll
    for (int n = 0; n < 4; n++) {
#pragma unroll
        for (int j = 0; j < 2; j++) {
            const float start = value(sum_column(n, j));
#pragma unroll
            for (int i = 0; i < 2 * TILES; i++) {
                sums[i / 2][n][j + i % 2 * 2] = start;
            }
        }
    }
}
__device__ __forceinline__ void clear(Sums sums) {
    begin_at(sums, [](unsigned) { return 0.0f; });
}

// Calls `store(row, column, sum, next)` for each two neighbors of a row of the tile at (`row`, `column`) of
// which the first lies inside of the matrix of `rows` by `columns`.
template <class Store>
__device__ __forceinline__ void each_pair(
    const Sums sums, unsigned row, unsigned column, unsigned rows, unsigned columns, const Store& store
) {
#pragma unroll
    for (int i = 0; i < TILES; i++) {
#pragma unroll
        for (int n = 0; n < 4; n++) {
#pragma unroll
            for (int j = 0; j < 4; j += 2) {
                const unsigned r = row + sum_row(i, j), c = column + sum_column(n, j);
                if (r < rows && c < columns) {
                    store(r, c, sums[i][n][j], sums[i][n][j + 1]);
                }
            }
        }
    }
}

// Calls `store(row, column, sum)` for each element of the tile that lies inside of the matrix.
template <class Store>
__device__ __forceinline__ void each_sum(
    const Sums sums, unsigned row, unsigned column, unsigned rows, unsigned columns, const Store& store
) {
    each_pair(sums, row, column, rows, columns, [&](unsigned r, unsigned c, float sum, float next) {
        store(r, c, sum);
        if (c + 1 < columns) {
            store(r, c + 1, next);
        }
    });
}
