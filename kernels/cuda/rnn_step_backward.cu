// The cells of one time step of backpropagation through time; a thread per cell. The backend runs, with
// `recurrent` (M, dirs, B, H) the gradient through the recurrent GEMM and `carry` (M, S, dirs, B, H) the rest
// of the gradient by the state:
//
//   for s in (0..T) reversed:                   // t = s, or T - 1 - s in the reverse direction
//       this kernel, for every cell:
//           dh, dc = carry, plus recurrent; in the first iteration the gradient by the last state, or 0
//           if t < length: d_gates, dh, dc = cell_backward(saved gates[t], dh + dy[t], dc)
//           else:          d_gates         = 0
//           gates[t] = d_gates; carry = dh, dc
//       gradient_gemm: recurrent = d_gates[t] W_hh
//   rnn_step_end.cu: d_initial = carry + recurrent

extern "C" __global__ void __launch_bounds__(THREADS) rnn_step_backward(const __grid_constant__ Arguments a) {
    const unsigned i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= a.batch * a.hidden) {
        return;
    }
    const unsigned unit = i % a.hidden, row = i / a.hidden;
    const unsigned dir = blockIdx.y, m = blockIdx.z;
    const unsigned t = dir == 0 ? a.step : a.steps - 1 - a.step;
    const unsigned t_before = dir == 0 ? t - 1 : t + 1;
    const size_t at = ((((size_t)m * a.steps + t) * a.batch + row) * a.dirs + dir) * a.hidden + unit;
    const size_t at_before = ((((size_t)m * a.steps + t_before) * a.batch + row) * a.dirs + dir) * a.hidden + unit;
    const size_t state_at = (((size_t)m * STATES * a.dirs + dir) * a.batch + row) * a.hidden + unit;
    const size_t to_cells = (size_t)a.dirs * a.batch * a.hidden;
    const unsigned length = a.lengths[m * a.batch + row];

    const bool is_first = a.step == a.steps - 1;
    const float* from = is_first ? a.d_last : a.carry;
    State d = {0.0f, 0.0f};
    if (from != nullptr) {
        d.h = from[state_at];
        d.c = STATES == 2 ? from[state_at + to_cells] : 0.0f;
    }
    if (!is_first) {
        d.h += a.recurrent[(((size_t)m * a.dirs + dir) * a.batch + row) * a.hidden + unit];
    }
    float saved[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (t < length) {
        from_gates(((const Gates4*)a.gates)[at], saved);
        State before = {0.0f, 0.0f};
        if (STATES == 2) {
            before.c = a.step > 0 ? a.cells[at_before] : a.initial != nullptr ? a.initial[state_at + to_cells] : 0.0f;
        } else {
            const bool has_before = a.step > 0 && t_before < length;
            before.h = has_before ? a.y[at_before] : a.initial != nullptr ? a.initial[state_at] : 0.0f;
        }
        if (a.dy != nullptr) {
            d.h += a.dy[at];
        }
        d = cell_backward(saved, STATES == 2 ? a.cells[at] : 0.0f, before, d);
    }
    ((Gates4*)a.gates)[at] = to_gates(saved);
    a.carry[state_at] = d.h;
    if (STATES == 2) {
        a.carry[state_at + to_cells] = d.c;
    }
}
