// One time step: the recurrent product, and the cells as its epilogue. See rnn_step.cu for the blocks. The
// backend runs, with `last` the state and h (2, loops, B, H) its h as operands, before and after a step:
//
//   rnn_step_begin.cu: h[0] = h of the initial state, if there is one
//   for s in 0..T:                              // t = s, or T - 1 - s in the reverse direction
//       this kernel, for 16 units of 32 rows a block:
//           load the input part of the gates[t], and h, c = last; for s = 0 the initial state, or 0
//           partial[gate, share] = h[s % 2] W_hh^T over a share of the depth; 0 if there is no h[0]
//           barrier
//           gates = input part + the sum of the shares
//           if t < length: h, c = cell(gates, h, c)
//           y[t] = h if t < length, else 0; save the gates and c for backward
//           last = h, c; h[(s + 1) % 2] = h
//
// Other blocks still read h[s % 2] while this one writes, so h has two buffers. Rows that have ended compute
// on and discard the result.

#define SHARES 2 // of the depth, for each of up to four gates

static_assert(THREADS == 32 * 4 * SHARES, "a warp for each gate and share");

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) rnn_step_forward(const __grid_constant__ Arguments a) {
    SHARED(float, partial, 4 * SHARES * PARTIAL);
    const Lane lane = this_lane(a.hidden, a.batch);
    const auto [loop, m, dir] = this_loop(a.dirs);
    const unsigned across = squares(a.hidden);
    const unsigned gate = lane.warp % 4;
    const uint4* rows = a.before + square_row(loop, blockIdx.y * (ROWS / 16), a.batch, across);
    const uint4* units = a.weights + (((size_t)loop * across + blockIdx.x) * GATES + gate) * across * SQUARE;
    Product product = begin_product(rows, units, across, lane.warp / 4, SHARES, a.before != nullptr && gate < GATES);

    const unsigned t = dir == 0 ? a.step : a.steps - 1 - a.step;
    const size_t first = lane.element(m, t, dir, a.steps, a.batch, a.dirs, a.hidden);
    const size_t state_at = lane.state(m, dir, a.dirs, a.batch, a.hidden);
    const size_t row_stride = (size_t)a.dirs * a.hidden; // from row to row
    const size_t to_c = (size_t)a.dirs * a.batch * a.hidden;

    // These loads are in flight during the product. They are in branches so that ptxas issues them after the
    // loads of the product.
    Gates4 inputs[2] = {no_gates(), no_gates()};
    State state[2] = {};
    unsigned length[2] = {};
#pragma unroll
    for (int r = 0; r < 2; r++) {
        if (lane.exists[r]) {
            const size_t of_state = state_at + 8 * r * a.hidden;
            length[r] = a.lengths[m * a.batch + lane.row + 8 * r];
            inputs[r] = ((const Gates4*)a.gates)[first + 8 * r * row_stride];
            state[r].h = a.from != nullptr ? a.from[of_state] : 0.0f;
            state[r].c = a.from != nullptr && STATES == 2 ? a.from[of_state + to_c] : 0.0f;
        }
    }
    end_product(product, partial);
    __syncthreads();

    float parts[2][4];
    bool live[2];
#pragma unroll
    for (int r = 0; r < 2; r++) {
        from_gates(inputs[r], parts[r]);
#pragma unroll
        for (int gate = 0; gate < GATES; gate++) {
            parts[r][recurrent_slot(gate)] += lane.sum(partial, gate, 4, SHARES, r);
        }
        const State computed = cell_forward(parts[r], state[r]);
        live[r] = t < length[r];
        state[r].h = live[r] ? computed.h : state[r].h;
        state[r].c = live[r] ? computed.c : state[r].c;
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
        if (lane.exists[r]) {
            const size_t at = first + 8 * r * row_stride, to = state_at + 8 * r * a.hidden;
            a.y[at] = live[r] ? state[r].h : 0.0f;
            if (a.save) {
                ((Gates4*)a.gates)[at] = to_gates(parts[r]);
                if (STATES == 2) {
                    a.cells[at] = state[r].c; // beyond the row's end: the unchanged state
                }
            }
            a.last[to] = state[r].h;
            if (STATES == 2) {
                a.last[to + to_c] = state[r].c;
            }
        }
        // Padding becomes 0.
        const size_t square = square_row(loop, lane.row / 16, a.batch, across) + blockIdx.x * SQUARE;
        ((operand_t*)(a.after + square))[operand_at(lane.g + 8 * r, lane.unit_in, true)] = to_operand(state[r].h);
    }
}
