// Cuts a mini-batch out of one part of the frame table and standardizes it; one invocation per feature of
// four rows, because divisions take longer than the copy. Frames of other parts are left to their dispatches,
// numbers past a row's length are set to 0 by the first.

@group(0) @binding(1) var<storage, read> frames: array<f32>;     // those from `first_frame` on
@group(0) @binding(2) var<storage, read> first: array<u32>;      // (M, B)
@group(0) @binding(3) var<storage, read> lengths: array<u32>;    // (M, B)
@group(0) @binding(4) var<storage, read> stats: array<f32>;      // (M, 2, stat_steps, D)
@group(0) @binding(5) var<storage, read_write> x: array<f32>;    // (M, T, B, D), from row `first_row` on

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let i = (wg.x + wg.y * groups.x) * 64u + li;
    let d = i % p.features;
    let first_row = i / p.features * 4u;
    var b = (p.first_row + first_row) % p.batch;
    var t = (p.first_row + first_row) / p.batch % p.steps;
    var m = (p.first_row + first_row) / (p.batch * p.steps);
    let end = min(first_row + 4u, p.rows);
    for (var row = first_row; row < end; row++) {
        let to = row * p.features + d + p.x_base;
        let sequence = m * p.batch + b;
        let frame = first[sequence] + t;
        if (t >= lengths[sequence]) {
            if (p.is_first == 1u) {
                x[to] = 0.0;
            }
        } else if (frame >= p.first_frame && frame < p.end_frame) {
            let step = select(t, 0u, p.stat_steps == 1u);
            let mean = ((m * 2u) * p.stat_steps + step) * p.features + d;
            let inv_std = mean + p.stat_steps * p.features;
            let value = frames[(frame - p.first_frame) * p.features + d];
            x[to] = (value - stats[mean]) * stats[inv_std];
        }
        b += 1u;
        if (b == p.batch) {
            b = 0u;
            t += 1u;
        }
        if (t == p.steps) {
            t = 0u;
            m += 1u;
        }
    }
}
