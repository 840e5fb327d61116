// dx[t, b, d]: the sum over directions, units and gates of W_ih times the deltas by the input part; zero past
// a row's length, where the deltas are. A workgroup takes LANES features and ROWS rows, and stages DEPTH
// units at a time.

@group(0) @binding(1) var<storage, read> back: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> gates: array<vec4<f32>>;       // deltas
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

var<workgroup> tile: array<Gates, DEPTH * ROWS>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let feature_tiles = (p.input + LANES - 1u) / LANES;
    let m = wg.z / feature_tiles;
    let feature = (wg.z % feature_tiles) * LANES + li;
    let column = min(feature, p.input - 1u);
    let rows = (p.to_0 - p.from_0) * p.batch;
    let row = (wg.x + wg.y * groups.x) * ROWS;

    //# for r in 0..ROWS
    var a$r = Gates();
    //# end
    for (var dir = 0u; dir < p.dirs; dir++) {
        let weights = back_at(m, dir) + p.padded_hidden * p.hidden + column;
        let deltas = gates_at(m, p.from_0, 0u, dir);
        for (var u0 = 0u; u0 < p.padded_hidden; u0 += DEPTH) {
            workgroupBarrier();
            for (var i = li; i < DEPTH * ROWS; i += LANES) {
                let u = u0 + i / ROWS;
                let n = row + i % ROWS;
                var value = Gates();
                if (u < p.hidden && n < rows) {
                    value = input_part(gates[deltas + n * p.dirs * p.hidden + u]);
                }
                tile[i] = value;
            }
            workgroupBarrier();
            for (var u = 0u; u < DEPTH; u++) {
                let w = real_weights(back[weights + (u0 + u) * p.input]);
                //# for r in 0..ROWS
                a$r = fma(w, tile[u * ROWS + $ru], a$r);
                //# end
            }
        }
    }
    if (feature < p.input) {
        //# for r in 0..ROWS
        if (row + $ru < rows) {
            dx[x_at(m, p.from_0, 0u) + (row + $ru) * p.input + feature] = total(a$r);
        }
        //# end
    }
}
