// One time step backward of a layer of any width: the recurrent gradients of the step that was processed
// before give the gradient by this step's state, then the cell follows. With `is_end` there is no cell: the
// gradient by the first step's previous state goes into `carry`.
//
// A workgroup takes 16 rows and 16 units, so that there are many. In the GEMM an invocation is two units, 8
// apart, of four rows, 4 apart, for an eighth of the depth; in the cell it is one unit of one row.
//
//     for each piece of DEPTH units:
//         barrier; stage deltas of the step before [16][DEPTH]; barrier
//         for k in my eighth of the piece: for my rows and units: dh += W_hh[k][unit] . deltas[row][k]
//     barrier; parts[eighth] = dh; barrier
//     gates[t] = cell_backward(gates[t], parts + dy[t], dc)

@group(0) @binding(1) var<storage, read> back: array<Weights>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> gates: array<Saved>;
@group(0) @binding(4) var<storage, read> states: array<f32>;   // cell states (LSTM) or y (GRU)
@group(0) @binding(5) var<storage, read> initial: array<f32>;
@group(0) @binding(6) var<storage, read> dy: array<f32>;
@group(0) @binding(7) var<storage, read_write> carry: array<f32>;

const DEPTH = 48u;

// First deltas: unit / 16, unit / 8 % 2, row / 4, unit % 8 and row % 4. Then sums of four rows: eighth and
// half in three numbers, first unit and row. Arrays of arrays: of all that a read of the product adds to an
// address, only the invocation's own place differs between invocations, and it stays.
var<workgroup> tile: array<array<array<array<vec4<f32>, 32>, 4>, 2>, DEPTH / 16u>;

// The step whose deltas flow into what this dispatch computes; of a row that was there.
fn source(dir: u32, t: u32) -> u32 {
    return select(select(t + 1u, 0u, p.is_end == 1u), t - 1u, dir == 1u);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let unit_tiles = (p.hidden + 15u) / 16u;
    let dir = p.dir + (wg.z / unit_tiles) % p.dir_count;
    let m = wg.z / (unit_tiles * p.dir_count);
    let first_unit = (wg.z % unit_tiles) * 16u;
    let first_row = (wg.x + wg.y * groups.x) * 16u;
    let t = dispatch_steps(dir).x;
    let from_t = source(dir, t);

    // In the cell, whose numbers are loaded before the GEMM, which hides the latency of memory.
    let row = first_row + li / 16u;
    let unit = first_unit + li % 16u;
    let exists = row < p.batch && unit < p.hidden;
    let b = min(row, p.batch - 1u);
    let column = min(unit, p.hidden - 1u);
    let length = length_of(m, b);
    let live = p.is_end == 0u && t < length;
    let h_at = state_at(m, 0u, dir, b) + column;
    let c_at = state_at(m, p.states - 1u, dir, b) + column;
    let gate = gates_at(m, t, b, dir) + column;
    var d = State(carry[h_at], select(0.0, carry[c_at], p.states == 2u));
    var saved = vec4<f32>();
    var own = 0.0;
    var previous = State(0.0, 0.0);
    if (live) {
        let here = at(m, t, b, dir) + column;
        saved = from_saved(gates[gate]);
        own = own_state(here);
        previous = previous_state(m, t, b, dir, column, length, h_at, c_at);
        if (p.has_dy == 1u) {
            d.h += dy[here];
        }
    }

    // Staged for the GEMM: before the first step there is none, as the difference wraps to a step that no row
    // has.
    let is_staged = row < p.batch && from_t < length;
    let staged = gates_at(m, from_t, b, dir);

    // In the GEMM.
    let lane = li % 8u;
    let four = li / 8u % 4u;
    let eighth = li / 32u;
    let place = 4u * eighth + four;
    let weights = back_at(m, dir) + eighth * p.hidden;
    let weights_0 = weights + min(first_unit + lane, p.hidden - 1u);
    let weights_1 = weights + min(first_unit + 8u + lane, p.hidden - 1u);
    //# for r in 0..4
    var a$r_0 = 0.0;
    var a$r_1 = 0.0;
    //# end
    for (var u0 = 0u; u0 < p.padded_hidden; u0 += DEPTH) {
        let depth = min(DEPTH, p.padded_hidden - u0);
        workgroupBarrier();
        for (var u = li % 16u; u < depth; u += 16u) {
            var value = vec4<f32>();
            if (is_staged && u0 + u < p.hidden) {
                value = from_deltas(gates[staged + u0 + u]);
            }
            tile[u / 16u][u / 8u % 2u][li / 64u][4u * (u % 8u) + li / 16u % 4u] = value;
        }
        workgroupBarrier();
        // The padded depth is a multiple of 16.
        for (var i = 0u; i < depth / 16u; i++) {
            //# for j in 0..2
            let w$j_0 = real_weights(from_weights(back[weights_0 + (u0 + 16u * i + 8u * $ju) * p.hidden]));
            let w$j_1 = real_weights(from_weights(back[weights_1 + (u0 + 16u * i + 8u * $ju) * p.hidden]));
            //# end
            //# for j in 0..2
            //# for r in 0..4
            {
                let delta = recurrent_part(tile[i][$j][$r][place]);
                a$r_0 = add_products(w$j_0, delta, a$r_0);
                a$r_1 = add_products(w$j_1, delta, a$r_1);
            }
            //# end
            //# end
        }
    }
    workgroupBarrier();
    //# for h in 0..2
    let sums$h = vec4<f32>(a0_$h, a1_$h, a2_$h, a3_$h);
    tile[eighth / 4u][eighth / 2u % 2u][2u * (eighth % 2u) + $hu][4u * lane + four] = sums$h;
    //# end
    workgroupBarrier();
    if (exists) {
        let half = li % 16u / 8u;
        let sums = 4u * lane + li / 16u % 4u;
        let r = li / 64u;
        //# for e in 0..8
        let sum$e = tile[$e / 4][$e / 2 % 2][2u * ($eu % 2u) + half][sums][r];
        //# end
        d.h += ((sum0 + sum1) + (sum2 + sum3)) + ((sum4 + sum5) + (sum6 + sum7));
        if (live) {
            let step = cell_backward(saved, own, previous, d);
            gates[gate] = to_deltas(step.deltas);
            carry[h_at] = step.previous.h;
            if (p.states == 2u) {
                carry[c_at] = step.previous.c;
            }
        } else {
            // The step that flows in, if there is one, was the first of the row.
            carry[h_at] = d.h;
            if (p.is_end == 0u) {
                gates[gate] = Saved();
            }
        }
    }
}
