// Backpropagation through time of ROWS batch rows in one launch, with the transposed recurrent weights in
// registers. The gradients by the gates replace the saved gates in place. See rnn_persistent.cu for the
// layout and rnn_persistent_forward.cu for the direction of t.
//
//   W = this warp's rows of W_hh^T, from global memory to registers
//   dh, dc = gradient by the last state, or 0
//   for s in (0..T) reversed:                   // t = s, or T - 1 - s in the reverse direction
//       ask for the saved gates, dy and the state before of step s + AHEAD of this loop
//       d_gates, carry, dc = cell_backward(saved gates[t], dh + dy[t], dc)
//       if t >= length: d_gates, carry, dc = 0, dh, dc as before
//       deltas[s % 2] = d_gates, in shared memory; barrier
//       dh = carry + W deltas[s % 2]            // mma
//       gates[t] = d_gates                      // for the gradients by the weights and the input
//   d_initial = dh, dc
//
// Two buffers of deltas alternate, so that one barrier a step is enough. As in the forward kernel, pointers
// move by a stride a step, and rows that have ended compute on and discard the result.

#define STRIDE (GATES * WORDS + 4) // words from row to row: (units, gates)
#define SUMS 4                     // independent sums, so that an mma need not wait for the one before

static_assert(GATES < 4 || recurrent_slot(3) == 3, "four gates fill the four slots");

// Stores the gradients by the lane's gates as operands in a buffer (ROWS, STRIDE).
__device__ __forceinline__ void store_operands(unsigned* buffer, const float gradients[CELLS][4], const Lane& lane) {
#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        operand_t* to = (operand_t*)(buffer + (lane.place + row_of(j)) * STRIDE) + (lane.unit + unit_of(j)) * GATES;
        if (GATES == 4) {
            *(Gates4*)to = to_operands(gradients[j]);
        } else {
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                to[gate] = to_operand(gradients[j][recurrent_slot(gate)]);
            }
        }
    }
}

// Asks for only one block a multiprocessor, so that ptxas may use as many registers as it needs and spills
// none.
extern "C" __global__ void __launch_bounds__(THREADS, 1) rnn_persistent_backward(const __grid_constant__ Arguments a) {
    SHARED(unsigned, deltas, 2 * ROWS * STRIDE); // (2, ROWS, STRIDE): two buffers
    const Lane lane = this_lane(a.hidden, a.batch);
    const unsigned dir = blockIdx.y, m = blockIdx.z;
    const size_t state_at = lane.state(m, dir, a.dirs, a.batch, a.hidden);
    const size_t state_stride = a.hidden, to_c = (size_t)a.dirs * a.batch * a.hidden; // from row to row; from h to c

    unsigned weights[GATES * ACROSS][4];
    const uint4* packed = a.weights + (((size_t)m * a.dirs + dir) * TILES + lane.warp) * GATES * ACROSS * 32 + lane.number;
#pragma unroll
    for (int k = 0; k < GATES * ACROSS; k++) {
        load_fragment(weights[k], packed[k * 32]);
    }

    // Elements from row to row, and from one time step to the next of this loop.
    const unsigned row_stride = a.dirs * a.hidden;
    const long long step_stride = (dir == 0 ? -1LL : 1LL) * a.batch * row_stride;
    const unsigned step = dir == 0 ? ~0u : 1u;
    unsigned t = dir == 0 ? a.steps - 1 : 0;
    const size_t first = lane.element(m, t, dir, a.steps, a.batch, a.dirs, a.hidden);
    // The state before a time step is the one that forward saved at the next time step of this loop.
    const float* states = (STATES == 2 ? a.cells : a.y) + first + step_stride;
    Gates4* gates_at[LANE_ROWS];
    const float *dy_at[LANE_ROWS], *before_at[LANE_ROWS];
#pragma unroll
    for (int r = 0; r < LANE_ROWS; r++) {
        gates_at[r] = (Gates4*)a.gates + first + r * row_stride;
        dy_at[r] = a.dy + first + r * row_stride;
        before_at[r] = states + r * row_stride;
    }

    unsigned length[LANE_ROWS];
    float dh[CELLS], dc[CELLS], c[CELLS], initial[CELLS];
#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        const unsigned row = lane.row + row_of(j);
        const bool exists = lane.exists[j];
        length[row_of(j)] = row < a.batch ? a.lengths[m * a.batch + row] : 0;
        const size_t at = state_at + row_of(j) * state_stride + unit_of(j);
        const bool given = exists && a.d_last != nullptr;
        dh[j] = given ? a.d_last[at] : 0.0f;
        dc[j] = given && STATES == 2 ? a.d_last[at + to_c] : 0.0f;
        c[j] = exists && STATES == 2 ? a.cells[first + row_of(j) * row_stride + unit_of(j)] : 0.0f;
        initial[j] = exists && a.initial != nullptr ? a.initial[at + (STATES == 2 ? to_c : 0)] : 0.0f;
    }

    // The queues of all that a time step needs: the saved gates, dy, and the state before (c of an LSTM, h of
    // a GRU).
    SHARED(Gates4, queued_gates, QUEUE_LENGTH);
    SHARED(float, queued_dy, QUEUE_LENGTH);
    SHARED(float, queued_states, QUEUE_LENGTH);
    const Queue<Gates4> saved_gates{queued_gates};
    const Queue<float> gradients_of_y{queued_dy}, states_before{queued_states};
    saved_gates.fill(no_gates(), lane, false);
    gradients_of_y.fill(0.0f, lane, a.dy == nullptr);
    states_before.fill(0.0f, lane, false);
    // Whether time step `t`, number `s` of this loop, has a saved state before it, for a cell of row r.
    // Beyond the row's end, `cells` holds the unchanged state, and y holds 0.
    const auto has_before = [&](unsigned s, unsigned t, int r) {
        return s + 1 < a.steps && (STATES == 2 || t + step < length[r]);
    };
    // Asks for time step `t`, number `s` of this loop, `distance` steps from where the pointers are.
    const auto ask = [&](unsigned s, unsigned t, int distance) {
        bool wanted[CELLS], dy_wanted[CELLS], before_wanted[CELLS];
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            const int r = row_of(j);
            wanted[j] = lane.exists[j] && s < a.steps;
            dy_wanted[j] = wanted[j] && a.dy != nullptr && t < length[r];
            before_wanted[j] = wanted[j] && has_before(s, t, r);
        }
        saved_gates.copy(s, gates_at, distance * step_stride, wanted);
        gradients_of_y.copy(s, dy_at, distance * step_stride, dy_wanted);
        states_before.copy(s, before_at, distance * step_stride, before_wanted);
        intrinsics::end_copy_group();
    };
    Gates4 next_gates[CELLS];
    float next_dy[CELLS], next_before[CELLS];
    const auto take = [&](unsigned s) {
        intrinsics::wait_copies<AHEAD - 1>();
        saved_gates.take(s, next_gates);
        gradients_of_y.take(s, next_dy);
        states_before.take(s, next_before);
    };
    for (unsigned s = 0; s < AHEAD; s++) {
        ask(s, t + s * step, s);
    }
    take(0);

    unsigned* shared = deltas;
    int to_other = ROWS * STRIDE; // words from one buffer to the other
    for (unsigned s = 0; s < a.steps; s++) {
        float carry[CELLS], gradients[CELLS][4]; // (cell, slot): the saved gates, then the gradients
        float dy[CELLS], before[CELLS];
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            from_gates(next_gates[j], gradients[j]);
            dy[j] = next_dy[j];
            before[j] = has_before(s, t, row_of(j)) ? next_before[j] : initial[j];
#pragma unroll
            for (int slot = 0; slot < 4; slot++) {
                intrinsics::materialize(gradients[j][slot]);
            }
            intrinsics::materialize(dy[j]);
            intrinsics::materialize(before[j]);
        }
        ask(s + AHEAD, t + AHEAD * step, AHEAD);
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            const State previous = STATES == 2 ? State{0.0f, before[j]} : State{before[j], 0.0f};
            const State d = cell_backward(gradients[j], c[j], previous, State{dh[j] + dy[j], dc[j]});
            const bool live = t < length[row_of(j)];
            carry[j] = live ? d.h : dh[j];
            dc[j] = live ? d.c : dc[j];
            c[j] = before[j];
#pragma unroll
            for (int slot = 0; slot < 4; slot++) {
                gradients[j][slot] = live ? gradients[j][slot] : 0.0f;
            }
        }
        store_operands(shared, gradients, lane);
        __syncthreads();
        float sums[SUMS][4] = {{carry[0 % CELLS], carry[1 % CELLS], carry[2 % CELLS], carry[3 % CELLS]}};
        const unsigned* words = shared + lane.g % ROWS * STRIDE + lane.q;
#pragma unroll
        for (int k = 0; k < GATES * ACROSS; k++) {
            multiply_add(sums[k % SUMS], weights[k], words[k * 8], words[k * 8 + 4]);
        }
        Gates4 gates[CELLS];
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            gates[j] = to_operands(gradients[j]); // of the GEMMs that follow
        }
        store_cells(gates_at, gates, lane.exists);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            sums[0][i] = (sums[0][i] + sums[1][i]) + (sums[2][i] + sums[3][i]);
        }
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            dh[j] = lane.sum_of(j, sums[0]);
        }
        take(s + 1);
        t += step;
        shared += to_other;
        to_other = -to_other;
#pragma unroll
        for (int r = 0; r < LANE_ROWS; r++) {
            gates_at[r] += step_stride;
            dy_at[r] += step_stride;
            before_at[r] += step_stride;
        }
    }

#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        if (lane.exists[j] && a.d_initial != nullptr) {
            float* d_initial = a.d_initial + state_at + row_of(j) * state_stride + unit_of(j);
            d_initial[0] = dh[j];
            if (STATES == 2) {
                d_initial[to_c] = dc[j];
            }
        }
    }
}
