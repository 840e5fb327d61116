// C = bias + A B for every model and direction, strided. A is (rows, depth) with stride 1 in depth. B is
// (columns, depth) where B_K_MAJOR, else (depth, columns). Rows of B are whole groups of 16 bytes, padded
// with 0. Where IS_ALIGNED, rows of A are whole groups, too, with anything finite behind the depth, which the
// zeros of B cancel; so are rows of C, or whole pairs of floats. Otherwise rows of A are whole groups of 8
// bytes, and rows of C are any. C_IS_SAVED chooses the storage format of C: `saved_t` or `float`. Column
// tiles vary fastest, so that the blocks at work at one time share rows of A.

#if C_IS_SAVED
typedef saved_t c_t;
#else
typedef float c_t;
#endif

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) gemm(const __grid_constant__ Arguments a) {
    typedef ChunkA<true> A;
    typedef ChunkB<B_K_MAJOR> B;
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const unsigned column_tiles = (a.columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
    const unsigned row = blockIdx.x / column_tiles * TILE_ROWS, column = blockIdx.x % column_tiles * TILE_COLUMNS;
    const float* bias = a.bias + m * a.bias_model + column;
    Sums sums;
    begin_at(sums, [&](unsigned c) { return a.bias != nullptr && column + c < a.columns ? bias[c] : 0.0f; });
    const Copies<A, A_BYTES> rows(a.a + (m * a.a_model + dir * a.a_dir), a.a_row, row, a.rows, 0, a.depth);
    const Copies<B, 16> columns(a.b + (m * a.b_model + dir * a.b_dir), a.b_row, column, a.columns, 0, a.depth);
    multiply(rows, columns, 0, a.depth, sums);
    c_t* to = (c_t*)a.c + (m * a.c_model + dir * a.c_dir);
#if IS_ALIGNED && C_IS_SAVED && PRECISION == 16
    each_group(sums, row, column, a.rows, a.columns, [&](unsigned r, unsigned c, uint4 group) {
        *(uint4*)(to + (r * a.c_row + c)) = group;
    });
#elif IS_ALIGNED
    each_pair(sums, row, column, a.rows, a.columns, [&](unsigned r, unsigned c, float sum, float next) {
        store_pair(to + (r * a.c_row + c), sum, next);
    });
#else
    each_sum(sums, row, column, a.rows, a.columns, [&](unsigned r, unsigned c, float sum) {
        store(to, r * a.c_row + c, sum);
    });
#endif
}
