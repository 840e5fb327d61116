// A product of large matrices, 64 x 64 numbers of it a block of four warps: C (row, column) = sum over k of A (row, k) B (k,
// column), k in order. Both operands come chunk by chunk through shared memory, the next chunk on its way while one is
// multiplied; a loader `float load(i, k)` says what number `k` of row or column `i` is, 0 outside.

#define SIDE 64                          // rows and columns of a block
#define CHUNK_WORDS 16                   // of the depth, at a time
#define CHUNK (CHUNK_WORDS * PER_WORD)
#define STAGED (SIDE * CHUNK_WORDS / THREADS) // words of an operand that a thread brings

// n / by for n < 2^31, of what `divisor` (splits.rs) makes of `by` (Granlund and Montgomery 1994): in a loader a division would cost
// as much as the multiplying.
__device__ __forceinline__ unsigned quotient(unsigned n, unsigned factor, unsigned shift) {
    return (__umulhi(n, factor) + n) >> shift;
}

// A chunk of an operand in shared memory. A deep one has its neighbors in depth side by side in device memory too, the other
// its neighbors in width: threads in a row fetch neighbors. The lanes of a warp meet no bank twice in `word`.
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

// Of a block's numbers, those of a thread: (two of 16 rows, four of 8 columns, four). Warps stand two by two.
typedef float Sums[2][4][4];

__device__ __forceinline__ unsigned sum_row(int i, int j) {
    return threadIdx.x / 64 * 32 + 16 * i + threadIdx.x % 32 / 4 + 8 * (j / 2);
}
__device__ __forceinline__ unsigned sum_column(int n, int j) {
    return threadIdx.x / 32 % 2 * 32 + 8 * n + 2 * (threadIdx.x % 4) + j % 2;
}

// Adds the product of two chunks.
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

// The block's numbers from row `row` and column `column` on, summed over k in from..to.
template <class A, class B, class LoadA, class LoadB>
__device__ __forceinline__ void multiply(
    const LoadA& load_a, const LoadB& load_b, unsigned row, unsigned column, unsigned from, unsigned to, Sums sums
) {
    SHARED(unsigned, a, 2 * A::SIZE); // in turn
    SHARED(unsigned, b, 2 * B::SIZE);
    unsigned staged_a[STAGED], staged_b[STAGED];
    A::fetch(load_a, row, from, staged_a);
    B::fetch(load_b, column, from, staged_b);
    A::store(staged_a, a);
    B::store(staged_b, b);
    __syncthreads();
    unsigned turn = 0;
    for (unsigned k = from; k < to; k += CHUNK) {
        const bool more = k + CHUNK < to;
        if (more) {
            A::fetch(load_a, row, k + CHUNK, staged_a);
            B::fetch(load_b, column, k + CHUNK, staged_b);
        }
        multiply_chunk<A, B>(a + turn * A::SIZE, b + turn * B::SIZE, sums);
        turn ^= 1;
        if (more) {
            A::store(staged_a, a + turn * A::SIZE);
            B::store(staged_b, b + turn * B::SIZE);
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

// Gives `store` row, column and sum of each of the block's numbers, from row `row` and column `column` on, that is below `rows` and
// `columns`.
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
