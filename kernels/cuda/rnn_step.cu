// Definitions that the kernels of one time step share. A block computes 16 units of 32 batch rows of one
// model and direction: a product A B over a whole depth, and the cells as its epilogue. A has the rows, B the
// units.
//
//              depth ->                                      16 units
//           +---------+---------+---+              +---+   +----------+
//   32 rows | share 0 | share 1 |   |  x  B, alike |   | = | partial  |, added in the order of the shares
//           +---------+---------+---+              +---+   | sums     |
//                                                          +----------+
//
// Each warp multiplies one share of the depth. The kernels wait for memory, not for arithmetic, so a warp has
// the loads of several multiplications in flight, and no operand passes through shared memory. See
// rnn_squares.cu for the operands.

#define UNITS 16
#define STRIDE (UNITS + 4)      // words from row to row of partial sums, which lanes then read without bank conflicts
#define PARTIAL (ROWS * STRIDE) // words of a warp's partial sums

// The time loop that a block has a part of.
struct Loop {
    unsigned number, m, dir; // number: of all models' directions
};
__device__ __forceinline__ Loop this_loop(unsigned dirs) {
    // There are one or two directions.
    return {blockIdx.z, blockIdx.z >> (dirs - 1), blockIdx.z & (dirs - 1)};
}

// A thread and its two cells: rows `row` and `row + 8` of unit `unit`. The first cell is (`row_in`,
// `unit_in`) of the block.
struct Lane : Place {
    unsigned warp, g; // the lane is number 4g + q of its warp
    unsigned unit_in, row_in;
    bool exists[2]; // whether the cell is one of the layer's

    // The product of cell `r`: the partial sums of `shares` warps, the first and every `apart`th from there,
    // added in the order of the shares.
    __device__ __forceinline__ float sum(const float* partial, int first, int apart, int shares, int r) const {
        const float* of = partial + first * PARTIAL + (row_in + 8 * r) * STRIDE + unit_in;
        float sum = of[0];
#pragma unroll
        for (int share = 1; share < shares; share++) {
            sum += of[share * apart * PARTIAL];
        }
        return sum;
    }
};

__device__ __forceinline__ Lane this_lane(unsigned hidden, unsigned batch) {
    Lane lane;
    lane.warp = threadIdx.x / 32;
    lane.g = threadIdx.x % 32 / 4;
    lane.unit_in = 4 * (lane.warp % 4) + threadIdx.x % 4;
    lane.row_in = 16 * (lane.warp / 4) + lane.g;
    lane.unit = blockIdx.x * UNITS + lane.unit_in;
    lane.row = blockIdx.y * ROWS + lane.row_in;
#pragma unroll
    for (int r = 0; r < 2; r++) {
        lane.exists[r] = lane.unit < hidden && lane.row + 8 * r < batch;
    }
    return lane;
}

// A warp's sums: rows 16i + g and 16i + g + 8, columns 8n + 2q and 8n + 2q + 1.
typedef float Sums[2][2][4]; // (i, n, element of an mma's result)

// One warp's share of a product: the next squares of its operands. The second 16 rows of A are `below`
// vectors behind the first.
struct Product {
    const uint4 *a, *b;
    unsigned below;
    int left; // squares of the share

#if PRECISION == 32

    __device__ __forceinline__ void begin() {}

    // sums += A B. Without tensor cores a lane reads the vectors of its rows and columns.
    __device__ __forceinline__ void add_to(Sums sums) {
        const unsigned g = threadIdx.x % 32 / 4, q = threadIdx.x % 4;
#pragma unroll 1
        for (; left > 0; left--, a += SQUARE, b += SQUARE) {
#pragma unroll 4
            for (unsigned n = 0; n < 4 * VECTORS; n++) {
                const unsigned at = n / 4 * 32 + n % 4;
                const float4 rows[2] = {((const float4*)a)[at + 4 * g], ((const float4*)(a + below))[at + 4 * g]};
                const float4 columns[2] = {((const float4*)b)[at + 8 * q], ((const float4*)b)[at + 8 * q + 4]};
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    // (depth, row + 8j)
                    const float x[2][2] = {{rows[i].x, rows[i].y}, {rows[i].z, rows[i].w}};
#pragma unroll
                    for (int j = 0; j < 4; j++) {
                        const float4 y = columns[j % 2];
                        sums[i][0][j] = fmaf(x[1][j / 2], y.y, fmaf(x[0][j / 2], y.x, sums[i][0][j]));
                        sums[i][1][j] = fmaf(x[1][j / 2], y.w, fmaf(x[0][j / 2], y.z, sums[i][1][j]));
                    }
                }
            }
        }
    }

#else

#define AHEAD (8 / BLOCKS / VECTORS) // multiplications of squares whose operands are in flight

    struct Operands {
        uint4 a[2][VECTORS], b[VECTORS];
    } ahead[AHEAD];

    // Loads the operands of multiplication `n` from here, unless it is beyond the share.
    __device__ __forceinline__ void load(Operands& to, int n) {
        const unsigned lane = threadIdx.x % 32;
        if (n < left) {
#pragma unroll
            for (int v = 0; v < VECTORS; v++) {
                const int at = n * SQUARE + v * 32;
                to.a[0][v] = (a + lane)[at];
                to.a[1][v] = (a + lane + below)[at];
                to.b[v] = (b + lane)[at];
            }
        }
    }

    __device__ __forceinline__ void begin() {
#pragma unroll
        for (int n = 0; n < AHEAD; n++) {
            load(ahead[n], n);
        }
    }

    // sums += A B
    __device__ __forceinline__ void add_to(Sums sums) {
        for (; left > 0; left -= AHEAD, a += AHEAD * SQUARE, b += AHEAD * SQUARE) {
#pragma unroll
            for (int n = 0; n < AHEAD; n++) {
                if (n < left) {
                    multiply(ahead[n], sums);
                }
                load(ahead[n], n + AHEAD);
            }
        }
    }

    static __device__ __forceinline__ void multiply(const Operands& of, Sums sums) {
#pragma unroll
        for (int v = 0; v < VECTORS; v++) {
            const uint4 columns = of.b[v];
#pragma unroll
            for (int i = 0; i < 2; i++) {
                const uint4 x = of.a[i][v];
                const unsigned rows[4] = {x.x, x.y, x.z, x.w};
                multiply_add(sums[i][0], rows, columns.x, columns.y);
                multiply_add(sums[i][1], rows, columns.z, columns.w);
            }
        }
    }

#endif
};

// Begins share `share` of `shares` of the product of the rows from `a` and the columns from `b`, over a depth
// of `depth` squares. Without `exists` the product is 0.
__device__ __forceinline__ Product begin_product(
    const uint4* a, const uint4* b, unsigned depth, unsigned share, unsigned shares, bool exists
) {
    const unsigned each = (depth + shares - 1) / shares, from = share * each;
    Product product;
    product.a = a + from * SQUARE;
    product.b = b + from * SQUARE;
    product.below = depth * SQUARE;
    product.left = !exists ? 0 : from + each < depth ? (int)each : (int)depth - (int)from;
    product.begin();
    return product;
}

// Ends a product: stores this warp's partial sums.
__device__ __forceinline__ void end_product(Product& product, float* partial) {
    Sums sums = {};
    product.add_to(sums);
    const unsigned warp = threadIdx.x / 32, g = threadIdx.x % 32 / 4, q = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int n = 0; n < 2; n++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const unsigned row = 16 * i + g + 8 * (j / 2), column = 8 * n + 2 * q + j % 2;
                partial[warp * PARTIAL + row * STRIDE + column] = sums[i][n][j];
            }
        }
    }
}
