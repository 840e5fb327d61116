// The whole time loop of eight batch rows in one launch, with the recurrent weights in registers: a
// persistent kernel (Diamos et al. 2016). There is one barrier a time step. Global memory is read for the
// gates and written for y and for the saved values. See rnn_persistent.cu for the layout.
//
//   W = this warp's rows of W_hh, from global memory to registers
//   h[0] = initial state, in shared memory; barrier
//   for s in 0..T:                              // t = s, or T - 1 - s in the reverse direction
//       gates = input part[t] + W h[s % 2]      // mma; the input part was loaded a step before
//       load the input part of the gates of the next step
//       h, c = cell(gates, h, c) if t < length, else h, c
//       h[(s + 1) % 2] = h; barrier
//       y[t] = h if t < length, else 0; save the gates and c for backward
//   last = h, c
//
// The reverse direction counts t down, and a row takes part only while t is below its length, so that it
// begins at its own last time step.
//
// The loop computes no address: pointers move by a stride a step. It has no branch around arithmetic: rows
// that have ended compute on, and a select discards the result. Both let ptxas overlap the four cells.

#define STRIDE (WORDS + 4) // words from row to row of h: no bank conflicts

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

    State state[4];
    unsigned length[2];
#pragma unroll
    for (int j = 0; j < 4; j++) {
        const unsigned row = lane.row + row_of(j);
        length[row_of(j)] = row < a.batch ? a.lengths[m * a.batch + row] : 0;
        state[j] = State{0.0f, 0.0f};
        if (lane.exists[j] && a.initial != nullptr) {
            const float* initial = a.initial + state_at + row_of(j) * state_stride + unit_of(j);
            state[j].h = initial[0];
            state[j].c = STATES == 2 ? initial[to_c] : 0.0f;
        }
        ((operand_t*)(h + (2 * lane.q + row_of(j)) * STRIDE))[lane.unit + unit_of(j)] = to_operand(state[j].h);
    }

    // Elements from row to row, and from one time step to the next in this direction's order.
    const unsigned row_stride = a.dirs * a.hidden;
    const long long step_stride = (dir == 0 ? 1LL : -1LL) * a.batch * row_stride;
    const unsigned step = dir == 0 ? 1u : ~0u;
    unsigned t = dir == 0 ? 0 : a.steps - 1;
    const size_t first = lane.element(m, t, dir, a.steps, a.batch, a.dirs, a.hidden);
    Gates4* gates_at[2] = {(Gates4*)a.gates + first, (Gates4*)a.gates + first + row_stride};
    float* y_at[2] = {a.y + first, a.y + first + row_stride};
    float* cells_at[2] = {a.cells + first, a.cells + first + row_stride};
    const bool save = a.save;

    Gates4 next[4]; // the input part of the gates of the next time step
#pragma unroll
    for (int j = 0; j < 4; j++) {
        next[j] = lane.exists[j] ? gates_at[row_of(j)][unit_of(j)] : no_gates();
    }
    const unsigned* before = h + lane.g * STRIDE + lane.q;
    operand_t* after = (operand_t*)(h + ROWS * STRIDE + 2 * lane.q * STRIDE) + lane.unit;
    int to_other = ROWS * STRIDE; // words from one buffer of h to the other
    __syncthreads();

    for (unsigned left = a.steps; left > 0; left--) {
        float parts[4][4]; // (cell, slot)
        float sums[GATES][4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            from_gates(next[j], parts[j]);
#pragma unroll
            for (int slot = 0; slot < 4; slot++) {
                intrinsics::materialize(parts[j][slot]);
            }
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                sums[gate][j] = parts[j][recurrent_slot(gate)];
            }
        }
#pragma unroll
        for (int j = 0; j < 4; j++) {
            next[j] = lane.exists[j] && left > 1 ? gates_at[row_of(j)][step_stride + unit_of(j)] : no_gates();
        }
#pragma unroll
        for (int k = 0; k < ACROSS; k++) {
            const unsigned first = before[k * 8], second = before[k * 8 + 4];
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                multiply_add(sums[gate], weights[gate][k], first, second);
            }
        }
        State computed[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                parts[j][recurrent_slot(gate)] = sums[gate][j];
            }
            computed[j] = cell_forward(parts[j], state[j]);
        }
        const bool live[2] = {t < length[0], t < length[1]};
#pragma unroll
        for (int j = 0; j < 4; j++) {
            state[j].h = live[row_of(j)] ? computed[j].h : state[j].h;
            state[j].c = live[row_of(j)] ? computed[j].c : state[j].c;
            after[row_of(j) * STRIDE * PER_WORD + unit_of(j)] = to_operand(state[j].h);
        }
        __syncthreads();
        // Nobody waits for these stores, so they come after the barrier.
#pragma unroll
        for (int j = 0; j < 4; j++) {
            if (lane.exists[j]) {
                y_at[row_of(j)][unit_of(j)] = live[row_of(j)] ? state[j].h : 0.0f;
            }
            if (lane.exists[j] && save) {
                gates_at[row_of(j)][unit_of(j)] = to_gates(parts[j]);
                if (STATES == 2) {
                    cells_at[row_of(j)][unit_of(j)] = state[j].c; // beyond the row's end: the unchanged state
                }
            }
        }
        before += to_other;
        after -= to_other * PER_WORD;
        to_other = -to_other;
        t += step;
#pragma unroll
        for (int r = 0; r < 2; r++) {
            gates_at[r] += step_stride;
            y_at[r] += step_stride;
            cells_at[r] += step_stride;
        }
    }

#pragma unroll
    for (int j = 0; j < 4; j++) {
        if (lane.exists[j]) {
            float* last = a.last + state_at + row_of(j) * state_stride + unit_of(j);
            last[0] = state[j].h;
            if (STATES == 2) {
                last[to_c] = state[j].c;
            }
        }
    }
}
