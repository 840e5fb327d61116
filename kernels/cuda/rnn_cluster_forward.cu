// The whole time loop of ROWS batch rows in one launch, with the recurrent weights in the registers of a
// thread-block cluster. See rnn_cluster.cu for the layout, and rnn_persistent_forward.cu for the same loop in
// one block.
//
//   W = this warp's rows of W_hh, from global memory to registers
//   h[0] = initial state, in the shared memory of all blocks
//   for s in 0..T:                              // t = s, or T - 1 - s in the reverse direction
//       gates = input part[t] + W h[s % 2]      // mma; the input part was asked for AHEAD steps before
//       ask for the input part of the gates of step s + AHEAD
//       h, c = cell(gates, h, c) if t < length, else h, c
//       h[(s + 1) % 2] = h, in the shared memory of all blocks
//       y[t] = h if t < length, else 0; save the gates and c for backward
//       wait for all warps' h; load h[(s + 1) % 2] as operand B
//   last = h, c
//
// A warp's h fill whole lines: bf16 has 32 words, of which word 4n + p is units 2p and 2p + 1 of row n; tf32
// has twice as many, of which word 32 (u / 4) + 4n + u % 4 is unit u of row n. So the words of a line are
// those of operand B in the order of lanes.

#define LINE (64 / PER_WORD) // words of a warp's h
#define CHAINS 2             // independent sums of a gate, so that an mma need not wait for the one before

// Stores h of the lane's cells in its warp's line.
__device__ __forceinline__ void store_operands(char* buffer, const State state[CELLS], const Lane& lane) {
    unsigned* line = (unsigned*)buffer + lane.warp * LINE;
#if PER_WORD == 2
    // Two lanes have two neighboring units of two rows. The one of the even unit takes the first row.
    const unsigned own = to_word(state[0].h, state[1].h), other = intrinsics::shuffle_xor(own, 4);
    const unsigned word = lane.g % 2 == 0 ? (own & 0xffffu) | other << 16 : other >> 16 | (own & 0xffff0000u);
    line[4 * (2 * lane.q + lane.g % 2) + lane.g / 2] = word;
#else
#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        line[32 * (lane.g / 4) + 4 * (2 * lane.q + j) + lane.g % 4] = to_word(state[j].h, 0.0f);
    }
#endif
}

extern "C" __global__ void __cluster_dims__(CLUSTER, 1, 1) __launch_bounds__(THREADS, 1)
    rnn_cluster_forward(const __grid_constant__ Arguments a) {
    SHARED(uint4, h, 2 * WARPS * LINE / 4); // (2, WARPS, LINE) words: before and after the time step
    SHARED(intrinsics::Barrier, full, 2);
    const Exchange<LINE * sizeof(unsigned)> exchange{(char*)h, full};
    const Lane lane = this_lane(a.hidden, a.batch);
    const unsigned dir = blockIdx.y, m = blockIdx.z;
    const size_t state_at = lane.state(m, dir, a.dirs, a.batch, a.hidden);
    const size_t state_stride = a.hidden, to_c = (size_t)a.dirs * a.batch * a.hidden; // from row to row; from h to c

    unsigned weights[2][ACROSS][4]; // of gates 0 and 1, of gates 2 and 3
    const uint4* packed = a.weights + (((size_t)m * a.dirs + dir) * WARPS + lane.warp) * 2 * ACROSS * 32 + lane.number;
#pragma unroll
    for (int pair = 0; pair < 2; pair++) {
#pragma unroll
        for (int k = 0; k < ACROSS; k++) {
            load_fragment(weights[pair][k], packed[(pair * ACROSS + k) * 32]);
        }
    }

    State state[CELLS];
    unsigned length[LANE_ROWS];
#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        const unsigned row = lane.row + row_of(j);
        length[j] = row < a.batch ? a.lengths[m * a.batch + row] : 0;
        state[j] = State{0.0f, 0.0f};
        if (lane.exists[j] && a.initial != nullptr) {
            const float* initial = a.initial + state_at + row_of(j) * state_stride;
            state[j].h = initial[0];
            state[j].c = STATES == 2 ? initial[to_c] : 0.0f;
        }
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

    exchange.begin();
    store_operands(exchange.buffer(0), state, lane);
    exchange.publish(0, lane);
    Gates4 next[CELLS]; // the input part of the next time step
    intrinsics::wait_copies<AHEAD - 1>();
    inputs.take(0, next);
    unsigned operand[ACROSS][2]; // h before the time step
    const auto load_operand = [&](unsigned s) {
        const unsigned* before = (const unsigned*)exchange.wait(s) + lane.number;
#pragma unroll
        for (int k = 0; k < ACROSS; k++) {
            operand[k][0] = before[k * 64];
            operand[k][1] = before[k * 64 + 32];
        }
    };
    load_operand(0);

    for (unsigned s = 0; s < a.steps; s++) {
        float parts[CELLS][4]; // (cell, slot)
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            from_gates(next[j], parts[j]);
#pragma unroll
            for (int slot = 0; slot < 4; slot++) {
                intrinsics::materialize(parts[j][slot]);
            }
        }
        ask(s + AHEAD, AHEAD);
        // An mma has two gates of 8 units: the sums of a lane are (gate, cell). The weights are 0 for a slot
        // that has no recurrent part.
        float sums[2][CHAINS][4] = {};
#pragma unroll
        for (int pair = 0; pair < 2; pair++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                sums[pair][0][i] = parts[i % 2][2 * pair + i / 2];
            }
        }
#pragma unroll
        for (int k = 0; k < ACROSS; k++) {
#pragma unroll
            for (int pair = 0; pair < 2; pair++) {
                multiply_add(sums[pair][k % CHAINS], weights[pair][k], operand[k][0], operand[k][1]);
            }
        }
#pragma unroll
        for (int pair = 0; pair < 2; pair++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                parts[i % 2][2 * pair + i / 2] = sums[pair][0][i] + sums[pair][1][i];
            }
        }
        float y[CELLS], c[CELLS];
        Gates4 gates[CELLS];
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            const State computed = cell_forward(parts[j], state[j]);
            const bool is_live = t < length[j];
            state[j].h = is_live ? computed.h : state[j].h;
            state[j].c = is_live ? computed.c : state[j].c;
            y[j] = is_live ? state[j].h : 0.0f;
            c[j] = state[j].c; // beyond the row's end: the unchanged state
            gates[j] = to_gates(parts[j]);
        }
        store_operands(exchange.buffer(s + 1), state, lane);
        exchange.publish(s + 1, lane);
        // While the other warps' h arrive:
        store_cells(y_at, y, lane.exists);
        store_cells(gates_at, gates, saves);
        if (STATES == 2) {
            store_cells(cells_at, c, saves);
        }
        t += step;
#pragma unroll
        for (int r = 0; r < LANE_ROWS; r++) {
            gates_at[r] += step_stride;
            y_at[r] += step_stride;
            cells_at[r] += step_stride;
        }
        load_operand(s + 1);
        intrinsics::wait_copies<AHEAD - 1>();
        inputs.take(s + 1, next);
    }
    // No block ends while another one's copies are on their way to it: it has waited for the last ones.

#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        if (lane.exists[j]) {
            float* last = a.last + state_at + row_of(j) * state_stride;
            last[0] = state[j].h;
            if (STATES == 2) {
                last[to_c] = state[j].c;
            }
        }
    }
}
