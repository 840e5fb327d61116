// One time step of backpropagation through time: the gradient through the recurrent product, and the cells as
// its epilogue. See rnn_step.cu for the blocks. The backend runs, with `carry` (M, S, dirs, B, H) the rest of
// the gradient by the state, and deltas (2, loops, B, H, 4) the gradients by the gates as operands, of the
// time step that is processed and of the one before it in this loop:
//
//   for s in (0..T) reversed:                   // t = s, or T - 1 - s in the reverse direction
//       this kernel, for 16 units of 32 rows a block:
//           load the saved gates[t], dy[t], the state before, and dh, dc = carry; in the first iteration the
//           gradient by the last state, or 0
//           partial[share] = deltas[(s + 1) % 2] W_hh over a share of the depth; 0 in the first iteration
//           barrier
//           dh += the sum of the shares
//           if t < length: d_gates, dh, dc = cell_backward(saved gates[t], dh + dy[t], dc)
//           else:          d_gates         = 0
//           gates[t] = d_gates; deltas[s % 2] = d_gates; carry = dh, dc
//   rnn_step_end.cu: d_initial = carry + deltas[0] W_hh
//
// The depth is units with their four slots side by side. Other blocks still read deltas[(s + 1) % 2] while
// this one writes, so there are two buffers.

#define SHARES (THREADS / 32)

static_assert(SHARES == 8, "a warp for each eight rows and four units of the epilogue");

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) rnn_step_backward(const __grid_constant__ Arguments a) {
    SHARED(float, partial, SHARES * PARTIAL);
    const Lane lane = this_lane(a.hidden, a.batch);
    const auto [loop, m, dir] = this_loop(a.dirs);
    const unsigned across = squares(a.hidden);
    const uint4* rows = a.before + square_row(loop, blockIdx.y * (ROWS / 16), a.batch, 4 * across);
    const uint4* units = a.weights + ((size_t)loop * across + blockIdx.x) * 4 * across * SQUARE;
    Product product = begin_product(rows, units, 4 * across, lane.warp, SHARES, a.before != nullptr);

    const unsigned t = dir == 0 ? a.step : a.steps - 1 - a.step;
    const unsigned t_before = dir == 0 ? t - 1 : t + 1;
    const size_t first = lane.element(m, t, dir, a.steps, a.batch, a.dirs, a.hidden);
    const size_t first_before = lane.element(m, t_before, dir, a.steps, a.batch, a.dirs, a.hidden);
    const size_t state_at = lane.state(m, dir, a.dirs, a.batch, a.hidden);
    const size_t row_stride = (size_t)a.dirs * a.hidden; // from row to row
    const size_t to_c = (size_t)a.dirs * a.batch * a.hidden;

    // These loads are in flight during the product. They are in branches so that ptxas issues them after the
    // loads of the product.
    Gates4 gates[2] = {no_gates(), no_gates()};
    State d[2] = {};
    float dy[2] = {}, c[2] = {}, before[2] = {}, initial[2] = {}; // c of an LSTM, h of a GRU
    unsigned length[2] = {};
#pragma unroll
    for (int r = 0; r < 2; r++) {
        if (lane.exists[r]) {
            const size_t at = first + 8 * r * row_stride, of_state = state_at + 8 * r * a.hidden;
            length[r] = a.lengths[m * a.batch + lane.row + 8 * r];
            gates[r] = ((const Gates4*)a.gates)[at];
            dy[r] = a.dy != nullptr ? a.dy[at] : 0.0f;
            c[r] = STATES == 2 ? a.cells[at] : 0.0f;
            before[r] = a.step > 0 ? (STATES == 2 ? a.cells : a.y)[first_before + 8 * r * row_stride] : 0.0f;
            initial[r] = a.initial != nullptr ? a.initial[of_state + (STATES == 2 ? to_c : 0)] : 0.0f;
            d[r].h = a.from != nullptr ? a.from[of_state] : 0.0f;
            d[r].c = a.from != nullptr && STATES == 2 ? a.from[of_state + to_c] : 0.0f;
        }
    }
    end_product(product, partial);
    __syncthreads();

    float gradients[2][4]; // the saved gates, then the gradients
#pragma unroll
    for (int r = 0; r < 2; r++) {
        d[r].h += lane.sum(partial, 0, 1, SHARES, r);
        from_gates(gates[r], gradients[r]);
        // Beyond the row's end, `cells` holds the unchanged state, and y holds 0.
        const bool has_before = a.step > 0 && (STATES == 2 || t_before < length[r]);
        const float value = has_before ? before[r] : initial[r];
        const State state = STATES == 2 ? State{0.0f, value} : State{value, 0.0f};
        const State computed = cell_backward(gradients[r], c[r], state, State{d[r].h + dy[r], d[r].c});
        const bool live = t < length[r];
        d[r].h = live ? computed.h : d[r].h;
        d[r].c = live ? computed.c : d[r].c;
#pragma unroll
        for (int slot = 0; slot < 4; slot++) {
            gradients[r][slot] = live ? gradients[r][slot] : 0.0f;
        }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
        if (lane.exists[r]) {
            const size_t to = state_at + 8 * r * a.hidden;
            ((Gates4*)a.gates)[first + 8 * r * row_stride] = to_operands(gradients[r]); // of the GEMMs that follow
            a.carry[to] = d[r].h;
            if (STATES == 2) {
                a.carry[to + to_c] = d[r].c;
            }
        }
    }
    // Padding becomes 0.
    uint4* after = a.after + square_row(loop, lane.row / 16, a.batch, 4 * across) + lane.unit / 4 * SQUARE + threadIdx.x % 32;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
        unsigned words[4];
#pragma unroll
        for (int n = 0; n < 4; n++) {
            const float* of = gradients[n % 2] + (2 * v + n / 2) * PER_WORD;
            words[n] = to_word(of[0], PER_WORD == 2 ? of[1] : 0.0f);
        }
        after[v * 32] = make_uint4(words[0], words[1], words[2], words[3]);
    }
}
