// Partial sums of the gradients by all weights of the layer: partial[split, m, dir, c, u] is the sum of the
// deltas of unit u times element c of (x, the hidden state before, 1), over the split's share of the rows of
// all time steps.
//
// A workgroup takes LANES units and COLUMNS of those elements, staged DEPTH rows at a time.
//
//     for each piece of DEPTH rows of the share:
//         barrier; stage inputs[COLUMNS][DEPTH]; barrier
//         for row in the piece: for c in 0..COLUMNS: sums[c] += deltas[row][unit] * inputs[c][row]
//     partial[split] = sums

@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read> gates: array<vec4<f32>>;       // deltas
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read> y: array<f32>;
@group(0) @binding(5) var<storage, read> initial: array<f32>;
@group(0) @binding(6) var<storage, read_write> partial: array<vec4<f32>>;

var<workgroup> tile: array<f32, DEPTH * COLUMNS>;

// Element `c` of a row at time step `t`; 0 past the row's length, where x may hold anything.
fn incoming(m: u32, dir: u32, t: u32, b: u32, c: u32) -> f32 {
    let length = length_of(m, b);
    if (t >= length) {
        return 0.0;
    }
    if (c < p.input) {
        return x[x_at(m, t, b) + c];
    }
    if (c < p.input + p.hidden) {
        let k = c - p.input;
        if (!is_start(dir, t, length)) {
            return y[at(m, step_before(dir, t), b, dir) + k];
        }
        if (p.has_initial == 1u) {
            return initial[state_at(m, 0u, dir, b) + k];
        }
        return 0.0;
    }
    return select(0.0, 1.0, c == p.input + p.hidden);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32) {
    let unit_tiles = (p.hidden + LANES - 1u) / LANES;
    let dir = (wg.z / unit_tiles) % p.dirs;
    let m = wg.z / (unit_tiles * p.dirs);
    let unit = (wg.z % unit_tiles) * LANES + li;
    let column = min(unit, p.hidden - 1u);
    let split = wg.y;
    let first_c = wg.x * COLUMNS;

    let rows = (p.to_0 - p.from_0) * p.batch;
    let share = (rows + p.splits - 1u) / p.splits;
    let start = min(split * share, rows);
    let end = min(start + share, rows);
    let deltas = gates_at(m, p.from_0, 0u, dir) + column;
    let stride = p.dirs * p.hidden;

    let columns = p.input + p.hidden + 1u;
    let out = (((split * p.models + m) * p.dirs + dir) * columns + first_c) * p.hidden + unit;
    //# for c in 0..COLUMNS
    var a$c = vec4<f32>();
    if (p.adds == 1u && unit < p.hidden && first_c + $cu < columns) {
        a$c = partial[out + $cu * p.hidden];
    }
    //# end
    for (var n0 = start; n0 < end; n0 += DEPTH) {
        workgroupBarrier();
        for (var i = li; i < DEPTH * COLUMNS; i += LANES) {
            let n = n0 + i / COLUMNS;
            var value = 0.0;
            if (n < end) {
                value = incoming(m, dir, p.from_0 + n / p.batch, n % p.batch, first_c + i % COLUMNS);
            }
            tile[i] = value;
        }
        workgroupBarrier();
        for (var n = 0u; n < DEPTH; n++) {
            let d = gates[deltas + min(n0 + n, end - 1u) * stride];
            //# for c in 0..COLUMNS
            a$c = fma(d, vec4<f32>(tile[n * COLUMNS + $cu]), a$c);
            //# end
        }
    }
    if (unit < p.hidden) {
        //# for c in 0..COLUMNS
        if (first_c + $cu < columns) {
            partial[out + $cu * p.hidden] = a$c;
        }
        //# end
    }
}
