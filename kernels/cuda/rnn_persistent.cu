// What the persistent kernels share. A block walks all steps of eight rows of one model and direction. Its warp w owns units 16w to
// 16w + 15 with all their gates: the recurrent weights are the stationary operand A of `multiply_add`, in registers, the eight
// rows its operand B, in shared memory. PADDED is the number of units, to whole warps.

#define ROWS 8
#define TILES (PADDED / 16)           // warps
#define ACROSS (PADDED / DEPTH)       // products that one gate of a warp's units takes
#define WORDS (PADDED / PER_WORD)     // words of a row of units

// Register `i` of lane 4g + q of operand A holds row g + 8 (i % 2), words q + 4 (i / 2).
__device__ __forceinline__ int fragment_row(int i, int g) { return g + 8 * (i % 2); }
__device__ __forceinline__ int fragment_word(int i, int q) { return q + 4 * (i / 2); }

// The four cells of lane 4g + q of warp w: units 16w + g and 16w + g + 8 of rows 2q and 2q + 1.
__device__ __forceinline__ unsigned cell_unit(int j, unsigned warp, unsigned g) { return 16 * warp + g + 8 * (j / 2); }
__device__ __forceinline__ unsigned cell_row(int j, unsigned q) { return 2 * q + j % 2; }
