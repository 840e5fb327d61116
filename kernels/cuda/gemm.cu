// C = A B (+ bias) for every model and direction, strided. A is (rows, depth) with stride 1 in depth. B is
// (columns, depth) where B_K_MAJOR, else (depth, columns). A_IS_SAVED and C_IS_SAVED choose the storage
// format of A and C: `saved_t` or `float`.

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

extern "C" __global__ void __launch_bounds__(THREADS) gemm(const __grid_constant__ Arguments a) {
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs;
    const a_t* from = (const a_t*)a.a + (m * a.a_model + dir * a.a_dir);
    const operand_t* by = a.b + (m * a.b_model + dir * a.b_dir);
    const auto load_a = [&](unsigned row, unsigned k) {
        return row < a.rows && k < a.depth ? load(from, row * a.a_row + k) : 0.0f;
    };
    const auto load_b = [&](unsigned column, unsigned k) {
        const long long at = B_K_MAJOR ? column * a.b_row + k : k * a.b_row + column;
        return column < a.columns && k < a.depth ? operand(by, at) : 0.0f;
    };
    const unsigned row = blockIdx.x * SIDE, column = blockIdx.y * SIDE;
    Sums sums;
    clear(sums);
    multiply<Chunk<true>, Chunk<B_K_MAJOR>>(load_a, load_b, row, column, 0, a.depth, sums);
    c_t* to = (c_t*)a.c + (m * a.c_model + dir * a.c_dir);
    each_sum(sums, row, column, a.rows, a.columns, [&](unsigned r, unsigned c, float sum) {
        const float bias = a.bias != nullptr ? a.bias[m * a.bias_model + c] : 0.0f;
        store(to, r * a.c_row + c, sum + bias);
    });
}
