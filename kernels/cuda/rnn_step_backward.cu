// The cells of one step back, before the recurrent product; a thread per cell. `carry` (M, S, dirs, B, H) is the gradient by the
// state after the step, but for what came through the product of the step above, `product` (M, dirs, B, H).

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
        d.h += a.product[(((size_t)m * a.dirs + dir) * a.batch + row) * a.hidden + unit];
    }
    float kept[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (t < length) {
        from_gates(((const Gates4*)a.gates)[at], kept);
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
        d = cell_backward(kept, STATES == 2 ? a.cells[at] : 0.0f, before, d);
    }
    ((Gates4*)a.gates)[at] = to_gates(kept);
    a.carry[state_at] = d.h;
    if (STATES == 2) {
        a.carry[state_at + to_cells] = d.c;
    }
}
