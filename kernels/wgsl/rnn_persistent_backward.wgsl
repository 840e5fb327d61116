// The backward time loop of a layer whose recurrent weights fit into registers. It overwrites the saved gates
// with the gradients by their two parts; `carry` takes the gradient by the state from dispatch to dispatch.
//
// A workgroup takes ROWS rows. In the cell an invocation is one unit of one row, if there are so many rows;
// in the GEMM it is two units, PAIRS apart, of all rows, for one of PARTS parts of the depth, and holds its
// weights: a vector of deltas feeds eight multiply-adds.
//
//     w[u] = W_hh[u][my units] for u in my part          registers, once
//     for each time step, backward:
//         deltas, dh, dc = cell_backward(gates[step], dh + dy[step], dc)
//         gates[step] = deltas
//         barrier                                        deltas of the step are complete
//         load gates, states and dy of the next step
//         sums[part][r] = w . deltas[r][my part] for ROWS rows
//         barrier                                        sums of all parts are complete
//         dh += sum over parts

@group(0) @binding(1) var<storage, read> back: array<Weights>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> gates: array<Saved>;
@group(0) @binding(4) var<storage, read> states: array<f32>;   // cell states (LSTM) or y (GRU)
@group(0) @binding(5) var<storage, read> initial: array<f32>;
@group(0) @binding(6) var<storage, read> dy: array<f32>;
@group(0) @binding(7) var<storage, read_write> carry: array<f32>;

// Units in pairs: of an odd number the last pair is half empty.
const PAIRS = (UNITS + 1u) / 2u;

// Arrays of arrays: a checked index costs instructions, and so it is one for a whole step.
var<workgroup> deltas: array<array<array<Gates, DEPTH>, PARTS>, ROWS>;          // row, part, unit
var<workgroup> product: array<array<array<array<f32, PAIRS>, 2>, ROWS>, PARTS>; // part, row, half, pair

@compute @workgroup_size(PARTS * PAIRS)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let dir = p.dir + wg.z % p.dir_count;
    let m = wg.z / p.dir_count;
    // In the GEMM.
    let pair = li % PAIRS;
    let part = li / PAIRS;
    // In the cell.
    let own_part = li / (2u * PAIRS);
    let own_row = min(own_part, ROWS - 1u);
    let place = li % (2u * PAIRS);
    let half = place / PAIRS;
    let is_unit = own_part < ROWS && place < UNITS;
    let unit = min(place, UNITS - 1u);
    // Where the unit is among the deltas.
    let to_part = unit / DEPTH;
    let to_place = unit % DEPTH;

    let weights = back_at(m, dir) + pair;
    //# for u in 0..DEPTH
    let row_$u = part * DEPTH + $uu;
    let w$u_0 = hold(select(Weights(), back[weights + row_$u * UNITS], row_$u < UNITS));
    let is_weight_$u = row_$u < UNITS && pair + PAIRS < UNITS;
    let w$u_1 = hold(select(Weights(), back[weights + row_$u * UNITS + PAIRS], is_weight_$u));
    //# end

    let row = (wg.x + wg.y * groups.x) * ROWS + own_row;
    let exists = row < p.batch && is_unit;
    let b = min(row, p.batch - 1u);
    let length = select(0u, length_of(m, b), exists);
    let h_at = state_at(m, 0u, dir, b) + unit;
    let c_at = state_at(m, p.states - 1u, dir, b) + unit;
    var d = State(carry[h_at], select(0.0, carry[c_at], p.states == 2u));
    // The state before the first step: of the cell, or for a GRU the hidden one.
    let first = select(0.0, initial[c_at], p.has_initial == 1u);
    if (own_part < ROWS) {
        for (var u = UNITS + place; u < PARTS * DEPTH; u += 2u * PAIRS) {
            deltas[own_row][u / DEPTH][u % DEPTH] = Gates();
        }
    }

    let steps = dispatch_steps(dir);
    let count = steps.y - steps.x;
    var t = select(steps.y - 1u, steps.x, dir == 1u);
    let next_t = select(0xffffffffu, 1u, dir == 1u);
    // Rows of all steps are evenly apart.
    let next = next_t * p.batch * p.dirs * UNITS;
    var here = at(m, t, b, dir) + unit;
    var gate = gates_at(m, t, b, dir) + unit;

    // Of the step that comes: what was saved, the cell's state after and before it, dy. Loaded also of a step
    // that is not live, whose numbers are not used: where a load may not happen, a compiler waits for it at
    // once.
    var saved = gates[gate];
    var after = own_state(here);
    var is_first = t + next_t >= length;
    var previous = states[here + select(next, 0u, is_first)];
    var above = 0.0;
    if (p.has_dy == 1u) {
        above = dy[here];
    }
    for (var i = 0u; i < count; i++) {
        let live = t < length;
        let before = select(previous, first, is_first);
        var delta = vec4<f32>();
        if (live) {
            d.h += above;
            let step = cell_backward(from_saved(saved), after, State(before, before), d);
            d = step.previous;
            delta = step.deltas;
        }
        if (exists) {
            gates[gate] = to_deltas(delta);
        }
        if (is_unit) {
            deltas[own_row][to_part][to_place] = recurrent_part(delta);
        }
        workgroupBarrier();
        if (i + 1u < count) {
            // Asked for before the product, which hides the latency of memory.
            t += next_t;
            here += next;
            gate += next;
            saved = gates[gate];
            after = before;
            if (!live) {
                after = own_state(here);
            }
            is_first = t + next_t >= length;
            previous = states[here + select(next, 0u, is_first)];
            if (p.has_dy == 1u) {
                above = dy[here];
            }
        }
        //# for r in 0..ROWS
        var a$r_0 = 0.0;
        var a$r_1 = 0.0;
        //# end
        //# for u in 0..DEPTH
        {
            let w0 = real_weights(held(w$u_0));
            let w1 = real_weights(held(w$u_1));
            //# for r in 0..ROWS
            let delta$r = deltas[$r][part][$u];
            a$r_0 = add_products(w0, delta$r, a$r_0);
            a$r_1 = add_products(w1, delta$r, a$r_1);
            //# end
        }
        //# end
        //# for r in 0..ROWS
        product[part][$r][0][pair] = a$r_0;
        product[part][$r][1][pair] = a$r_1;
        //# end
        workgroupBarrier();
        if (live) {
            //# for e in 0..PARTS/2
            let sum$e = product[2 * $e][own_row][half][pair] + product[2 * $e + 1][own_row][half][pair];
            //# end
            var sum = sum0;
            //# for e in 1..PARTS/2
            sum += sum$e;
            //# end
            d.h += sum;
        }
    }
    if (exists) {
        carry[h_at] = d.h;
        if (p.states == 2u) {
            carry[c_at] = d.c;
        }
    }
}
