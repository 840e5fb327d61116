// Backpropagation through time of ROWS batch rows in one launch, with the transposed recurrent weights in the
// registers of a thread-block cluster. The gradients by the gates replace the saved gates in place. See
// rnn_cluster.cu for the layout, and rnn_persistent_backward.cu for the same loop in one block.
//
//   W = half of the rows of W_hh^T of this warp and its neighbor, from global memory to registers
//   dh, dc = gradient by the last state, or 0
//   for s in (0..T) reversed:                   // t = s, or T - 1 - s in the reverse direction
//       d_gates, carry, dc = cell_backward(saved gates[t], dh + dy[t], dc)
//       if t >= length: d_gates, carry, dc = 0, dh, dc as before
//       deltas[s % 2] = d_gates, in the shared memory of all blocks
//       gates[t] = d_gates                      // for the gradients by the weights and the input
//       wait for all warps' d_gates
//       dh = carry + W deltas[s % 2]            // mma: each warp adds half of the depth, for 16 units
//   d_initial = dh, dc
//
// A warp and its neighbor add up the two halves for the 16 units of both. `deltas` has a group of 32 Gates4
// for four units: that of unit u and row n is number 4n + u % 4. So a lane's operand B is one Gates4, of
// which two elements are a word of each half of an mma's depth in bf16, and one is in tf32.

#define GROUPS (PADDED / 4)               // of four units
#define MMAS (GROUPS / 2 * (3 - PER_WORD)) // of a warp
#define CHAINS 4                          // independent sums, so that an mma need not wait for the one before

// The words of a Gates4.
__device__ __forceinline__ void load_words(unsigned to[4], const Gates4* from) {
#if PER_WORD == 2
    const uint2 words = *from;
    to[0] = words.x, to[1] = words.y;
#else
    const uint4 words = *(const uint4*)from;
    to[0] = words.x, to[1] = words.y, to[2] = words.z, to[3] = words.w;
#endif
}

extern "C" __global__ void __cluster_dims__(CLUSTER, 1, 1) __launch_bounds__(THREADS, 1)
    rnn_cluster_backward(const __grid_constant__ Arguments a) {
    SHARED(Gates4, deltas, 2 * GROUPS * 32); // (2, GROUPS, 8 rows, 4 units)
    SHARED(intrinsics::Barrier, full, 2);
    const Exchange<64 * sizeof(Gates4)> exchange{(char*)deltas, full};
    const Lane lane = this_lane(a.hidden, a.batch);
    const unsigned dir = blockIdx.y, m = blockIdx.z;
    const size_t state_at = lane.state(m, dir, a.dirs, a.batch, a.hidden);
    const size_t state_stride = a.hidden, to_c = (size_t)a.dirs * a.batch * a.hidden; // from row to row; from h to c

    unsigned weights[MMAS][4];
    const uint4* packed = a.weights + (((size_t)m * a.dirs + dir) * WARPS + lane.warp) * MMAS * 32 + lane.number;
#pragma unroll
    for (int k = 0; k < MMAS; k++) {
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
        length[j] = row < a.batch ? a.lengths[m * a.batch + row] : 0;
        const size_t at = state_at + row_of(j) * state_stride;
        const bool given = exists && a.d_last != nullptr;
        dh[j] = given ? a.d_last[at] : 0.0f;
        dc[j] = given && STATES == 2 ? a.d_last[at + to_c] : 0.0f;
        c[j] = exists && STATES == 2 ? a.cells[first + row_of(j) * row_stride] : 0.0f;
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
            wanted[j] = lane.exists[j] && s < a.steps;
            dy_wanted[j] = wanted[j] && a.dy != nullptr && t < length[j];
            before_wanted[j] = wanted[j] && has_before(s, t, j);
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

    exchange.begin();
    SHARED(uint2, halves, THREADS); // the sums that a lane has for its neighbor warp's units
    const unsigned half = lane.warp % 2;
    for (unsigned s = 0; s < a.steps; s++) {
        float carry[CELLS], gradients[CELLS][4]; // (cell, slot): the saved gates, then the gradients
        float dy[CELLS], before[CELLS];
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            from_gates(next_gates[j], gradients[j]);
            dy[j] = next_dy[j];
            before[j] = has_before(s, t, j) ? next_before[j] : initial[j];
#pragma unroll
            for (int slot = 0; slot < 4; slot++) {
                intrinsics::materialize(gradients[j][slot]);
            }
            intrinsics::materialize(dy[j]);
            intrinsics::materialize(before[j]);
        }
        ask(s + AHEAD, t + AHEAD * step, AHEAD);
        Gates4* group = (Gates4*)exchange.buffer(s) + (2 * lane.warp + lane.g / 4) * 32 + lane.g % 4;
        Gates4 gates[CELLS];
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            const State previous = STATES == 2 ? State{0.0f, before[j]} : State{before[j], 0.0f};
            const State d = cell_backward(gradients[j], c[j], previous, State{dh[j] + dy[j], dc[j]});
            const bool live = t < length[j];
            carry[j] = live ? d.h : dh[j];
            dc[j] = live ? d.c : dc[j];
            c[j] = before[j];
#pragma unroll
            for (int slot = 0; slot < 4; slot++) {
                gradients[j][slot] = live ? gradients[j][slot] : 0.0f;
            }
            gates[j] = to_operands(gradients[j]); // of the mmas here, and of the GEMMs that follow
            group[4 * (2 * lane.q + j)] = gates[j];
        }
        exchange.publish(s, lane);
        // While the other warps' gradients arrive:
        store_cells(gates_at, gates, lane.exists);
        t += step;
#pragma unroll
        for (int r = 0; r < LANE_ROWS; r++) {
            gates_at[r] += step_stride;
            dy_at[r] += step_stride;
            before_at[r] += step_stride;
        }
        const Gates4* groups = (const Gates4*)exchange.wait(s) + half * (GROUPS / 2) * 32 + lane.number;
        float sums[CHAINS][4] = {};
#pragma unroll
        for (int k = 0; k < GROUPS / 2; k++) {
            unsigned words[4];
            load_words(words, groups + k * 32);
#if PER_WORD == 2
            multiply_add(sums[k % CHAINS], weights[k], words[0], words[1]);
#else
            multiply_add(sums[2 * k % CHAINS], weights[2 * k], words[0], words[1]);
            multiply_add(sums[(2 * k + 1) % CHAINS], weights[2 * k + 1], words[2], words[3]);
#endif
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
            sums[0][i] = (sums[0][i] + sums[1][i]) + (sums[2][i] + sums[3][i]);
        }
        // The lower 8 of the 16 units belong to the even warp.
        const float *of_lower = sums[0], *of_upper = sums[0] + 2;
        const float own[CELLS] = {half ? of_upper[0] : of_lower[0], half ? of_upper[1] : of_lower[1]};
        const float others[CELLS] = {half ? of_lower[0] : of_upper[0], half ? of_lower[1] : of_upper[1]};
        halves[threadIdx.x] = make_uint2(__float_as_uint(others[0]), __float_as_uint(others[1]));
        take(s + 1);
        __syncthreads();
        const uint2 received = halves[threadIdx.x ^ 32];
        dh[0] = carry[0] + (own[0] + __uint_as_float(received.x));
        dh[1] = carry[1] + (own[1] + __uint_as_float(received.y));
    }

#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        if (lane.exists[j] && a.d_initial != nullptr) {
            float* d_initial = a.d_initial + state_at + row_of(j) * state_stride;
            d_initial[0] = dh[j];
            if (STATES == 2) {
                d_initial[to_c] = dc[j];
            }
        }
    }
}
