// C = bias + A B for every model and direction, strided. A is (rows, depth) with stride 1 in depth. B is
// (columns, depth) where B_K_MAJOR, else (depth, columns). A_IS_SAVED and C_IS_SAVED choose the storage
// format of A and C: `saved_t` or `float`. IS_ALIGNED: the columns, the depth and all strides are multiples
// of four elements. Column tiles vary fastest, so that the blocks at work at one time share rows of A.

#if A_IS_SAVED
typedef saved_t a_t;
#else
typedef float a_t;
#endif
#if C_IS_SAVED
typedef saved_t c_t;
#else
typedef float c_t;
#endif

__device__ __forceinline__ float operand(const operand_t* from, long long i) {
#if PRECISION == 16
    return from_saved(from[i]);
#else
    return from[i];
#endif
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) gemm(const __grid_constant__ Arguments a) {
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const a_t* from = (const a_t*)a.a + (m * a.a_model + dir * a.a_dir);
    const operand_t* by = a.b + (m * a.b_model + dir * a.b_dir);
    const unsigned column_tiles = (a.columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
    const unsigned row = blockIdx.x / column_tiles * TILE_ROWS, column = blockIdx.x % column_tiles * TILE_COLUMNS;
    const float* bias = a.bias + m * a.bias_model + column;
    Sums sums;
    begin_at(sums, [&](unsigned c) { return a.bias != nullptr && column + c < a.columns ? bias[c] : 0.0f; });
#if IS_ALIGNED
    const auto load_a = [&](unsigned i, unsigned k) {
        return i < a.rows && k < a.depth ? load_four(from + (i * a.a_row + k)) : no_four(from);
    };
    const auto load_b = [&](unsigned i, unsigned k) {
        const long long at = B_K_MAJOR ? i * a.b_row + k : k * a.b_row + i;
        return i < a.columns && k < a.depth ? load_four(by + at) : no_four(by);
    };
#else
    const auto element_a = [&](unsigned i, unsigned k) {
        return i < a.rows && k < a.depth ? load(from, i * a.a_row + k) : 0.0f;
    };
    const auto element_b = [&](unsigned i, unsigned k) {
        const long long at = B_K_MAJOR ? i * a.b_row + k : k * a.b_row + i;
        return i < a.columns && k < a.depth ? operand(by, at) : 0.0f;
    };
    const auto load_a = one_by_one<true>(element_a);
    const auto load_b = one_by_one<B_K_MAJOR>(element_b);
#endif
    multiply<ChunkA<true>, ChunkB<B_K_MAJOR>>(load_a, load_b, row, column, 0, a.depth, sums);
    c_t* to = (c_t*)a.c + (m * a.c_model + dir * a.c_dir);
#if IS_ALIGNED
    each_pair(sums, row, column, a.rows, a.columns, [&](unsigned r, unsigned c, float sum, float next) {
        store_pair(to + (r * a.c_row + c), sum, next);
    });
#else
    each_sum(sums, row, column, a.rows, a.columns, [&](unsigned r, unsigned c, float sum) {
        store(to, r * a.c_row + c, sum);
    });
#endif
}
