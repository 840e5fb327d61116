// Definitions that the persistent kernels share. A block runs the time loop of ROWS batch rows of one model
// and direction. Its warp w owns units 16w to 16w + 15 with all their gates. The recurrent weights are
// operand A of the mma and stay in registers; the rows are operand B, in shared memory. PADDED is the number
// of units rounded up to whole warps.
//
//                        k: units of the previous step
//            +-----------------------+       8 columns
//   warp 0   | 16 units, all gates   |     +-------------+
//   warp 1   | 16 units, all gates   |  x  | h, shared   |  =  gates of 16 units and 8 columns a warp
//   ...      |    W_hh, registers    |     | memory      |
//            +-----------------------+     +-------------+
//
// ROWS is 8, 4 or 2. An mma always has 8 columns. Column n holds row n % ROWS, so that 8 / ROWS lanes get the
// same sums, and each computes its share of the cells. The fewer rows a block has, the shorter is a time
// step, while there are idle multiprocessors to take more blocks.

#define TILES (PADDED / 16)           // warps
#define ACROSS (PADDED / DEPTH)       // mmas for one gate of a warp's units
#define WORDS (PADDED / PER_WORD)     // words of a batch row of units
#define CELLS (ROWS / 2)              // cells of a lane
#define LANE_ROWS (ROWS == 2 ? 1 : 2) // batch rows of a lane

// The two units of a lane in an mma are this far apart, so that what 8 lanes load of a batch row's gates with
// one instruction is a whole line of 128 bytes: neighbors in bf16, which PAIRS loads at once.
#define APART (PRECISION == 16 ? 1 : 8)

// Register `i` of lane 4g + q of operand A holds the unit `fragment_row` of the warp, words q + 4 (i / 2).
__device__ __forceinline__ int fragment_row(int i, int g) { return (APART == 1 ? 2 * g : g) + i % 2 * APART; }
__device__ __forceinline__ int fragment_word(int i, int q) { return q + 4 * (i / 2); }

// Cell j of a lane has `row + row_of(j)` and `unit + unit_of(j)`.
__device__ __forceinline__ constexpr unsigned row_of(int j) { return j % LANE_ROWS; }
__device__ __forceinline__ constexpr unsigned unit_of(int j) { return j / LANE_ROWS * APART; }

struct Lane : Place {
    unsigned warp, number, g, q; // the lane is number 4g + q of its warp
    unsigned upper;              // whether its first cell has the upper one of its two units in an mma
    unsigned place;              // the row of its first cell, in the block
    bool exists[CELLS];          // whether the cell is one of the layer's

    // Cell j's sum. An mma gives a lane columns 2q and 2q + 1 of its lower unit, then of its upper unit.
    __device__ __forceinline__ float sum_of(int j, const float sums[4]) const {
        if (ROWS == 8) {
            return sums[j];
        }
        const bool odd = ROWS == 2 && place == 1;
        const float of_lower = odd ? sums[1] : sums[j], of_upper = odd ? sums[3] : sums[2 + j];
        return upper ? of_upper : of_lower;
    }
};

__device__ __forceinline__ Lane this_lane(unsigned hidden, unsigned batch) {
    Lane lane;
    lane.warp = threadIdx.x / 32;
    lane.number = threadIdx.x % 32;
    lane.g = lane.number / 4;
    lane.q = lane.number % 4;
    lane.upper = ROWS == 8 ? 0 : ROWS == 4 ? lane.q / 2 : lane.q % 2;
    lane.place = ROWS == 8 ? 2 * lane.q : ROWS == 4 ? lane.q % 2 * 2 : lane.q / 2;
    lane.unit = 16 * lane.warp + fragment_row(lane.upper, lane.g);
    lane.row = blockIdx.x * ROWS + lane.place;
#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        lane.exists[j] = lane.unit + unit_of(j) < hidden && lane.row + row_of(j) < batch;
    }
    return lane;
}

// The time steps whose loads a lane has asked for.
#define AHEAD (ROWS < 8 ? 4 : PADDED > 64 ? 1 : 2)

#if PAIRS
static_assert(ROWS == 8 && APART == 1, "a lane's two units are neighbors");
#endif
