// Definitions that the kernels of one time step share. A block computes 16 units of 32 batch rows of one model
// and direction: a product A B over a whole depth, and the cells as its epilogue. A has the rows, B the units.
//
//              depth ->                                      16 units
//           +---------+---------+---+              +---+   +----------+
//   32 rows | share 0 | share 1 |   |  x  B, alike |   | = | partial  |, added in the order of the shares
//           +---------+---------+---+              +---+   | sums     |
//                                                          +----------+
//
// Each warp multiplies one share of the depth. The kernels wait for memory, not for arithmetic, so a warp has
// the loads of several multiplications in flight, and no operand passes through shared memory: A and B are
// stored as squares of 16 x 16 operands, each in the order of the registers of an mma. A warp loads a square
// with 16 bytes (fp32 and tf32: twice) from each lane, without gaps.

#define ROWS 32
#define UNITS 16
#define FOURS 64                // of a square: it is stored as groups of four operands, neighbors in depth
#define STRIDE (UNITS + 4)      // words from row to row of partial sums, which lanes then read without bank conflicts
#define PARTIAL (ROWS * STRIDE) // words of a warp's partial sums

// The squares that a depth or a width of `units` takes.
__device__ __forceinline__ unsigned squares(unsigned units) { return (units + 15) / 16; }

// The index of operands (i, 4q) to (i, 4q + 3) of a square, where i is a row of A or a column of B. Lane
// 4g + q of an mma has rows g and g + 8, and which four neighbors in depth it takes is ours to choose.
__device__ __forceinline__ unsigned four_at(unsigned i, unsigned q) {
    const unsigned lane = 4 * (i % 8) + q, half = i / 8;
    return PER_WORD == 2 ? 2 * lane + half : 32 * half + lane;
}

// The first square of batch row `row` in a matrix (loops, B, depth), whose rows are padded to whole blocks.
// `loop` counts models and directions.
__device__ __forceinline__ size_t row_square(unsigned loop, unsigned row, unsigned batch, unsigned depth) {
    const unsigned rows = (batch + ROWS - 1) / ROWS * (ROWS / 16);
    return ((size_t)loop * rows + row / 16) * depth;
}

// A thread and its two cells: rows `row` and `row + 8` of unit `unit`. The first cell is (`row_in`, `unit_in`)
// of the block.
struct Lane {
    unsigned warp, g, q; // the lane is number 4g + q of its warp
    unsigned unit_in, row_in, unit, row;
    bool exists[2]; // whether the cell is one of the layer's

    // The index of the first cell in a tensor (M, T, B, dirs, H).
    __device__ __forceinline__ size_t element(unsigned m, unsigned t, unsigned dir, unsigned steps, unsigned batch, unsigned dirs, unsigned hidden) const {
        return ((((size_t)m * steps + t) * batch + row) * dirs + dir) * hidden + unit;
    }

    // The index of the first cell's h in a tensor of states (M, S, dirs, B, H).
    __device__ __forceinline__ size_t state(unsigned m, unsigned dir, unsigned dirs, unsigned batch, unsigned hidden) const {
        return (((size_t)m * STATES * dirs + dir) * batch + row) * hidden + unit;
    }

    // The partial sum of cell `r` in those of warp `of`.
    __device__ __forceinline__ float sum(const float* partial, unsigned of, int r) const {
        return partial[of * PARTIAL + (row_in + 8 * r) * STRIDE + unit_in];
    }
};

__device__ __forceinline__ Lane this_lane(unsigned hidden, unsigned batch) {
    Lane lane;
    lane.warp = threadIdx.x / 32;
    lane.g = threadIdx.x % 32 / 4;
    lane.q = threadIdx.x % 4;
    lane.unit_in = 4 * (lane.warp % 4) + lane.q;
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

#if PRECISION == 32

__device__ __forceinline__ float dot(float4 x, float4 y, float sum) {
    return fmaf(x.w, y.w, fmaf(x.z, y.z, fmaf(x.y, y.y, fmaf(x.x, y.x, sum))));
}

// sums = A B over the squares from..to of a depth of `depth` squares.
__device__ __forceinline__ void multiply(const Gates4* a, const Gates4* b, unsigned depth, unsigned from, unsigned to, Sums sums) {
    const unsigned g = threadIdx.x % 32 / 4, q = threadIdx.x % 4;
    for (unsigned k = from; k < to; k++) {
#pragma unroll
        for (unsigned four = 0; four < 4; four++) {
            float4 x[2][2], y[2][2];
#pragma unroll
            for (unsigned i = 0; i < 2; i++) {
#pragma unroll
                for (unsigned half = 0; half < 2; half++) {
                    x[i][half] = a[(i * depth + k) * FOURS + four_at(g + 8 * half, four)];
                    y[i][half] = b[k * FOURS + four_at(8 * i + 2 * q + half, four)];
                }
            }
#pragma unroll
            for (int i = 0; i < 2; i++) {
#pragma unroll
                for (int n = 0; n < 2; n++) {
#pragma unroll
                    for (int j = 0; j < 4; j++) {
                        sums[i][n][j] = dot(x[i][j / 2], y[n][j % 2], sums[i][n][j]);
                    }
                }
            }
        }
    }
}

#else

#define VECTORS (2 / PER_WORD)  // of 16 bytes, of a lane in a square
#define AHEAD (4 / VECTORS)     // multiplications whose operands are in flight

// The operands of one multiplication in a lane's registers: two squares of A, one of B.
struct Operands {
    uint4 a[2][VECTORS], b[VECTORS];
};

// sums += A B, two squares by one.
__device__ __forceinline__ void multiply_squares(Sums sums, const Operands& of) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
#if PRECISION == 16
        // One mma of depth 16: a vector has the four operands of row g, then those of row g + 8.
        const uint4 x = of.a[i][0], y = of.b[0];
        const unsigned rows[4] = {x.x, x.z, x.y, x.w};
        multiply_add(sums[i][0], rows, y.x, y.y);
        multiply_add(sums[i][1], rows, y.z, y.w);
#else
        // Two mmas of depth 8: a vector has the four operands of one row.
        const uint4 x = of.a[i][0], y = of.a[i][1];
        const unsigned first[4] = {x.x, y.x, x.y, y.y}, second[4] = {x.z, y.z, x.w, y.w};
#pragma unroll
        for (int n = 0; n < 2; n++) {
            multiply_add(sums[i][n], first, of.b[n].x, of.b[n].y);
        }
#pragma unroll
        for (int n = 0; n < 2; n++) {
            multiply_add(sums[i][n], second, of.b[n].z, of.b[n].w);
        }
#endif
    }
}

// sums = A B over the squares from..to of a depth of `depth` squares.
__device__ __forceinline__ void multiply(const Gates4* a, const Gates4* b, unsigned depth, unsigned from, unsigned to, Sums sums) {
    const uint4* of_a = (const uint4*)a + threadIdx.x % 32;
    const uint4* of_b = (const uint4*)b + threadIdx.x % 32;
    // A square beyond the share is 0.
    const auto load = [&](Operands& operands, unsigned k) {
        const uint4 zero = make_uint4(0u, 0u, 0u, 0u);
#pragma unroll
        for (int v = 0; v < VECTORS; v++) {
            const unsigned at = (k * VECTORS + v) * 32;
            operands.a[0][v] = k < to ? of_a[at] : zero;
            operands.a[1][v] = k < to ? of_a[depth * VECTORS * 32 + at] : zero;
            operands.b[v] = k < to ? of_b[at] : zero;
        }
    };
    Operands ahead[AHEAD];
#pragma unroll
    for (int n = 0; n < AHEAD; n++) {
        load(ahead[n], from + n);
    }
    for (unsigned k = from; k < to; k += AHEAD) {
#pragma unroll
        for (int n = 0; n < AHEAD; n++) {
            multiply_squares(sums, ahead[n]);
            load(ahead[n], k + n + AHEAD);
        }
    }
}

#endif

// Stores this warp's partial sums of A B, where A are the rows and B the units of the block, over share `share`
// of `shares` of the depth of `depth` squares.
__device__ __forceinline__ void multiply_share(
    const Gates4* a, const Gates4* b, unsigned depth, unsigned share, unsigned shares, float* partial
) {
    const unsigned each = (depth + shares - 1) / shares, from = share * each;
    const unsigned to = from + each < depth ? from + each : depth;
    Sums sums = {};
    multiply(a, b, depth, from, to, sums);
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
