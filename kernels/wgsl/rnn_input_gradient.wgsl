// dx[t, b, d]: the sum over directions, units and gates of W_ih times the deltas by the input part; zero past
// a row's length, where the deltas are.
//
// A workgroup takes ROWS rows and FEATURES features; an invocation eight rows, TY apart, and eight features,
// TX apart. Both operands are staged DEPTH units at a time, and the next ones are loaded meanwhile.

@group(0) @binding(1) var<storage, read> back: array<Weights>;
@group(0) @binding(2) var<storage, read> gates: array<Saved>;           // deltas
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

const TX = FEATURES / 8u;
const TY = ROWS / 8u;
const LANES = TX * TY;

var<workgroup> left: array<array<array<Gates, DEPTH>, TY>, 8>;      // row / TY, row % TY, unit
var<workgroup> right: array<array<array<Gates, TX>, 8>, DEPTH>;     // unit, feature / TX, feature % TX

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let feature_tiles = (p.input + FEATURES - 1u) / FEATURES;
    let m = wg.z / feature_tiles;
    let first_feature = (wg.z % feature_tiles) * FEATURES;
    let rows = (p.to_0 - p.from_0) * p.batch;
    let first_row = (wg.x + wg.y * groups.x) * ROWS;
    let tx = li % TX;
    let ty = li / TX;

    // Staged by this invocation; past the last row and feature the last ones again, for sums of no use.
    //# for i in 0..LEFT
    let row$i = (li + $iu * LANES) / DEPTH;
    let unit$i = (li + $iu * LANES) % DEPTH;
    let at_row$i = min(first_row + row$i, rows - 1u) * p.dirs * p.hidden;
    //# end
    //# for i in 0..RIGHT
    let depth$i = (li + $iu * LANES) / FEATURES;
    let column$i = (li + $iu * LANES) % FEATURES;
    let at_column$i = depth$i * p.input + min(first_feature + column$i, p.input - 1u);
    //# end

    //# for r in 0..8
    //# for f in 0..8
    var a$r_$f = 0.0;
    //# end
    //# end
    for (var dir = 0u; dir < p.dirs; dir++) {
        let weights = back_at(m, dir) + p.padded_hidden * p.hidden;
        let deltas = gates_at(m, p.from_0, 0u, dir);
        for (var u0 = 0u; u0 < p.padded_hidden; u0 += DEPTH) {
            //# for i in 0..LEFT
            // Past the last unit the last one again, and zeros where it is stored: a load that may not happen
            // is waited for at once.
            let delta$i = input_part(from_deltas(gates[deltas + at_row$i + min(u0 + unit$i, p.hidden - 1u)]));
            //# end
            //# for i in 0..RIGHT
            let weight$i = real_weights(from_weights(back[weights + at_column$i + u0 * p.input]));
            //# end
            workgroupBarrier();
            //# for i in 0..LEFT
            left[row$i / TY][row$i % TY][unit$i] = select(Gates(), delta$i, u0 + unit$i < p.hidden);
            //# end
            //# for i in 0..RIGHT
            right[depth$i][column$i / TX][column$i % TX] = weight$i;
            //# end
            workgroupBarrier();
            //# for u in 0..DEPTH
            {
                //# for f in 0..8
                let w$f = right[$u][$f][tx];
                //# end
                //# for r in 0..8
                {
                    let delta = left[$r][ty][$u];
                    //# for f in 0..8
                    a$r_$f = add_products(w$f, delta, a$r_$f);
                    //# end
                }
                //# end
            }
            //# end
        }
    }
    let out = x_at(m, p.from_0, 0u) + first_feature + tx;
    //# for r in 0..8
    if (first_row + $ru * TY + ty < rows) {
        let at_row = out + (first_row + $ru * TY + ty) * p.input;
        //# for f in 0..8
        if (first_feature + $fu * TX + tx < p.input) {
            dx[at_row + $fu * TX] = a$r_$f;
        }
        //# end
    }
    //# end
}
