// Definitions that the persistent kernels share. A block runs the time loop of eight batch rows of one model
// and direction. Its warp w owns units 16w to 16w + 15 with all their gates. The recurrent weights are
// operand A of the mma and stay in registers; the eight rows are operand B, in shared memory. PADDED is the
// number of units rounded up to whole warps.
//
//                        k: units of the previous step
//            +-----------------------+         8 rows
//   warp 0   | 16 units, all gates   |     +-------------+
//   warp 1   | 16 units, all gates   |  x  | h, shared   |  =  gates of 16 units and 8 rows a warp
//   ...      |    W_hh, registers    |     | memory      |
//            +-----------------------+     +-------------+

#define ROWS 8
#define TILES (PADDED / 16)           // warps
#define ACROSS (PADDED / DEPTH)       // mmas for one gate of a warp's units
#define WORDS (PADDED / PER_WORD)     // words of a batch row of units

// Register `i` of lane 4g + q of operand A holds row g + 8 (i % 2), words q + 4 (i / 2).
__device__ __forceinline__ int fragment_row(int i, int g) { return g + 8 * (i % 2); }
__device__ __forceinline__ int fragment_word(int i, int q) { return q + 4 * (i / 2); }

// A lane and its four cells: units `unit` and `unit + 8` of batch rows `row` and `row + 1`. Cell j has
// `row + row_of(j)` and `unit + unit_of(j)`.
__device__ __forceinline__ constexpr unsigned row_of(int j) { return j % 2; }
__device__ __forceinline__ constexpr unsigned unit_of(int j) { return 8 * (j / 2); }

struct Lane {
    unsigned warp, number, g, q; // the lane is number 4g + q of its warp
    unsigned unit, row;
    bool exists[4]; // whether the cell is one of the layer's

    // The index of the first cell in a tensor (M, T, B, dirs, H).
    __device__ __forceinline__ size_t element(unsigned m, unsigned t, unsigned dir, unsigned steps, unsigned batch, unsigned dirs, unsigned hidden) const {
        return ((((size_t)m * steps + t) * batch + row) * dirs + dir) * hidden + unit;
    }

    // The index of the first cell's h in a tensor of states (M, S, dirs, B, H).
    __device__ __forceinline__ size_t state(unsigned m, unsigned dir, unsigned dirs, unsigned batch, unsigned hidden) const {
        return (((size_t)m * STATES * dirs + dir) * batch + row) * hidden + unit;
    }
};

__device__ __forceinline__ Lane this_lane(unsigned hidden, unsigned batch) {
    Lane lane;
    lane.warp = threadIdx.x / 32;
    lane.number = threadIdx.x % 32;
    lane.g = lane.number / 4;
    lane.q = lane.number % 4;
    lane.unit = 16 * lane.warp + lane.g;
    lane.row = blockIdx.x * ROWS + 2 * lane.q;
#pragma unroll
    for (int j = 0; j < 4; j++) {
        lane.exists[j] = lane.unit + unit_of(j) < hidden && lane.row + row_of(j) < batch;
    }
    return lane;
}

__device__ __forceinline__ void load_fragment(unsigned to[4], uint4 from) {
    to[0] = from.x;
    to[1] = from.y;
    to[2] = from.z;
    to[3] = from.w;
}
