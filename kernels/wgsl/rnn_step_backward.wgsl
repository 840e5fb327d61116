// One time step backward of a layer of any width: the recurrent gradients of the step that was processed
// before give the gradient by this step's state, then the cell follows. With `is_end` there is no cell: the
// gradient by the first step's previous state goes into `carry`.
//
//     for each piece of DEPTH units:
//         barrier; stage deltas of the step before [ROWS][DEPTH]; barrier
//         for k in the piece: for r in 0..ROWS: dh[r] += W_hh[k][unit] . deltas[r][k]
//     gates[t] = cell_backward(gates[t], dh + dy[t], dc)

@group(0) @binding(1) var<storage, read> back: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> gates: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> states: array<f32>;   // cell states (LSTM) or y (GRU)
@group(0) @binding(5) var<storage, read> initial: array<f32>;
@group(0) @binding(6) var<storage, read> dy: array<f32>;
@group(0) @binding(7) var<storage, read_write> carry: array<f32>;

var<workgroup> tile: array<Gates, DEPTH * ROWS>;

// The step whose deltas flow into what this dispatch computes; of a row that was there.
fn source(dir: u32, t: u32) -> u32 {
    return select(select(t + 1u, 0u, p.is_end == 1u), t - 1u, dir == 1u);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let unit_tiles = (p.hidden + LANES - 1u) / LANES;
    let dir = p.dir + (wg.z / unit_tiles) % p.dir_count;
    let m = wg.z / (unit_tiles * p.dir_count);
    let unit = (wg.z % unit_tiles) * LANES + li;
    let column = min(unit, p.hidden - 1u);
    let first_row = (wg.x + wg.y * groups.x) * ROWS;
    let weights = back_at(m, dir) + column;
    let t = dispatch_steps(dir).x;

    //# for r in 0..ROWS
    var a$r = Gates();
    //# end
    for (var u0 = 0u; u0 < p.padded_hidden; u0 += DEPTH) {
        workgroupBarrier();
        for (var i = li; i < DEPTH * ROWS; i += LANES) {
            let u = u0 + i / ROWS;
            let b = first_row + i % ROWS;
            var value = Gates();
            if (u < p.hidden && b < p.batch) {
                // Before the first step there is none: the difference wraps to a step that no row has.
                let from_t = source(dir, t);
                if (from_t < length_of(m, b)) {
                    value = recurrent_part(gates[gates_at(m, from_t, b, dir) + u]);
                }
            }
            tile[i] = value;
        }
        workgroupBarrier();
        for (var u = 0u; u < DEPTH; u++) {
            let w = real_weights(back[weights + (u0 + u) * p.hidden]);
            //# for r in 0..ROWS
            a$r = fma(w, tile[u * ROWS + $ru], a$r);
            //# end
        }
    }
    if (unit >= p.hidden) {
        return;
    }
    //# for r in 0..ROWS
    if (first_row + $ru < p.batch) {
        let b = first_row + $ru;
        let length = length_of(m, b);
        let h_at = state_at(m, 0u, dir, b) + unit;
        let c_at = state_at(m, p.states - 1u, dir, b) + unit;
        let gate = gates_at(m, t, b, dir) + unit;
        if (p.is_end == 0u && t < length) {
            let here = at(m, t, b, dir) + unit;
            var d = State(carry[h_at] + total(a$r), select(0.0, carry[c_at], p.states == 2u));
            if (p.has_dy == 1u) {
                d.h += dy[here];
            }
            let previous = previous_state(m, t, b, dir, unit, length, h_at, c_at);
            let step = cell_backward(gates[gate], own_state(here), previous, d);
            gates[gate] = step.deltas;
            carry[h_at] = step.previous.h;
            if (p.states == 2u) {
                carry[c_at] = step.previous.c;
            }
        } else {
            // The step that flows in, if there is one, was the first of the row.
            carry[h_at] += total(a$r);
            if (p.is_end == 0u) {
                gates[gate] = vec4<f32>();
            }
        }
    }
    //# end
}
