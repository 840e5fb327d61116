// One time step forward of a layer of any width: the recurrent GEMM as in rnn_project.wgsl, with the cell as
// its epilogue. `hidden_in` holds the states before the step and `hidden_out` those after it, because other
// workgroups still read the former.
//
//     for each piece of DEPTH units:
//         barrier; stage hidden_in[ROWS][DEPTH]; barrier
//         for k in the piece: for r in 0..ROWS: sums[r] += W_hh[unit][k] * h[r][k]
//     hidden_out, c = cell(gates[t] + sums, c)

@group(0) @binding(1) var<storage, read> pack: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> gates: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> state: array<f32>;
@group(0) @binding(6) var<storage, read_write> cells: array<f32>;
@group(0) @binding(7) var<storage, read> hidden_in: array<f32>;
@group(0) @binding(8) var<storage, read_write> hidden_out: array<f32>;

var<workgroup> tile: array<f32, DEPTH * ROWS>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let unit_tiles = (p.hidden + LANES - 1u) / LANES;
    let dir = p.dir + (wg.z / unit_tiles) % p.dir_count;
    let m = wg.z / (unit_tiles * p.dir_count);
    let unit = (wg.z % unit_tiles) * LANES + li;
    let column = min(unit, p.hidden - 1u);
    let first_row = (wg.x + wg.y * groups.x) * ROWS;
    let weights = pack_at(m, dir) + p.padded_input * p.hidden + column;
    let t = dispatch_steps(dir).x;

    //# for r in 0..ROWS
    var a$r = Gates();
    //# end
    for (var k0 = 0u; k0 < p.padded_hidden; k0 += DEPTH) {
        workgroupBarrier();
        for (var i = li; i < DEPTH * ROWS; i += LANES) {
            let k = k0 + i / ROWS;
            let b = first_row + i % ROWS;
            var value = 0.0;
            if (k < p.hidden && b < p.batch) {
                value = hidden_in[state_at(m, 0u, dir, b) + k];
            }
            tile[i] = value;
        }
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            let w = real_weights(pack[weights + (k0 + k) * p.hidden]);
            //# for r in 0..ROWS
            a$r = fma(w, Gates(tile[k * ROWS + $ru]), a$r);
            //# end
        }
    }
    if (unit >= p.hidden) {
        return;
    }
    //# for r in 0..ROWS
    if (first_row + $ru < p.batch) {
        let b = first_row + $ru;
        let h_at = state_at(m, 0u, dir, b) + unit;
        let c_at = state_at(m, p.states - 1u, dir, b) + unit;
        let here = at(m, t, b, dir) + unit;
        var s = State(hidden_in[h_at], state[c_at]);
        var output = 0.0;
        if (t < length_of(m, b)) {
            let gate = gates_at(m, t, b, dir) + unit;
            let step = cell_forward(gates[gate], a$r, s);
            s = step.state;
            output = s.h;
            state[h_at] = s.h;
            if (p.states == 2u) {
                state[c_at] = s.c;
            }
            if (SAVE == 1u) {
                gates[gate] = step.saved;
                if (p.states == 2u) {
                    cells[here] = s.c;
                }
            }
        }
        hidden_out[h_at] = s.h;
        y[here] = output;
    }
    //# end
}
