// Definitions that the kernels of a thread-block cluster share. A cluster runs the time loop of ROWS batch
// rows of one model and direction: its CLUSTER blocks have a multiprocessor each, and together the registers
// that hold the recurrent weights. Warps are numbered across the blocks. Warp w owns units 8w to 8w + 7 with
// their four packed gates, and lane 4g + q of it has two cells: unit g, rows 2q and 2q + 1. PADDED is the
// number of units rounded up to whole blocks.
//
//            block 0       block 1       block 2       block 3
//          +-----------+ +-----------+ +-----------+ +-----------+
//          | W_hh of   | | W_hh of   | | W_hh of   | | W_hh of   |   registers
//          | its units | | its units | | its units | | its units |
//          +-----------+ +-----------+ +-----------+ +-----------+
//          | h         | | h         | | h         | | h         |   shared memory
//          +-----------+ +-----------+ +-----------+ +-----------+
//
// A warp stores its results in its own block and copies them to the others (distributed shared memory). A
// barrier in each block counts what has arrived there.

#define WARPS (PADDED / 8)      // of the cluster
#define ACROSS (PADDED / DEPTH) // mmas for two gates of a warp's units
#define PAIRS 0                 // see rnn_queue.cu
#define CELLS 2                 // cells of a lane
#define LANE_ROWS 2             // batch rows of a lane
// The time steps whose loads a lane has asked for. The widest backward kernel has no room for more in 48 KiB
// of shared memory.
#define AHEAD (PADDED > 192 ? 1 : 2)

static_assert(ROWS == 8, "the columns of an mma");
static_assert(THREADS * CLUSTER == 32 * WARPS && THREADS % 64 == 0, "whole pairs of warps in a block");

// Cell j of a lane has `row + row_of(j)` and `unit + unit_of(j)`.
__device__ __forceinline__ constexpr unsigned row_of(int j) { return j; }
__device__ __forceinline__ constexpr unsigned unit_of(int) { return 0; }

struct Lane : Place {
    unsigned warp, number, g, q; // the lane is number 4g + q of warp `warp` of the cluster
    bool exists[CELLS];          // whether the cell is one of the layer's
};

__device__ __forceinline__ Lane this_lane(unsigned hidden, unsigned batch) {
    Lane lane;
    lane.warp = (blockIdx.x % CLUSTER * THREADS + threadIdx.x) / 32;
    lane.number = threadIdx.x % 32;
    lane.g = lane.number / 4;
    lane.q = lane.number % 4;
    lane.unit = 8 * lane.warp + lane.g;
    lane.row = blockIdx.x / CLUSTER * ROWS + 2 * lane.q;
#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        lane.exists[j] = lane.unit < hidden && lane.row + row_of(j) < batch;
    }
    return lane;
}

// The warps' results of a time step, BYTES of a warp, in the shared memory of each block. Two buffers
// alternate. A warp stores in a buffer only after it has read, in the other one, what all warps stored after
// their last look at this one.
template <int BYTES> struct Exchange {
    char* buffers;             // (2, WARPS, BYTES)
    intrinsics::Barrier* full; // (2): whether all warps' bytes are in a buffer

    // No block may store before this has returned in all blocks.
    __device__ __forceinline__ void begin() const {
        if (threadIdx.x == 0) {
            intrinsics::begin_barrier(&full[0], THREADS / 32);
            intrinsics::begin_barrier(&full[1], THREADS / 32);
        }
        intrinsics::sync_cluster();
    }

    __device__ __forceinline__ char* buffer(unsigned step) const { return buffers + step % 2 * WARPS * BYTES; }

    // Copies what this warp's lanes have stored in the buffer of number `step` to the other blocks. They
    // begin with different ones.
    __device__ __forceinline__ void publish(unsigned step, const Lane& lane) const {
        const int pieces = BYTES / 16;
        char* own = buffer(step) + lane.warp * BYTES;
        intrinsics::sync_warp();
#pragma unroll
        for (int first = 0; first < (CLUSTER - 1) * pieces; first += 32) {
            const int i = first + lane.number;
            if (i < (CLUSTER - 1) * pieces) {
                char* piece = own + i % pieces * 16;
                intrinsics::copy_to_block((blockIdx.x + 1 + i / pieces) % CLUSTER, piece, *(const uint4*)piece, &full[step % 2]);
            }
        }
        // As many bytes come from the other blocks for each warp of this one.
        if (lane.number == 0) {
            intrinsics::arrive(&full[step % 2], (CLUSTER - 1) * BYTES);
        }
    }

    // Waits until the buffer of number `step` has all warps' bytes.
    __device__ __forceinline__ const char* wait(unsigned step) const {
        intrinsics::wait_for_phase(&full[step % 2], step / 2 % 2);
        return buffer(step);
    }
};
