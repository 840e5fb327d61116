// The forward time loop of a layer whose recurrent weights fit into registers: all steps in one dispatch,
// W_hh read once.
//
// A workgroup takes GATES rows of the batch. In the GEMM an invocation is one gate of one unit and holds that
// row of W_hh; in the cell it is one unit of one row. States and sums pass through workgroup memory.
//
//     w = my row of W_hh                                 registers, once
//     for each time step:
//         sums[r] = w . h[r]           for GATES rows    one gate of one unit
//         barrier                                        sums of all gates are complete
//         h, c = cell(gates[step] + sums, c)             one unit of one row
//         gates[step] = the gates;  y[step] = h
//         barrier                                        h of all units is complete

@group(0) @binding(1) var<storage, read> pack: array<f32>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> gates: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> state: array<f32>;
@group(0) @binding(6) var<storage, read_write> cells: array<f32>;

// Scalars: storing one component of a vector in workgroup memory may touch the others.
var<workgroup> hidden: array<f32, GATES * PADDED>;
var<workgroup> product: array<f32, GATES * GATES * UNITS>;

@compute @workgroup_size(GATES * UNITS)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let dir = p.dir + wg.z % p.dir_count;
    let m = wg.z / p.dir_count;
    // The gate of the GEMM, the row of the cell.
    let part = li / UNITS;
    let unit = li % UNITS;

    let weights = (pack_at(m, dir) + p.padded_input * UNITS + unit) * 4u + part;
    //# for k in 0..PADDED/4
    let w$k = vec4<f32>(
        pack[weights + (4u * $ku) * UNITS * 4u],
        pack[weights + (4u * $ku + 1u) * UNITS * 4u],
        pack[weights + (4u * $ku + 2u) * UNITS * 4u],
        pack[weights + (4u * $ku + 3u) * UNITS * 4u],
    );
    //# end

    let row = (wg.x + wg.y * groups.x) * GATES + part;
    let exists = row < p.batch;
    let b = min(row, p.batch - 1u);
    let length = select(0u, length_of(m, b), exists);
    let own = part * PADDED + unit;
    let h_at = state_at(m, 0u, dir, b) + unit;
    let c_at = state_at(m, p.states - 1u, dir, b) + unit;
    var s = State(state[h_at], state[c_at]);
    for (var i = li; i < GATES * PADDED; i += GATES * UNITS) {
        hidden[i] = 0.0;
    }
    workgroupBarrier();
    hidden[own] = s.h;
    workgroupBarrier();

    let steps = dispatch_steps(dir);
    for (var i = 0u; i < p.to_0 - p.from_0; i++) {
        let t = select(steps.x + i, steps.y - 1u - i, dir == 1u);
        let live = t < length;
        var input = vec4<f32>();
        if (live) {
            // Loaded before the GEMM, which hides the latency of memory.
            input = gates[gates_at(m, t, b, dir) + unit];
        }
        //# for r in 0..GATES
        var a$r = vec4<f32>();
        //# end
        //# for k in 0..PADDED/4
        //# for r in 0..GATES
        a$r = fma(w$k, vec4<f32>(
            hidden[$ru * PADDED + 4u * $ku],
            hidden[$ru * PADDED + 4u * $ku + 1u],
            hidden[$ru * PADDED + 4u * $ku + 2u],
            hidden[$ru * PADDED + 4u * $ku + 3u],
        ), a$r);
        //# end
        //# end
        //# for r in 0..GATES
        product[$ru * GATES * UNITS + li] = (a$r.x + a$r.y) + (a$r.z + a$r.w);
        //# end
        workgroupBarrier();
        if (live) {
            var recurrent = Gates();
            //# for g in 0..GATES
            recurrent[$gu] = product[(part * GATES + $gu) * UNITS + unit];
            //# end
            let step = cell_forward(input, recurrent, s);
            s = step.state;
            hidden[own] = s.h;
            let here = at(m, t, b, dir) + unit;
            y[here] = s.h;
            if (SAVE == 1u) {
                gates[gates_at(m, t, b, dir) + unit] = step.saved;
                if (p.states == 2u) {
                    cells[here] = s.c;
                }
            }
        } else if (exists) {
            y[at(m, t, b, dir) + unit] = 0.0;
        }
        workgroupBarrier();
    }
    if (exists) {
        state[h_at] = s.h;
        if (p.states == 2u) {
            state[c_at] = s.c;
        }
    }
}
