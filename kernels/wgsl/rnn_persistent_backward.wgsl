// The backward time loop of a layer whose recurrent weights fit into registers. It overwrites the saved gates
// with the gradients by their two parts; `carry` takes the gradient by the state from dispatch to dispatch.
//
// A workgroup takes GATES rows. In the cell an invocation is one unit of one row; in the GEMM it is one
// gate's part of the gradient by one unit, and holds that column of the gate's W_hh.
//
//     w = my column of my gate's W_hh                    registers, once
//     for each time step, backward:
//         deltas, dh, dc = cell_backward(gates[step], dh + dy[step], dc)
//         gates[step] = deltas
//         barrier                                        deltas of the step are complete
//         parts[gate][r] = w . deltas[r] for GATES rows
//         barrier                                        parts of all gates are complete
//         dh += sum over gates of parts

@group(0) @binding(1) var<storage, read> back: array<f32>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> gates: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> states: array<f32>;   // cell states (LSTM) or y (GRU)
@group(0) @binding(5) var<storage, read> initial: array<f32>;
@group(0) @binding(6) var<storage, read> dy: array<f32>;
@group(0) @binding(7) var<storage, read_write> carry: array<f32>;

var<workgroup> deltas: array<f32, GATES * GATES * PADDED>;
var<workgroup> product: array<f32, GATES * GATES * UNITS>;

@compute @workgroup_size(GATES * UNITS)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let dir = p.dir + wg.z % p.dir_count;
    let m = wg.z / p.dir_count;
    // The row of the cell, the gate of the GEMM.
    let part = li / UNITS;
    let unit = li % UNITS;

    let weights = (back_at(m, dir) + unit) * 4u + part;
    //# for u in 0..PADDED/4
    let w$u = vec4<f32>(
        back[weights + (4u * $uu) * UNITS * 4u],
        back[weights + (4u * $uu + 1u) * UNITS * 4u],
        back[weights + (4u * $uu + 2u) * UNITS * 4u],
        back[weights + (4u * $uu + 3u) * UNITS * 4u],
    );
    //# end

    let row = (wg.x + wg.y * groups.x) * GATES + part;
    let exists = row < p.batch;
    let b = min(row, p.batch - 1u);
    let length = select(0u, length_of(m, b), exists);
    let h_at = state_at(m, 0u, dir, b) + unit;
    let c_at = state_at(m, p.states - 1u, dir, b) + unit;
    var d = State(carry[h_at], select(0.0, carry[c_at], p.states == 2u));
    for (var i = li; i < GATES * GATES * PADDED; i += GATES * UNITS) {
        deltas[i] = 0.0;
    }
    workgroupBarrier();

    let steps = dispatch_steps(dir);
    for (var i = 0u; i < p.to_0 - p.from_0; i++) {
        let t = select(steps.y - 1u - i, steps.x + i, dir == 1u);
        let live = t < length;
        if (live) {
            let here = at(m, t, b, dir) + unit;
            let saved = gates[gates_at(m, t, b, dir) + unit];
            let previous = previous_state(m, t, b, dir, unit, length, h_at, c_at);
            if (p.has_dy == 1u) {
                d.h += dy[here];
            }
            let step = cell_backward(saved, own_state(here), previous, d);
            d = step.previous;
            gates[gates_at(m, t, b, dir) + unit] = step.deltas;
            let recurrent = recurrent_part(step.deltas);
            //# for g in 0..GATES
            deltas[(part * GATES + $gu) * PADDED + unit] = recurrent[$gu];
            //# end
        } else {
            if (exists) {
                gates[gates_at(m, t, b, dir) + unit] = vec4<f32>();
            }
            //# for g in 0..GATES
            deltas[(part * GATES + $gu) * PADDED + unit] = 0.0;
            //# end
        }
        workgroupBarrier();
        //# for r in 0..GATES
        var a$r = vec4<f32>();
        //# end
        //# for u in 0..PADDED/4
        //# for r in 0..GATES
        {
            let from_delta = ($ru * GATES + part) * PADDED + 4u * $uu;
            a$r = fma(w$u, vec4<f32>(
                deltas[from_delta], deltas[from_delta + 1u], deltas[from_delta + 2u], deltas[from_delta + 3u],
            ), a$r);
        }
        //# end
        //# end
        //# for r in 0..GATES
        product[($ru * GATES + part) * UNITS + unit] = (a$r.x + a$r.y) + (a$r.z + a$r.w);
        //# end
        workgroupBarrier();
        if (live) {
            var sum = Gates();
            //# for g in 0..GATES
            sum[$gu] = product[(part * GATES + $gu) * UNITS + unit];
            //# end
            d.h += total(sum);
        }
    }
    if (exists) {
        carry[h_at] = d.h;
        if (p.states == 2u) {
            carry[c_at] = d.c;
        }
    }
}
