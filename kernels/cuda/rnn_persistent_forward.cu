// The whole time loop of ROWS batch rows in one launch, with the recurrent weights in registers: a
// persistent kernel (Diamos et al. 2016). There is one barrier a time step. Global memory is read for the
// gates and written for y and for the saved values. See rnn_persistent.cu for the layout.
//
//   W = this warp's rows of W_hh, from global memory to registers
//   h[0] = initial state, in shared memory; barrier
//   for s in 0..T:                              // t = s, or T - 1 - s in the reverse direction
//       gates = input part[t] + W h[s % 2]      // mma; the input part was asked for AHEAD steps before
//       ask for the input part of the gates of step s + AHEAD
//       h, c = cell(gates, h, c) if t < length, else h, c
//       h[(s + 1) % 2] = h; barrier
//       load h[(s + 1) % 2] as operand B
//       y[t] = h if t < length, else 0; save the gates and c for backward
//   last = h, c
//
// The reverse direction counts t down, and a row takes part only while t is below its length, so that it
// begins at its own last time step.
//
// The loop computes no address: pointers move by a stride a step. It has no branch around arithmetic: rows
// that have ended compute on, and a select discards the result. Both let ptxas overlap the four cells.

#define STRIDE (WORDS + 4) // words from row to row of h: no bank conflicts

// Stores h of the lane's cells as operand B of the next time step.
__device__ __forceinline__ void store_operands(operand_t* to, const State state[CELLS]) {
#if ROWS == 8 && APART == 1
#pragma unroll
    for (int r = 0; r < 2; r++) {
        *(unsigned*)(to + r * STRIDE * PER_WORD) = to_word(state[r].h, state[r + 2].h);
    }
#else
#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        to[row_of(j) * STRIDE * PER_WORD + unit_of(j)] = to_operand(state[j].h);
    }
#endif
}

extern "C" __global__ void __launch_bounds__(THREADS) rnn_persistent_forward(const __grid_constant__ Arguments a) {
    SHARED(unsigned, h, 2 * ROWS * STRIDE); // (2, ROWS, STRIDE): before and after the time step
    const Lane lane = this_lane(a.hidden, a.batch);
    const unsigned dir = blockIdx.y, m = blockIdx.z;
    const size_t state_at = lane.state(m, dir, a.dirs, a.batch, a.hidden);
    const size_t state_stride = a.hidden, to_c = (size_t)a.dirs * a.batch * a.hidden; // from row to row; from h to c

    unsigned weights[GATES][ACROSS][4];
    const uint4* packed = a.weights + (((size_t)m * a.dirs + dir) * TILES + lane.warp) * GATES * ACROSS * 32 + lane.number;
#pragma unroll
    for (int gate = 0; gate < GATES; gate++) {
#pragma unroll
        for (int k = 0; k < ACROSS; k++) {
            load_fragment(weights[gate][k], packed[(gate * ACROSS + k) * 32]);
        }
    }

    State state[CELLS];
    unsigned length[LANE_ROWS];
#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        const unsigned row = lane.row + row_of(j);
        length[row_of(j)] = row < a.batch ? a.lengths[m * a.batch + row] : 0;
        state[j] = State{0.0f, 0.0f};
        if (lane.exists[j] && a.initial != nullptr) {
            const float* initial = a.initial + state_at + row_of(j) * state_stride + unit_of(j);
            state[j].h = initial[0];
            state[j].c = STATES == 2 ? initial[to_c] : 0.0f;
        }
        ((operand_t*)(h + (lane.place + row_of(j)) * STRIDE))[lane.unit + unit_of(j)] = to_operand(state[j].h);
    }

    // Elements from row to row; below, from one time step to the next in this direction's order.
    const unsigned row_stride = a.dirs * a.hidden;
    const unsigned step = dir == 0 ? 1u : ~0u;
    unsigned t = dir == 0 ? 0 : a.steps - 1;
    const size_t first = lane.element(m, t, dir, a.steps, a.batch, a.dirs, a.hidden);
    Gates4* gates_at[LANE_ROWS];
    float *y_at[LANE_ROWS], *cells_at[LANE_ROWS];
#pragma unroll
    for (int r = 0; r < LANE_ROWS; r++) {
        const size_t element = intrinsics::opaque(first + r * row_stride);
        gates_at[r] = (Gates4*)a.gates + element;
        y_at[r] = a.y + element;
        cells_at[r] = a.cells + element;
    }
    const long long step_stride = intrinsics::opaque((dir == 0 ? 1LL : -1LL) * a.batch * row_stride);

    SHARED(Gates4, queued, QUEUE_LENGTH);
    const Queue<Gates4> inputs{queued}; // the input parts of the gates
    inputs.fill(no_gates(), lane, false);
    bool saves[CELLS];
#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        saves[j] = lane.exists[j] && a.save;
    }
    // Asks for the input part of step number `s`, `distance` steps from the one that the pointers are at.
    const auto ask = [&](unsigned s, int distance) {
        bool wanted[CELLS];
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            wanted[j] = lane.exists[j] && s < a.steps;
        }
        inputs.copy(s, gates_at, distance * step_stride, wanted);
        intrinsics::end_copy_group();
    };
    for (unsigned s = 0; s < AHEAD; s++) {
        ask(s, s);
    }
    Gates4 next[CELLS]; // the input part of the next time step
    intrinsics::wait_copies<AHEAD - 1>();
    inputs.take(0, next);
    const unsigned* before = h + lane.g % ROWS * STRIDE + lane.q;
    operand_t* after = (operand_t*)(h + (ROWS + lane.place) * STRIDE) + lane.unit;
    int to_other = ROWS * STRIDE; // words from one buffer of h to the other
    unsigned operand[ACROSS][2];  // h before the time step
    const auto load_operand = [&] {
#pragma unroll
        for (int k = 0; k < ACROSS; k++) {
            operand[k][0] = before[k * 8];
            operand[k][1] = before[k * 8 + 4];
        }
    };
    __syncthreads();
    load_operand();

    float y[CELLS], c[CELLS];
    Gates4 gates[CELLS];
    // Computes time step t, number `s` of this direction.
    const auto compute = [&](unsigned s) {
        float parts[CELLS][4]; // (cell, slot)
        float sums[GATES][4];
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            from_gates(next[j], parts[j]);
#pragma unroll
            for (int slot = 0; slot < 4; slot++) {
                intrinsics::materialize(parts[j][slot]);
            }
        }
        ask(s + AHEAD, AHEAD);
#pragma unroll
        for (int gate = 0; gate < GATES; gate++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                sums[gate][i] = parts[i % CELLS][recurrent_slot(gate)];
            }
        }
#pragma unroll
        for (int k = 0; k < ACROSS; k++) {
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                multiply_add(sums[gate], weights[gate][k], operand[k][0], operand[k][1]);
            }
        }
        State computed[CELLS];
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                parts[j][recurrent_slot(gate)] = lane.sum_of(j, sums[gate]);
            }
            computed[j] = cell_forward(parts[j], state[j]);
        }
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            const bool is_live = t < length[row_of(j)];
            state[j].h = is_live ? computed[j].h : state[j].h;
            state[j].c = is_live ? computed[j].c : state[j].c;
            y[j] = is_live ? state[j].h : 0.0f;
            c[j] = state[j].c; // beyond the row's end: the unchanged state
            gates[j] = to_gates(parts[j]);
        }
        store_operands(after, state);
        __syncthreads();
        before += to_other;
        after -= to_other * PER_WORD;
        to_other = -to_other;
        load_operand();
        intrinsics::wait_copies<AHEAD - 1>();
        inputs.take(s + 1, next);
    };
    // Stores what time step t computed.
    const auto store = [&] {
        store_cells(y_at, y, lane.exists);
        store_cells(gates_at, gates, saves);
        if (STATES == 2) {
            store_cells(cells_at, c, saves);
        }
    };

    compute(0);
    for (unsigned s = 1; s < a.steps; s++) {
        // Nobody waits for the stores. They come after the loads of h, since a multiprocessor takes loads and
        // stores in order, and for a store several cycles.
        store();
        t += step;
#pragma unroll
        for (int r = 0; r < LANE_ROWS; r++) {
            gates_at[r] += step_stride;
            y_at[r] += step_stride;
            cells_at[r] += step_stride;
        }
        compute(s);
    }
    store();

#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        if (lane.exists[j]) {
            float* last = a.last + state_at + row_of(j) * state_stride + unit_of(j);
            last[0] = state[j].h;
            if (STATES == 2) {
                last[to_c] = state[j].c;
            }
        }
    }
}
