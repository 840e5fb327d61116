// The storage of the operands of the recurrent product of one time step: squares of 16 x 16 operands, 16 rows
// of A or 16 columns of B by a depth of 16. A square is stored as vectors of 16 bytes, each of which is the
// registers of one lane for one mma. So a warp loads a square, without gaps, by one load of each lane (fp32
// and tf32: two).

#define ROWS 32                // batch rows of a block, two squares
#define VECTORS (2 / PER_WORD) // of a lane in a square: one for each mma in depth
#define SQUARE (32 * VECTORS)  // vectors of a square

// The squares that a depth or a width of `units` takes.
__device__ __forceinline__ unsigned squares(unsigned units) { return (units + 15) / 16; }

// The first vector of the squares of batch rows 16 `row` to 16 `row` + 15, in a matrix (loops, B, depth)
// whose rows are padded to whole blocks. `loop` counts models and directions, `depth` squares.
__device__ __forceinline__ size_t square_row(unsigned loop, unsigned row, unsigned batch, unsigned depth) {
    return ((size_t)loop * ((batch + ROWS - 1) / ROWS * (ROWS / 16)) + row) * depth * SQUARE;
}

// The index of operand (i, k) of a square in operands, where i is a row of A or a column of B. Lane 4g + q of
// an mma has rows g and g + 8 of A, and columns g and g + 8 of two Bs. Which depths it multiplies is ours to
// choose: the neighbors 4q to 4q + 3.
__device__ __forceinline__ unsigned operand_at(unsigned i, unsigned k, bool is_a) {
    const unsigned lane = 4 * (i % 8) + k / 4, half = i / 8, word = k % 4 / PER_WORD;
    const unsigned of_lane = is_a ? 2 * (word % 2) + half : 2 * half + word % 2;
    return ((word / 2 * 32 + lane) * 4 + of_lane) * PER_WORD + k % PER_WORD;
}
