// One time step forward of a layer of any width: the recurrent GEMM, with the cell as its epilogue.
// `hidden_in` holds the states before the step and `hidden_out` those after it, because other workgroups
// still read the former.
//
// A workgroup takes 16 rows and 16 units, so that there are many. In the GEMM an invocation is one unit, all
// gates, of four rows, for a quarter of the depth; in the cell it is one unit of one row. Weights are read by
// 16 rows only, and go to registers at once; hidden states are staged DEPTH units at a time.
//
//     for each piece of DEPTH units:
//         barrier; stage hidden_in[DEPTH][16]; barrier
//         for k in my quarter of the piece: for my rows: sums[row] += W_hh[unit][k] * h[k][row]
//     barrier; parts[quarter] = sums; barrier
//     hidden_out, c = cell(gates[t] + parts, c)

@group(0) @binding(1) var<storage, read> pack: array<Weights>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read_write> gates: array<Saved>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> state: array<f32>;
@group(0) @binding(6) var<storage, read_write> cells: array<f32>;
@group(0) @binding(7) var<storage, read> hidden_in: array<f32>;
@group(0) @binding(8) var<storage, read_write> hidden_out: array<f32>;

const DEPTH = 256u;

// First hidden states, four rows together: unit / 16, unit / 4 % 4, four and unit % 4; units change places,
// differently in each four, so that reads of two fours meet different banks. Then sums: quarter and row / 4,
// row % 4, unit. Arrays of arrays: of all that a read of the product adds to an address, only the
// invocation's own place differs between invocations, and it stays.
var<workgroup> tile: array<array<array<vec4<f32>, 16>, 4>, DEPTH / 16u>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let unit_tiles = (p.hidden + 15u) / 16u;
    let dir = p.dir + (wg.z / unit_tiles) % p.dir_count;
    let m = wg.z / (unit_tiles * p.dir_count);
    let unit = (wg.z % unit_tiles) * 16u + li % 16u;
    let column = min(unit, p.hidden - 1u);
    let first_row = (wg.x + wg.y * groups.x) * 16u;
    let t = dispatch_steps(dir).x;

    // In the cell.
    let row = first_row + li / 16u;
    let exists = row < p.batch && unit < p.hidden;
    let b = min(row, p.batch - 1u);
    let live = t < length_of(m, b);
    let h_at = state_at(m, 0u, dir, b) + column;
    let c_at = state_at(m, p.states - 1u, dir, b) + column;
    let gate = gates_at(m, t, b, dir) + column;
    // Loaded before the GEMM, which hides the latency of memory.
    let input = from_saved(gates[gate]);
    var s = State(hidden_in[h_at], state[c_at]);

    // In the GEMM.
    let four = li / 16u % 4u;
    let quarter = li / 64u;
    let place = 4u * four + (quarter ^ four);
    let weights = pack_at(m, dir) + (p.padded_input + quarter) * p.hidden + column;
    let states = state_at(m, 0u, dir, 0u);
    let staged_row = first_row + 4u * quarter;

    //# for r in 0..4
    var a$r = Gates();
    //# end
    for (var k0 = 0u; k0 < p.padded_hidden; k0 += DEPTH) {
        let depth = min(DEPTH, p.padded_hidden - k0);
        workgroupBarrier();
        for (var k = li % 64u; k < depth; k += 64u) {
            var numbers = vec4<f32>();
            if (k0 + k < p.hidden) {
                //# for r in 0..4
                numbers[$r] = hidden_in[states + min(staged_row + $ru, p.batch - 1u) * p.hidden + k0 + k];
                //# end
            }
            tile[k / 16u][k / 4u % 4u][4u * quarter + (k % 4u ^ quarter)] = numbers;
        }
        workgroupBarrier();
        // The padded depth is a multiple of 16.
        for (var i = 0u; i < depth / 16u; i++) {
            //# for j in 0..4
            let w$j = real_weights(from_weights(pack[weights + (k0 + 16u * i + 4u * $ju) * p.hidden]));
            //# end
            //# for j in 0..4
            let h$j = tile[i][$j][place];
            //# for r in 0..4
            a$r = fma(w$j, Gates(h$j[$r]), a$r);
            //# end
            //# end
        }
    }
    workgroupBarrier();
    //# for r in 0..4
    tile[4u * quarter + four][$r][li % 16u] = widened(a$r);
    //# end
    workgroupBarrier();
    if (exists) {
        //# for q in 0..4
        let sum$q = tile[4u * $qu + li / 64u][li / 16u % 4u][li % 16u];
        //# end
        let sums = (sum0 + sum1) + (sum2 + sum3);
        let here = at(m, t, b, dir) + unit;
        var output = 0.0;
        if (live) {
            let step = cell_forward(input, gates_of(sums), s);
            s = step.state;
            output = s.h;
            state[h_at] = s.h;
            if (p.states == 2u) {
                state[c_at] = s.c;
            }
            if (SAVE == 1u) {
                gates[gate] = to_gates(step.saved);
                if (p.states == 2u) {
                    cells[here] = s.c;
                }
            }
        }
        hidden_out[h_at] = s.h;
        y[here] = output;
    }
}
