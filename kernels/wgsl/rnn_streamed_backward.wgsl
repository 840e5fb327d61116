// The backward time loop where W_hh is read again at each step. It overwrites the saved gates with the
// gradients by their two parts; `carry` takes the gradient by the state from dispatch to dispatch.
//
// An invocation is one unit of ROWS rows, in the cells and in the GEMM that gives the gradient by the unit's
// previous state.
//
//     for each time step, backward:
//         deltas, dh, dc = cell_backward(gates[step], dh + dy[step], dc) for ROWS rows
//         barrier                                        deltas of all units are complete
//         for k in 0..H: for r in 0..ROWS: dh[r] += W_hh[k][unit] . deltas[r][k]
//         barrier                                        all have read the deltas

@group(0) @binding(1) var<storage, read> back: array<Weights>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> gates: array<Saved>;
@group(0) @binding(4) var<storage, read> states: array<f32>;   // cell states (LSTM) or y (GRU)
@group(0) @binding(5) var<storage, read> initial: array<f32>;
@group(0) @binding(6) var<storage, read> dy: array<f32>;
@group(0) @binding(7) var<storage, read_write> carry: array<f32>;

var<workgroup> deltas: array<Gates, LANES * ROWS>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let dir = p.dir + wg.z % p.dir_count;
    let m = wg.z / p.dir_count;
    let first_row = (wg.x + wg.y * groups.x) * ROWS;
    let is_unit = li < p.hidden;
    let unit = min(li, p.hidden - 1u);
    let weights = back_at(m, dir) + unit;

    //# for r in 0..ROWS
    let b$r = min(first_row + $ru, p.batch - 1u);
    let exists$r = is_unit && first_row + $ru < p.batch;
    let length$r = select(0u, length_of(m, b$r), exists$r);
    let h_at$r = state_at(m, 0u, dir, b$r) + unit;
    let c_at$r = state_at(m, p.states - 1u, dir, b$r) + unit;
    var d$r = State(carry[h_at$r], select(0.0, carry[c_at$r], p.states == 2u));
    //# end
    workgroupBarrier();

    let steps = dispatch_steps(dir);
    for (var i = 0u; i < p.to_0 - p.from_0; i++) {
        let t = select(steps.y - 1u - i, steps.x + i, dir == 1u);
        //# for r in 0..ROWS
        let live$r = t < length$r;
        if (live$r) {
            let here = at(m, t, b$r, dir) + unit;
            let gate = gates_at(m, t, b$r, dir) + unit;
            let previous = previous_state(m, t, b$r, dir, unit, length$r, h_at$r, c_at$r);
            if (p.has_dy == 1u) {
                d$r.h += dy[here];
            }
            let step = cell_backward(from_saved(gates[gate]), own_state(here), previous, d$r);
            d$r = step.previous;
            gates[gate] = to_deltas(step.deltas);
            deltas[unit * ROWS + $ru] = recurrent_part(step.deltas);
        } else if (is_unit) {
            if (exists$r) {
                gates[gates_at(m, t, b$r, dir) + unit] = Saved();
            }
            deltas[unit * ROWS + $ru] = Gates();
        }
        //# end
        workgroupBarrier();
        //# for r in 0..ROWS
        var a$r = Gates();
        //# end
        for (var u = 0u; u < p.hidden; u++) {
            let w = real_weights(from_weights(back[weights + u * p.hidden]));
            //# for r in 0..ROWS
            a$r = fma(w, deltas[u * ROWS + $ru], a$r);
            //# end
        }
        //# for r in 0..ROWS
        d$r.h += select(0.0, total(a$r), live$r);
        //# end
        workgroupBarrier();
    }
    //# for r in 0..ROWS
    if (exists$r) {
        carry[h_at$r] = d$r.h;
        if (p.states == 2u) {
            carry[c_at$r] = d$r.c;
        }
    }
    //# end
}
