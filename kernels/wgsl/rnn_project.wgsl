// The input part of the gates: gates[t, b, u] = W_ih x[t, b] + biases, for all time steps of the next
// dispatch.
//
// A workgroup takes LANES units and ROWS rows. All invocations read the same inputs, staged DEPTH features at
// a time; the four gates of a unit come in one load and serve all rows.
//
//     for each piece of DEPTH features:
//         barrier; stage x[ROWS][DEPTH] in workgroup memory; barrier
//         for k in the piece: for r in 0..ROWS: sums[r] += W_ih[unit][k] * x[r][k]
//     gates[r] = sums[r] + biases

@group(0) @binding(1) var<storage, read> pack: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> gates: array<vec4<f32>>;

var<workgroup> tile: array<f32, DEPTH * ROWS>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let unit_tiles = (p.hidden + LANES - 1u) / LANES;
    let dir = p.dir + (wg.z / unit_tiles) % p.dir_count;
    let m = wg.z / (unit_tiles * p.dir_count);
    let unit = (wg.z % unit_tiles) * LANES + li;
    let column = min(unit, p.hidden - 1u);
    let steps = dispatch_steps(dir);
    let rows = (steps.y - steps.x) * p.batch;
    let row = (wg.x + wg.y * groups.x) * ROWS;
    let weights = pack_at(m, dir) + column;
    let start = x_at(m, steps.x, 0u);

    let biases = pack[weights + (p.padded_input + p.padded_hidden) * p.hidden];
    //# for r in 0..ROWS
    var a$r = vec4<f32>();
    //# end
    for (var k0 = 0u; k0 < p.padded_input; k0 += DEPTH) {
        workgroupBarrier();
        for (var i = li; i < DEPTH * ROWS; i += LANES) {
            let k = k0 + i / ROWS;
            let n = row + i % ROWS;
            var value = 0.0;
            if (k < p.input && n < rows) {
                value = x[start + n * p.input + k];
            }
            tile[i] = value;
        }
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            let w = pack[weights + (k0 + k) * p.hidden];
            //# for r in 0..ROWS
            a$r = fma(w, vec4<f32>(tile[k * ROWS + $ru]), a$r);
            //# end
        }
    }
    if (unit < p.hidden) {
        //# for r in 0..ROWS
        if (row + $ru < rows) {
            let n = row + $ru;
            gates[gates_at(m, steps.x + n / p.batch, n % p.batch, dir) + unit] = biases + a$r;
        }
        //# end
    }
}
