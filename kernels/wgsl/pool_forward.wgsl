// The hidden states, or the final states, to (M, B, dirs*H); one invocation per number. A mean is added up
// window by window of steps, and divided after the last.

@group(0) @binding(1) var<storage, read> lengths: array<u32>;        // (M, B)
@group(0) @binding(2) var<storage, read> pooled: array<f32>;         // (M, T, B, dirs*H), or (M, S, dirs, B, H)
@group(0) @binding(3) var<storage, read_write> out: array<f32>;      // (M, B, dirs*H)

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let i = (wg.x + wg.y * groups.x) * 64u + li;
    let width = p.dirs * p.hidden;
    if (i >= p.batch * width) {
        return;
    }
    let m = wg.z;
    let b = i / width;
    let length = lengths[(p.model + m) * p.batch + b];
    let at = (p.model + m) * p.batch * width + i;
    if (length == 0u) {
        out[at] = 0.0;
        return;
    }
    if (p.is_mean == 0u) {
        let dir = (i % width) / p.hidden;
        out[at] = pooled[(((p.model + m) * p.states * p.dirs + dir) * p.batch + b) * p.hidden + i % p.hidden];
        return;
    }
    var sum = 0.0;
    if (p.start > 0u) {
        sum = out[at];
    }
    for (var t = p.start; t < min(p.end, length); t++) {
        sum += pooled[(m * p.steps + t - p.start) * p.batch * width + i + p.base];
    }
    if (p.is_end == 1u) {
        sum /= f32(length);
    }
    out[at] = sum;
}
