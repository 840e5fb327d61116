// Cuts a mini-batch out of one part of the frame table and standardizes it; one invocation per number. Frames
// of other parts are left to their dispatches, numbers past a row's length are set to 0 by the first.

@group(0) @binding(1) var<storage, read> frames: array<f32>;     // those from `first_frame` on
@group(0) @binding(2) var<storage, read> first: array<u32>;      // (M, B)
@group(0) @binding(3) var<storage, read> lengths: array<u32>;    // (M, B)
@group(0) @binding(4) var<storage, read> stats: array<f32>;      // (M, 2, stat_steps, D)
@group(0) @binding(5) var<storage, read_write> x: array<f32>;    // (M, T, B, D), from row `first_row` on

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let i = (wg.x + wg.y * groups.x) * 64u + li;
    if (i >= p.rows * p.features) {
        return;
    }
    let d = i % p.features;
    let row = p.first_row + i / p.features;
    let b = row % p.batch;
    let t = (row / p.batch) % p.steps;
    let m = row / (p.batch * p.steps);
    let sequence = m * p.batch + b;
    if (t >= lengths[sequence]) {
        if (p.is_first == 1u) {
            x[i + p.x_base] = 0.0;
        }
        return;
    }
    let frame = first[sequence] + t;
    if (frame < p.first_frame || frame >= p.end_frame) {
        return;
    }
    let step = select(t, 0u, p.stat_steps == 1u);
    let mean = ((m * 2u) * p.stat_steps + step) * p.features + d;
    let inv_std = mean + p.stat_steps * p.features;
    let value = frames[(frame - p.first_frame) * p.features + d];
    x[i + p.x_base] = (value - stats[mean]) * stats[inv_std];
}
