// The whole time loop of eight batch rows in one launch, with the recurrent weights in registers: a
// persistent kernel (Diamos et al. 2016). There is one barrier a time step. Global memory is read for the
// gates and written for y and for the saved values. See rnn_persistent.cu for the layout.
//
//   W = this warp's rows of W_hh, from global memory to registers
//   h[0] = initial state, in shared memory; barrier
//   for s in 0..T:                              // t = s, or T - 1 - s in the reverse direction
//       prefetch the input part of the gates of step s + 1
//       gates = input part[t] + W h[s % 2]      // mma
//       if t < length: h, c = cell(gates, h, c)
//       h[(s + 1) % 2] = h
//       y[t] = h if t < length, else 0; save the gates and c for backward
//       barrier
//   last = h, c
//
// The loop runs T + 1 times: iteration s loads for step s and computes step s - 1. The reverse direction
// counts t down, and a row takes part only while t is below its length, so that it begins at its own last
// time step.

#define STRIDE (WORDS + 4) // words from row to row of h: no bank conflicts

extern "C" __global__ void __launch_bounds__(THREADS) rnn_persistent_forward(const __grid_constant__ Arguments a) {
    SHARED(unsigned, h, 2 * ROWS * STRIDE); // (2, ROWS, STRIDE): before and after the time step
    const unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, q = lane % 4;
    const unsigned dir = blockIdx.y, m = blockIdx.z;
    const size_t model_rows = (size_t)m * a.steps * a.batch; // rows of (T, B) of the models before

    unsigned weights[GATES][ACROSS][4];
    const uint4* packed = a.weights + (((size_t)m * a.dirs + dir) * TILES + warp) * GATES * ACROSS * 32 + lane;
#pragma unroll
    for (int gate = 0; gate < GATES; gate++) {
#pragma unroll
        for (int k = 0; k < ACROSS; k++) {
            const uint4 fragment = packed[(gate * ACROSS + k) * 32];
            weights[gate][k][0] = fragment.x;
            weights[gate][k][1] = fragment.y;
            weights[gate][k][2] = fragment.z;
            weights[gate][k][3] = fragment.w;
        }
    }

    State state[4];
    unsigned length[2];
#pragma unroll
    for (int j = 0; j < 4; j++) {
        const unsigned unit = cell_unit(j, warp, g), row = blockIdx.x * ROWS + cell_row(j, q);
        const bool exists = unit < a.hidden && row < a.batch;
        length[j % 2] = row < a.batch ? a.lengths[m * a.batch + row] : 0;
        state[j] = State{0.0f, 0.0f};
        if (exists && a.initial != nullptr) {
            const size_t at = (((size_t)m * STATES * a.dirs + dir) * a.batch + row) * a.hidden + unit;
            state[j].h = a.initial[at];
            state[j].c = STATES == 2 ? a.initial[at + (size_t)a.dirs * a.batch * a.hidden] : 0.0f;
        }
        operand_t* to = (operand_t*)(h + cell_row(j, q) * STRIDE);
        to[unit] = to_operand(state[j].h);
    }

    Gates4 next[4]; // the input part of the gates of the next time step
    for (unsigned s = 0; s <= a.steps; s++) {
        // Loads of step s, then the arithmetic of step s - 1, which the previous iteration loaded.
        Gates4 gates[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            gates[j] = s > 0 ? next[j] : no_gates();
            next[j] = no_gates();
        }
        if (s < a.steps) {
            const unsigned t = dir == 0 ? s : a.steps - 1 - s;
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const unsigned unit = cell_unit(j, warp, g), row = blockIdx.x * ROWS + cell_row(j, q);
                if (unit < a.hidden && row < a.batch) {
                    const size_t at = ((model_rows + (size_t)t * a.batch + row) * a.dirs + dir) * a.hidden + unit;
                    next[j] = ((const Gates4*)a.gates)[at];
                }
            }
        }
        if (s == 0) {
            __syncthreads();
            continue;
        }
        const unsigned t = dir == 0 ? s - 1 : a.steps - s;
        const unsigned* before = h + (s - 1) % 2 * ROWS * STRIDE;
        unsigned* after = h + s % 2 * ROWS * STRIDE;

        float parts[4][4]; // (cell, slot)
        float sums[GATES][4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            from_gates(gates[j], parts[j]);
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                sums[gate][j] = parts[j][recurrent_slot(gate)];
            }
        }
#pragma unroll
        for (int k = 0; k < ACROSS; k++) {
            const unsigned* words = before + g * STRIDE + k * 8 + q;
            const unsigned first = words[0], second = words[4];
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                multiply_add(sums[gate], weights[gate][k], first, second);
            }
        }
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const unsigned unit = cell_unit(j, warp, g), row = blockIdx.x * ROWS + cell_row(j, q);
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                parts[j][recurrent_slot(gate)] = sums[gate][j];
            }
            const bool live = t < length[j % 2];
            if (live) {
                state[j] = cell_forward(parts[j], state[j]);
            }
            ((operand_t*)(after + cell_row(j, q) * STRIDE))[unit] = to_operand(state[j].h);
            if (unit < a.hidden && row < a.batch) {
                const size_t at = ((model_rows + (size_t)t * a.batch + row) * a.dirs + dir) * a.hidden + unit;
                a.y[at] = live ? state[j].h : 0.0f;
                if (a.save) {
                    ((Gates4*)a.gates)[at] = to_gates(parts[j]);
                    if (STATES == 2) {
                        a.cells[at] = state[j].c; // beyond the row's end: the unchanged state
                    }
                }
            }
        }
        __syncthreads();
    }

#pragma unroll
    for (int j = 0; j < 4; j++) {
        const unsigned unit = cell_unit(j, warp, g), row = blockIdx.x * ROWS + cell_row(j, q);
        if (unit < a.hidden && row < a.batch) {
            const size_t at = (((size_t)m * STATES * a.dirs + dir) * a.batch + row) * a.hidden + unit;
            a.last[at] = state[j].h;
            if (STATES == 2) {
                a.last[at + (size_t)a.dirs * a.batch * a.hidden] = state[j].c;
            }
        }
    }
}
