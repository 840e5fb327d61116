// The input of a layer as operands, (M, T, B, X): a row is (x, 1), and 0 at and beyond the row's length. The
// GEMMs read each row several times. The 1 is the input of the biases. A thread per group of 16 bytes.

extern "C" __global__ void __launch_bounds__(THREADS) rnn_pack_x(const __grid_constant__ Arguments a) {
    const unsigned groups = a.x_row / GROUP, i = blockIdx.x * THREADS + threadIdx.x, m = blockIdx.z;
    const unsigned row = i / groups, column = (i - row * groups) * GROUP; // (t, b), feature
    if (row >= a.steps * a.batch) {
        return;
    }
    const unsigned t = row / a.batch, b = row - t * a.batch;
    const bool is_live = t < a.lengths[m * a.batch + b];
    const size_t at = (size_t)m * a.steps * a.batch + row;
    float values[GROUP];
    load_group(a.x + at * a.input + column, is_live && column < a.input ? a.input - column : 0, a.input % 4 == 0, values);
#pragma unroll
    for (int e = 0; e < GROUP; e++) {
        values[e] = is_live && column + e == a.input ? 1.0f : values[e];
    }
    *(uint4*)(a.to + at * a.x_row + column) = to_group(values);
}
