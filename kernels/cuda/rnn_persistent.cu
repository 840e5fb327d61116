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

// The four cells of lane 4g + q of warp w: units 16w + g and 16w + g + 8 of rows 2q and 2q + 1.
__device__ __forceinline__ unsigned cell_unit(int j, unsigned warp, unsigned g) { return 16 * warp + g + 8 * (j / 2); }
__device__ __forceinline__ unsigned cell_row(int j, unsigned q) { return 2 * q + j % 2; }
