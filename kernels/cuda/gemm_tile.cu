// One 64 x 64 tile of a GEMM, C (row, column) = sum over k of A (row, k) B (k, column), by a block of four
// warps (2 x 2, each 32 x 32). Both operands pass through shared memory in chunks of the depth, with two
// buffers each; every sum is taken in the order of k.
//
//   fetch chunk 0 of A and B into registers; store it to buffer 0; barrier
//   buffer = 0
//   for each chunk of the depth:
//       fetch the next chunk into registers              // its loads are in flight during the arithmetic
//       sums += (chunk of A) (chunk of B) from `buffer`  // mma on tensor cores; fmaf in fp32
//       buffer ^= 1
//       store the next chunk to `buffer`; barrier
//
// A loader `float load(i, k)` gives element `k` of row or column `i`, and 0 outside of the matrix. So the
// operands need not exist in memory: the convolution and the weight gradients compute indices in their
// loaders.

#define SIDE 64                          // rows and columns of a tile
#define CHUNK_WORDS 16                   // words in depth of a chunk
#define CHUNK (CHUNK_WORDS * PER_WORD)
#define STAGED (SIDE * CHUNK_WORDS / THREADS) // words of a chunk that one thread fetches

// n / by for n < 2^31, from the factor and shift that `divisor` (splits.rs) computes from `by` (Granlund and
// Montgomery 1994). A division in a loader would cost as much as the arithmetic of the tile.
__device__ __forceinline__ unsigned quotient(unsigned n, unsigned factor, unsigned shift) {
    return (__umulhi(n, factor) + n) >> shift;
}

// A chunk of an operand in shared memory. K_MAJOR means that neighbors in depth are contiguous in global
// memory; otherwise neighbors in width are. Consecutive threads fetch contiguous elements either way
// (coalesced). The padding keeps the reads of `multiply_chunk` free of bank conflicts.
template <bool K_MAJOR> struct Chunk {
    static const int SIZE = K_MAJOR ? SIDE * (CHUNK_WORDS + 4) : CHUNK_WORDS * (SIDE + 8);

    static __device__ __forceinline__ int at(int i, int word) {
        return K_MAJOR ? i * (CHUNK_WORDS + 4) + word : word * (SIDE + 8) + i;
    }

    template <class Load>
    static __device__ __forceinline__ void fetch(const Load& load, unsigned start, unsigned k, unsigned staged[STAGED]) {
#pragma unroll
        for (int n = 0; n < STAGED; n++) {
            const int index = threadIdx.x + n * THREADS;
            const int i = K_MAJOR ? index / CHUNK_WORDS : index % SIDE, word = K_MAJOR ? index % CHUNK_WORDS : index / SIDE;
            const unsigned depth = k + word * PER_WORD;
            staged[n] = to_word(load(start + i, depth), PER_WORD == 2 ? load(start + i, depth + 1) : 0.0f);
        }
    }

    static __device__ __forceinline__ void store(const unsigned staged[STAGED], unsigned* shared) {
#pragma unroll
        for (int n = 0; n < STAGED; n++) {
            const int index = threadIdx.x + n * THREADS;
            const int i = K_MAJOR ? index / CHUNK_WORDS : index % SIDE, word = K_MAJOR ? index % CHUNK_WORDS : index / SIDE;
            shared[at(i, word)] = staged[n];
        }
    }
};

// The elements of the tile that one thread accumulates: two row tiles of 16, four column tiles of 8, and four
// elements of each mma result.
typedef float Sums[2][4][4];

__device__ __forceinline__ unsigned sum_row(int i, int j) {
    return threadIdx.x / 64 * 32 + 16 * i + threadIdx.x % 32 / 4 + 8 * (j / 2);
}
__device__ __forceinline__ unsigned sum_column(int n, int j) {
    return threadIdx.x / 32 % 2 * 32 + 8 * n + 2 * (threadIdx.x % 4) + j % 2;
}

// sums += (chunk of A) (chunk of B)
template <class A, class B>
__device__ __forceinline__ void multiply_chunk(const unsigned* a, const unsigned* b, Sums sums) {
#if PRECISION == 32
#pragma unroll 8
    for (int k = 0; k < CHUNK; k++) {
        float x[4], y[8];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            x[i] = __uint_as_float(a[A::at(sum_row(i / 2, i % 2 * 2), k)]);
        }
#pragma unroll
        for (int n = 0; n < 8; n++) {
            y[n] = __uint_as_float(b[B::at(sum_column(n / 2, n % 2), k)]);
        }
#pragma unroll
        for (int i = 0; i < 2; i++) {
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
    const int g = threadIdx.x % 32 / 4, q = threadIdx.x % 4;
    const int row = threadIdx.x / 64 * 32 + g, column = threadIdx.x / 32 % 2 * 32 + g;
#pragma unroll
    for (int k = 0; k < CHUNK_WORDS; k += 8) {
        unsigned x[2][4], y[4][2];
#pragma unroll
        for (int i = 0; i < 2; i++) {
#pragma unroll
            for (int r = 0; r < 4; r++) {
                x[i][r] = a[A::at(row + 16 * i + 8 * (r % 2), k + q + 4 * (r / 2))];
            }
        }
#pragma unroll
        for (int n = 0; n < 4; n++) {
            y[n][0] = b[B::at(column + 8 * n, k + q)];
            y[n][1] = b[B::at(column + 8 * n, k + q + 4)];
        }
#pragma unroll
        for (int i = 0; i < 2; i++) {
#pragma unroll
            for (int n = 0; n < 4; n++) {
                multiply_add(sums[i][n], x[i], y[n][0], y[n][1]);
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
    unsigned staged_a[STAGED], staged_b[STAGED];
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

__device__ __forceinline__ void clear(Sums sums) {
#pragma unroll
    for (int i = 0; i < 32; i++) {
        sums[i / 16][i / 4 % 4][i % 4] = 0.0f;
    }
}

// Calls `store(row, column, sum)` for each element of the tile at (`row`, `column`) that lies inside of the
// matrix of `rows` by `columns`.
template <class Store>
__device__ __forceinline__ void each_sum(
    const Sums sums, unsigned row, unsigned column, unsigned rows, unsigned columns, const Store& store
) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int n = 0; n < 4; n++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const unsigned r = row + sum_row(i, j), c = column + sum_column(n, j);
                if (r < rows && c < columns) {
                    store(r, c, sums[i][n][j]);
                }
            }
        }
    }
}
