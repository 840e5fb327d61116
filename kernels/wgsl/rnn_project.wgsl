// The input part of the gates: gates[t, b, u] = W_ih x[t, b] + biases, for all time steps of the next
// dispatch.
//
// A workgroup takes ROWS rows and UNITS units, four gates each; an invocation eight rows, TY apart, and two
// units, TX apart. Both operands are staged DEPTH features at a time, and the next ones are loaded meanwhile.
//
//     for each piece of DEPTH features:
//         barrier; stage x[ROWS][DEPTH] and W_ih[DEPTH][UNITS] in workgroup memory; barrier
//         load the next piece
//         for k in the piece: for my rows and units: sums[row][unit] += W_ih[unit][k] * x[row][k]
//     gates[row] = sums[row] + biases

@group(0) @binding(1) var<storage, read> pack: array<Weights>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> gates: array<Saved>;

const TX = UNITS / 2u;
const TY = ROWS / 8u;
const LANES = TX * TY;

// Arrays of arrays: of all that a read of the product adds to an address, only the invocation's own place is
// no constant.
var<workgroup> left: array<array<array<vec4<f32>, DEPTH / 4u>, TY>, 8>;   // row / TY, row % TY, four features
var<workgroup> right: array<array<array<vec4<f32>, TX>, 2>, DEPTH>;       // feature, unit / TX, unit % TX

fn four_from(i: u32) -> vec4<f32> {
    return vec4<f32>(x[i], x[i + 1u], x[i + 2u], x[i + 3u]);
}

// Four features from `k` on: zeros past the last. Not where they are loaded, which would wait for them.
fn within(numbers: vec4<f32>, k: u32) -> vec4<f32> {
    return select(vec4<f32>(), numbers, vec4<u32>(k, k + 1u, k + 2u, k + 3u) < vec4<u32>(p.input));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let unit_tiles = (p.hidden + UNITS - 1u) / UNITS;
    let dir = p.dir + (wg.z / unit_tiles) % p.dir_count;
    let m = wg.z / (unit_tiles * p.dir_count);
    let first_unit = (wg.z % unit_tiles) * UNITS;
    let steps = dispatch_steps(dir);
    let rows = (steps.y - steps.x) * p.batch;
    let first_row = (wg.x + wg.y * groups.x) * ROWS;
    let tx = li % TX;
    let ty = li / TX;

    // Staged by this invocation; past the last row and unit the last ones again, whose sums are not used.
    let start = x_at(m, steps.x, 0u);
    //# for i in 0..LEFT
    let row$i = (li + $iu * LANES) / (DEPTH / 4u);
    let four$i = (li + $iu * LANES) % (DEPTH / 4u);
    let x_row$i = start + min(first_row + row$i, rows - 1u) * p.input;
    var next_left$i = four_from(x_row$i + 4u * four$i);
    //# end
    let weights = pack_at(m, dir);
    //# for i in 0..RIGHT
    let depth$i = (li + $iu * LANES) / UNITS;
    let column$i = (li + $iu * LANES) % UNITS;
    var from$i = weights + depth$i * p.hidden + min(first_unit + column$i, p.hidden - 1u);
    var next_right$i = pack[from$i];
    //# end

    //# for r in 0..8
    var a$r_0 = vec4<f32>();
    var a$r_1 = vec4<f32>();
    //# end
    for (var k0 = 0u; k0 < p.padded_input; k0 += DEPTH) {
        workgroupBarrier();
        //# for i in 0..LEFT
        left[row$i / TY][row$i % TY][four$i] = within(next_left$i, k0 + 4u * four$i);
        //# end
        //# for i in 0..RIGHT
        right[depth$i][column$i / TX][column$i % TX] = from_weights(next_right$i);
        //# end
        workgroupBarrier();
        // After the last piece these are loaded for nothing: the rows of weights go on with those of W_hh.
        //# for i in 0..LEFT
        next_left$i = four_from(x_row$i + k0 + DEPTH + 4u * four$i);
        //# end
        //# for i in 0..RIGHT
        from$i += DEPTH * p.hidden;
        next_right$i = pack[from$i];
        //# end
        //# for q in 0..DEPTH/4
        {
            //# for k in 0..4
            let w$k_0 = right[4 * $q + $k][0][tx];
            let w$k_1 = right[4 * $q + $k][1][tx];
            //# end
            //# for r in 0..8
            {
                let four = left[$r][ty][$q];
                //# for k in 0..4
                a$r_0 = fma(w$k_0, vec4<f32>(four[$k]), a$r_0);
                a$r_1 = fma(w$k_1, vec4<f32>(four[$k]), a$r_1);
                //# end
            }
            //# end
        }
        //# end
    }

    // The rows of (T, B) are evenly apart in (T, B, dirs, H).
    let stride = p.dirs * p.hidden;
    let out = gates_at(m, steps.x, 0u, dir);
    let biases = weights + (p.padded_input + p.padded_hidden) * p.hidden;
    //# for j in 0..2
    let unit$j = first_unit + $ju * TX + tx;
    let bias$j = from_weights(pack[biases + min(unit$j, p.hidden - 1u)]);
    //# end
    //# for r in 0..8
    if (first_row + $ru * TY + ty < rows) {
        let at_row = out + (first_row + $ru * TY + ty) * stride;
        //# for j in 0..2
        if (unit$j < p.hidden) {
            gates[at_row + unit$j] = to_input(bias$j + a$r_$j);
        }
        //# end
    }
    //# end
}
