// One tile of a GEMM, TILE_ROWS x TILE_COLUMNS elements of C (row, column) = sum over k of A (row, k) B (k,
// column), by a block of four warps, two down and two across, each with a quarter of the tile. Both operands
// pass through shared memory in chunks of the depth; every sum is taken in the order of k. gemm_copies.cu
// feeds the tile with operands from memory, gemm_loads.cu with values that are loaded or computed one by one.
// Here are the layout of a chunk in shared memory, its products, and the sums.

static_assert(THREADS == 128, "four warps");
#define DOWN (TILE_ROWS / 2 / 16)       // mma tiles of a warp, 16 x 8 elements each
#define ACROSS (TILE_COLUMNS / 2 / 8)
#define CHUNK (16 * PER_WORD)           // depth of a chunk

// A chunk of SIDE rows of A or columns of B in shared memory. K_MAJOR means that neighbors in depth are
// contiguous, there and in global memory; otherwise neighbors in width are. So a chunk consists of lines, and
// a line of groups of 16 bytes. The order of a line's groups differs from line to line (swizzle), so that the
// lanes of a warp read fragments without bank conflicts.
template <bool K_MAJOR, int SIDE> struct Chunk {
    static const bool IS_K_MAJOR = K_MAJOR;
    static const int LINE = (K_MAJOR ? CHUNK : SIDE) / PER_WORD; // words
    static const int SIZE = (K_MAJOR ? SIDE : CHUNK) * LINE;     // words
    static const int GROUPS = SIDE * CHUNK / GROUP / THREADS;    // that one thread brings

    // The word of element (i, k).
    static __device__ __forceinline__ int at(int i, int k) {
        const int line = K_MAJOR ? i : k, word = (K_MAJOR ? k : i) / PER_WORD;
        const int swizzle = K_MAJOR ? line / 2 % 4 : PER_WORD == 2 ? line % 8 : line % 4 * 2;
        return line * LINE + ((word / 4) ^ swizzle) * 4 + word % 4;
    }
    // Where group `n` of this thread begins. Consecutive threads bring contiguous groups (coalesced). The
    // groups of a thread are in the same place of lines that are APART from each other, so that the word of
    // each is that of the first and a constant.
    static const int ALONG = (K_MAJOR ? CHUNK : SIDE) / GROUP, APART = THREADS / ALONG;
    static_assert(THREADS % ALONG == 0, "the threads bring whole lines");
    static_assert(K_MAJOR ? APART % 8 == 0 : APART % (4 * PER_WORD) == 0, "these lines have one order of groups");
    static __device__ __forceinline__ int along() { return threadIdx.x % ALONG * GROUP; }
    static __device__ __forceinline__ int line(int n) { return threadIdx.x / ALONG + n * APART; }
    static __device__ __forceinline__ int i_of(int n) { return K_MAJOR ? line(n) : along(); }
    static __device__ __forceinline__ int k_of(int n) { return K_MAJOR ? along() : line(n); }
    static __device__ __forceinline__ int word(int n) { return at(i_of(0), k_of(0)) + n * APART * LINE; }

    // The fragments of an mma: for A those of 16 rows by DEPTH; for B those of two B's, DEPTH by eight
    // columns each. They are four matrices of eight rows of 16 bytes, first along i for A, along k for B.
    // `first` is the word that this lane reads of the first fragments of its warp, whose rows or columns
    // begin at i.
    static __device__ __forceinline__ int first(int i, bool is_a) {
        const int lane = threadIdx.x % 32;
        const int of_i = is_a ? lane / 8 % 2 * 8 : lane / 16 * 8, of_k = (is_a ? lane / 16 : lane / 8 % 2) * (DEPTH / 2);
        return K_MAJOR         ? at(i + of_i + lane % 8, of_k)
               : PER_WORD == 2 ? at(i + of_i, of_k + lane % 8)
                               : at(i + lane / 4, lane % 4);
    }
    // Reads fragments number n of the warp, at depth k. Steps within a line change bits of the word that i
    // leaves alone, so that in any order of the groups they are exclusive ors.
    static __device__ __forceinline__ void read(const unsigned* shared, unsigned first, int n, int k, bool is_a, unsigned to[4]) {
        if (K_MAJOR) {
            intrinsics::load_matrices(to, shared + ((first ^ (k / DEPTH * 8)) + n * 16 * LINE));
        } else if (PER_WORD == 2) {
            intrinsics::load_matrices_transposed(to, shared + ((first ^ (n * 8)) + k * LINE));
        } else {
#pragma unroll
            for (int r = 0; r < 4; r++) {
                const int of_i = is_a ? r % 2 : r / 2, of_k = is_a ? r / 2 : r % 2;
                to[r] = shared[(first ^ (n * 16 + of_i * 8)) + (k + 4 * of_k) * LINE];
            }
        }
    }
};
template <bool K_MAJOR> using ChunkA = Chunk<K_MAJOR, TILE_ROWS>;
template <bool K_MAJOR> using ChunkB = Chunk<K_MAJOR, TILE_COLUMNS>;

// The elements of the tile that one thread accumulates: four of each mma tile.
typedef float Sums[DOWN][ACROSS][4];

// The first row and column of this warp.
__device__ __forceinline__ unsigned warp_row() { return threadIdx.x / 64 * (TILE_ROWS / 2); }
__device__ __forceinline__ unsigned warp_column() { return threadIdx.x / 32 % 2 * (TILE_COLUMNS / 2); }

__device__ __forceinline__ unsigned sum_row(int i, int j) {
    return warp_row() + 16 * i + threadIdx.x % 32 / 4 + 8 * (j / 2);
}
__device__ __forceinline__ unsigned sum_column(int n, int j) {
    return warp_column() + 8 * n + 2 * (threadIdx.x % 4) + j % 2;
}

// The words of a thread's first fragments in the chunks of A and B. They are kept, not computed again.
template <class A, class B> struct First {
    const unsigned a = intrinsics::opaque(A::first(warp_row(), true));
    const unsigned b = intrinsics::opaque(B::first(warp_column(), false));
};

// Parts that the products of a chunk have.
#define PARTS (PRECISION == 32 ? CHUNK : CHUNK / DEPTH * DOWN)

// sums += (chunk of A) (chunk of B). The chunks begin at words a and b of `shared`. Calls `beside(n)` at each
// of PARTS parts of the products.
template <class A, class B, class Beside>
__device__ __forceinline__ void
multiply_chunk(
    const unsigned* shared, [[maybe_unused]] const First<A, B>& first, unsigned a, unsigned b, Sums sums, const Beside& beside
) {
#if PRECISION == 32
#pragma unroll
    for (int k = 0; k < CHUNK; k++) {
        beside(k);
        float x[2 * DOWN], y[2 * ACROSS];
#pragma unroll
        for (int i = 0; i < 2 * DOWN; i++) {
            x[i] = __uint_as_float(shared[a + A::at(sum_row(i / 2, i % 2 * 2), k)]);
        }
#pragma unroll
        for (int n = 0; n < 2 * ACROSS; n++) {
            y[n] = __uint_as_float(shared[b + B::at(sum_column(n / 2, n % 2), k)]);
        }
#pragma unroll
        for (int i = 0; i < DOWN; i++) {
#pragma unroll
            for (int n = 0; n < ACROSS; n++) {
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    sums[i][n][j] = fmaf(x[2 * i + j / 2], y[2 * n + j % 2], sums[i][n][j]);
                }
            }
        }
    }
#else
    a += first.a;
    b += first.b;
#pragma unroll
    for (int k = 0; k < CHUNK; k += DEPTH) {
        unsigned x[2][4], y[ACROSS / 2][4];
#pragma unroll
        for (int n = 0; n < ACROSS / 2; n++) {
            B::read(shared, b, n, k, false, y[n]);
        }
        A::read(shared, a, 0, k, true, x[0]);
#pragma unroll
        for (int i = 0; i < DOWN; i++) {
            if (i + 1 < DOWN) {
                A::read(shared, a, i + 1, k, true, x[(i + 1) % 2]); // in flight during the products
            }
            beside(k / DEPTH * DOWN + i);
#pragma unroll
            for (int n = 0; n < ACROSS; n++) {
                multiply_add(sums[i][n], x[i % 2], y[n / 2][n % 2 * 2], y[n / 2][n % 2 * 2 + 1]);
            }
        }
    }
#endif
}

// Lets the sums of each column c of the tile begin at `value(c)`.
template <class Value> __device__ __forceinline__ void begin_at(Sums sums, const Value& value) {
#pragma unroll
    for (int n = 0; n < ACROSS; n++) {
#pragma unroll
        for (int j = 0; j < 2; j++) {
            const float start = value(sum_column(n, j));
#pragma unroll
            for (int i = 0; i < 2 * DOWN; i++) {
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
    for (int i = 0; i < DOWN; i++) {
#pragma unroll
        for (int n = 0; n < ACROSS; n++) {
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

// Exchanges one register with the lane whose number differs in the bit `mask`: the lane without the bit gives
// `second` and gets it from the other lane's `first`.
__device__ __forceinline__ void exchange(unsigned& first, unsigned& second, unsigned mask) {
    const bool upper = threadIdx.x & mask;
    const unsigned got = intrinsics::shuffle_xor(upper ? first : second, mask);
    first = upper ? got : first;
    second = upper ? second : got;
}

// Calls `store(row, column, group)` for each group of 16 bytes of the sums as operands that lies inside of
// the matrix. Four lanes have a pair of columns of each of four mma tiles. They exchange them, so that each
// lane gets one tile's row whole, and stores 16 bytes at once instead of 4 times 4.
#if PRECISION == 16
template <class Store>
__device__ __forceinline__ void each_group(
    const Sums sums, unsigned row, unsigned column, unsigned rows, unsigned columns, const Store& store
) {
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
#pragma unroll
        for (int j = 0; j < 4; j += 2) {
#pragma unroll
            for (int n = 0; n < ACROSS; n += 4) {
                unsigned words[4]; // of each mma tile
#pragma unroll
                for (int w = 0; w < 4; w++) {
                    words[w] = to_word(sums[i][n + w][j], sums[i][n + w][j + 1]);
                }
                exchange(words[0], words[1], 1);
                exchange(words[2], words[3], 1);
                exchange(words[0], words[2], 2);
                exchange(words[1], words[3], 2);
                const unsigned r = row + sum_row(i, j), c = column + warp_column() + 8 * (n + threadIdx.x % 4);
                if (r < rows && c < columns) {
                    store(r, c, make_uint4(words[0], words[1], words[2], words[3]));
                }
            }
        }
    }
}
#endif

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
