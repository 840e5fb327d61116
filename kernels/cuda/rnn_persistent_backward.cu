// Backpropagation through time of eight batch rows in one launch, with the transposed recurrent weights in
// registers. The gradients by the gates replace the saved gates in place. See rnn_persistent.cu for the
// layout and rnn_persistent_forward.cu for the direction of t.
//
//   W = this warp's rows of W_hh^T, from global memory to registers
//   dh, dc = gradient by the last state, or 0
//   for s in (0..T) reversed:                   // t = s, or T - 1 - s in the reverse direction
//       prefetch the saved gates, dy and the previous state of step s - 1
//       if t < length: d_gates, carry, dc = cell_backward(saved gates[t], dh + dy[t], dc)
//       else:          d_gates, carry     = 0, dh
//       gates[t] = d_gates                      // for the gradients by the weights and the input
//       deltas[s % 2] = d_gates, in shared memory; barrier
//       dh = carry + W deltas[s % 2]            // mma
//   d_initial = dh, dc
//
// The loop runs T + 1 times: each iteration loads for one step and computes the step that the one before
// loaded. Two buffers of deltas alternate, so that one barrier a step is enough.

#define STRIDE (GATES * WORDS + 4) // words from row to row: (units, gates)

// The values that one cell loads for one time step.
struct Step {
    Gates4 saved;
    float dy;
    float before; // c of an LSTM, h of a GRU, before the time step
};

// Asks for only one block a multiprocessor, so that ptxas may use as many registers as it needs and spills
// none.
extern "C" __global__ void __launch_bounds__(THREADS, 1) rnn_persistent_backward(const __grid_constant__ Arguments a) {
    SHARED(unsigned, deltas, 2 * ROWS * STRIDE); // (2, ROWS, STRIDE): two buffers
    const unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, q = lane % 4;
    const unsigned dir = blockIdx.y, m = blockIdx.z;
    const size_t model_rows = (size_t)m * a.steps * a.batch; // rows of (T, B) of the models before
    const size_t to_cells = (size_t)a.dirs * a.batch * a.hidden; // from h to c of a state

    unsigned weights[GATES * ACROSS][4];
    const uint4* packed = a.weights + (((size_t)m * a.dirs + dir) * TILES + warp) * GATES * ACROSS * 32 + lane;
#pragma unroll
    for (int k = 0; k < GATES * ACROSS; k++) {
        const uint4 fragment = packed[k * 32];
        weights[k][0] = fragment.x;
        weights[k][1] = fragment.y;
        weights[k][2] = fragment.z;
        weights[k][3] = fragment.w;
    }

    unsigned length[2];
    float dh[4], dc[4], c[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
        const unsigned unit = cell_unit(j, warp, g), row = blockIdx.x * ROWS + cell_row(j, q);
        const bool exists = unit < a.hidden && row < a.batch;
        length[j % 2] = row < a.batch ? a.lengths[m * a.batch + row] : 0;
        const size_t at = (((size_t)m * STATES * a.dirs + dir) * a.batch + row) * a.hidden + unit;
        const bool given = exists && a.d_last != nullptr;
        dh[j] = given ? a.d_last[at] : 0.0f;
        dc[j] = given && STATES == 2 ? a.d_last[at + to_cells] : 0.0f;
        const unsigned t = dir == 0 ? a.steps - 1 : 0;
        const size_t cell = ((model_rows + (size_t)t * a.batch + row) * a.dirs + dir) * a.hidden + unit;
        c[j] = exists && STATES == 2 ? a.cells[cell] : 0.0f;
    }

    Step next[4];
    for (unsigned back = 0; back <= a.steps; back++) {
        // Loads of one step, then the arithmetic of the step that the previous iteration loaded.
        Step now[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            now[j] = back > 0 ? next[j] : Step{no_gates(), 0.0f, 0.0f};
            next[j] = Step{no_gates(), 0.0f, 0.0f};
        }
        if (back < a.steps) {
            const unsigned s = a.steps - 1 - back; // the time step, counted in the direction's own order
            const unsigned t = dir == 0 ? s : back;
            const unsigned t_before = dir == 0 ? t - 1 : t + 1;
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const unsigned unit = cell_unit(j, warp, g), row = blockIdx.x * ROWS + cell_row(j, q);
                if (unit < a.hidden && row < a.batch) {
                    const size_t at = ((model_rows + (size_t)t * a.batch + row) * a.dirs + dir) * a.hidden + unit;
                    const size_t at_before =
                        ((model_rows + (size_t)t_before * a.batch + row) * a.dirs + dir) * a.hidden + unit;
                    next[j].saved = ((const Gates4*)a.gates)[at];
                    next[j].dy = a.dy != nullptr && t < length[j % 2] ? a.dy[at] : 0.0f;
                    const size_t state = (((size_t)m * STATES * a.dirs + dir) * a.batch + row) * a.hidden + unit;
                    const float* initial = STATES == 2 ? a.initial + to_cells : a.initial;
                    const float first = a.initial != nullptr ? initial[state] : 0.0f;
                    if (STATES == 2) {
                        // Beyond the row's end, `cells` holds the unchanged state.
                        next[j].before = s > 0 ? a.cells[at_before] : first;
                    } else {
                        next[j].before = s > 0 && t_before < length[j % 2] ? a.y[at_before] : first;
                    }
                }
            }
        }
        if (back == 0) {
            continue;
        }
        const unsigned t = dir == 0 ? a.steps - back : back - 1;
        unsigned* shared = deltas + back % 2 * ROWS * STRIDE;
        float carry[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const unsigned unit = cell_unit(j, warp, g), row = blockIdx.x * ROWS + cell_row(j, q);
            float saved[4];
            from_gates(now[j].saved, saved);
            if (t < length[j % 2]) {
                const State before = STATES == 2 ? State{0.0f, now[j].before} : State{now[j].before, 0.0f};
                const State d = cell_backward(saved, c[j], before, State{dh[j] + now[j].dy, dc[j]});
                carry[j] = d.h;
                dc[j] = d.c;
            } else {
                saved[0] = saved[1] = saved[2] = saved[3] = 0.0f;
                carry[j] = dh[j];
            }
            c[j] = now[j].before;
            operand_t* to = (operand_t*)(shared + cell_row(j, q) * STRIDE) + unit * GATES;
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                to[gate] = to_operand(saved[recurrent_slot(gate)]);
            }
            if (unit < a.hidden && row < a.batch) {
                const size_t at = ((model_rows + (size_t)t * a.batch + row) * a.dirs + dir) * a.hidden + unit;
                ((Gates4*)a.gates)[at] = to_gates(saved);
            }
        }
        __syncthreads();
        // Two independent sums, so that an mma need not wait for the one before.
        float sums[2][4] = {{carry[0], carry[1], carry[2], carry[3]}, {0.0f, 0.0f, 0.0f, 0.0f}};
#pragma unroll
        for (int k = 0; k < GATES * ACROSS; k++) {
            const unsigned* words = shared + g * STRIDE + k * 8 + q;
            multiply_add(sums[k % 2], weights[k], words[0], words[4]);
        }
#pragma unroll
        for (int j = 0; j < 4; j++) {
            dh[j] = sums[0][j] + sums[1][j];
        }
    }

#pragma unroll
    for (int j = 0; j < 4; j++) {
        const unsigned unit = cell_unit(j, warp, g), row = blockIdx.x * ROWS + cell_row(j, q);
        if (unit < a.hidden && row < a.batch && a.d_initial != nullptr) {
            const size_t at = (((size_t)m * STATES * a.dirs + dir) * a.batch + row) * a.hidden + unit;
            a.d_initial[at] = dh[j];
            if (STATES == 2) {
                a.d_initial[at + to_cells] = dc[j];
            }
        }
    }
}
