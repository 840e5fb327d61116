// The cells of one time step; a thread per cell. The backend runs, with `recurrent` (M, dirs, B, H, 4) and
// `last` the state from step to step:
//
//   for s in 0..T:                              // t = s, or T - 1 - s in the reverse direction
//       recurrent_gemm: recurrent = h W_hh^T    // not for s = 0 without an initial state
//       this kernel, for every cell:
//           h, c = last; for s = 0 the initial state, or 0
//           if t < length: h, c = cell(input part of the gates[t] + recurrent, h, c)
//           y[t] = h if t < length, else 0; save the gates and c for backward
//           last = h, c

extern "C" __global__ void __launch_bounds__(THREADS) rnn_step_forward(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= a.batch * a.hidden) {
        return;
    }
    const unsigned unit = i % a.hidden, row = i / a.hidden;
    const unsigned dir = blockIdx.y, m = blockIdx.z;
    const unsigned t = dir == 0 ? a.step : a.steps - 1 - a.step;
    const size_t at = ((((size_t)m * a.steps + t) * a.batch + row) * a.dirs + dir) * a.hidden + unit;
    const size_t state_at = (((size_t)m * STATES * a.dirs + dir) * a.batch + row) * a.hidden + unit;
    const size_t to_cells = (size_t)a.dirs * a.batch * a.hidden;
    const float* from = a.step > 0 ? a.last : a.initial;
    State state = {0.0f, 0.0f};
    if (from != nullptr) {
        state.h = from[state_at];
        state.c = STATES == 2 ? from[state_at + to_cells] : 0.0f;
    }
    const bool live = t < a.lengths[m * a.batch + row];
    if (live) {
        float parts[4];
        from_gates(((const Gates4*)a.gates)[at], parts);
        if (a.recurrent != nullptr) {
            const float* recurrent = a.recurrent + ((((size_t)m * a.dirs + dir) * a.batch + row) * a.hidden + unit) * 4;
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                parts[recurrent_slot(gate)] += recurrent[recurrent_slot(gate)];
            }
        }
        state = cell_forward(parts, state);
        if (a.save) {
            ((Gates4*)a.gates)[at] = to_gates(parts);
        }
    }
    a.y[at] = live ? state.h : 0.0f;
    if (STATES == 2 && a.save) {
        a.cells[at] = state.c;
    }
    a.last[state_at] = state.h;
    if (STATES == 2) {
        a.last[state_at + to_cells] = state.c;
    }
}
