// The states before each time step as operands, (M, dirs, T, B, H'): a row is h, from the output of the layer
// or the initial state, and 0 at and beyond the row's length. A thread per group of 16 bytes.

extern "C" __global__ void __launch_bounds__(THREADS) rnn_pack_h(const __grid_constant__ Arguments a) {
    const unsigned groups = a.h_row / GROUP, i = blockIdx.x * THREADS + threadIdx.x;
    const unsigned row = i / groups, column = (i - row * groups) * GROUP; // (t, b), unit
    const unsigned m = blockIdx.z / a.dirs, dir = blockIdx.z % a.dirs, rows = a.steps * a.batch;
    if (row >= rows) {
        return;
    }
    const unsigned t = row / a.batch, b = row - t * a.batch, length = a.lengths[m * a.batch + b];
    const bool is_live = t < length, is_first = dir == 0 ? t == 0 : t + 1 == length;
    const float* first = a.initial + (((size_t)m * STATES * a.dirs + dir) * a.batch + b) * a.hidden;
    const size_t before = (size_t)m * rows + (dir == 0 ? row - a.batch : row + a.batch);
    const float* h = is_first ? first : a.y + (before * a.dirs + dir) * a.hidden;
    const bool exists = is_live && (!is_first || a.initial != nullptr);
    float values[GROUP];
    load_group(h + column, exists && column < a.hidden ? a.hidden - column : 0, a.hidden % 4 == 0, values);
    *(uint4*)(a.to + ((size_t)blockIdx.z * rows + row) * a.h_row + column) = to_group(values);
}
