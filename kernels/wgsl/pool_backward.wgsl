// The gradient by the pooled vector to every step (mean) or to the final state (last); one invocation per
// number of what is written.

@group(0) @binding(1) var<storage, read> lengths: array<u32>;        // (M, B)
@group(0) @binding(2) var<storage, read> d_out: array<f32>;          // (M, B, dirs*H)
@group(0) @binding(3) var<storage, read_write> result: array<f32>;   // (M, T, B, dirs*H), from row `first_row` on, or (M, S, dirs, B, H)

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let i = (wg.x + wg.y * groups.x) * 64u + li;
    if (i >= p.len) {
        return;
    }
    let width = p.dirs * p.hidden;
    var value = 0.0;
    if (p.is_mean == 1u) {
        let row = p.first_row + i / width;
        let b = row % p.batch;
        let t = (row / p.batch) % p.steps;
        let sequence = (row / (p.batch * p.steps)) * p.batch + b;
        if (t < lengths[sequence]) {
            value = d_out[sequence * width + i % width] / f32(lengths[sequence]);
        }
    } else {
        let b = (i / p.hidden) % p.batch;
        let dir = (i / (p.hidden * p.batch)) % p.dirs;
        let s = (i / (p.hidden * p.batch * p.dirs)) % p.states;
        let sequence = (i / (p.hidden * p.batch * p.dirs * p.states)) * p.batch + b;
        if (s == 0u && lengths[sequence] > 0u) {
            value = d_out[sequence * width + dir * p.hidden + i % p.hidden];
        }
    }
    result[i + p.base] = value;
}
