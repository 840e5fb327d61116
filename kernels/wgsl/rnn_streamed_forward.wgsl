// The forward time loop of a layer whose recurrent weights do not fit into registers, but whose units fit
// into one workgroup: all steps in one dispatch, W_hh read again at each step, for ROWS rows at once.
//
// An invocation is one unit: it sums all gates of its unit for all rows and computes the cells, so that only
// the hidden state passes through workgroup memory.
//
//     for each time step:
//         for k in 0..H: for r in 0..ROWS: sums[r] += W_hh[unit][k] * h[r][k]
//         barrier                                        all have read h
//         h, c = cell(gates[step] + sums, c) for ROWS rows
//         barrier                                        h is complete

@group(0) @binding(1) var<storage, read> pack: array<Weights>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> gates: array<Saved>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> state: array<f32>;
@group(0) @binding(6) var<storage, read_write> cells: array<f32>;

var<workgroup> hidden: array<f32, LANES * ROWS>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let dir = p.dir + wg.z % p.dir_count;
    let m = wg.z / p.dir_count;
    let first_row = (wg.x + wg.y * groups.x) * ROWS;
    let is_unit = li < p.hidden;
    let unit = min(li, p.hidden - 1u);
    let weights = pack_at(m, dir) + p.padded_input * p.hidden + unit;

    //# for r in 0..ROWS
    let b$r = min(first_row + $ru, p.batch - 1u);
    let exists$r = is_unit && first_row + $ru < p.batch;
    let length$r = select(0u, length_of(m, b$r), exists$r);
    let h_at$r = state_at(m, 0u, dir, b$r) + unit;
    let c_at$r = state_at(m, p.states - 1u, dir, b$r) + unit;
    var s$r = State(state[h_at$r], state[c_at$r]);
    if (is_unit) {
        hidden[unit * ROWS + $ru] = s$r.h;
    }
    //# end
    workgroupBarrier();

    let steps = dispatch_steps(dir);
    for (var i = 0u; i < p.to_0 - p.from_0; i++) {
        let t = select(steps.x + i, steps.y - 1u - i, dir == 1u);
        //# for r in 0..ROWS
        var a$r = Gates();
        //# end
        for (var k = 0u; k < p.hidden; k++) {
            let w = real_weights(from_weights(pack[weights + k * p.hidden]));
            //# for r in 0..ROWS
            a$r = fma(w, Gates(hidden[k * ROWS + $ru]), a$r);
            //# end
        }
        workgroupBarrier();
        //# for r in 0..ROWS
        if (t < length$r) {
            let here = at(m, t, b$r, dir) + unit;
            let gate = gates_at(m, t, b$r, dir) + unit;
            let step = cell_forward(from_saved(gates[gate]), a$r, s$r);
            s$r = step.state;
            hidden[unit * ROWS + $ru] = s$r.h;
            y[here] = s$r.h;
            if (SAVE == 1u) {
                gates[gate] = to_gates(step.saved);
                if (p.states == 2u) {
                    cells[here] = s$r.c;
                }
            }
        } else if (exists$r) {
            y[at(m, t, b$r, dir) + unit] = 0.0;
        }
        //# end
        workgroupBarrier();
    }
    //# for r in 0..ROWS
    if (exists$r) {
        state[h_at$r] = s$r.h;
        if (p.states == 2u) {
            state[c_at$r] = s$r.c;
        }
    }
    //# end
}
