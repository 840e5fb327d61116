// Adds up the splits of rnn_weight_gradient.wgsl in order, and puts each number where PyTorch's layout has
// it. One invocation per unit and column.

@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> d_weights: array<f32>;   // (M, P)

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let columns = p.input + p.hidden + 1u;
    let i = (wg.x + wg.y * groups.x) * 64u + li;
    if (i >= columns * p.hidden) {
        return;
    }
    let dir = wg.z % p.dirs;
    let m = wg.z / p.dirs;
    var sum = vec4<f32>();
    for (var split = 0u; split < p.splits; split++) {
        sum += partial[((split * p.models + m) * p.dirs + dir) * columns * p.hidden + i];
    }
    let c = i / p.hidden;
    let unit = i % p.hidden;
    let rows = p.gates * p.hidden;
    let ih = m * p.stride + dir * rows * (p.input + p.hidden + p.biases) + p.weights_base;
    let hh = ih + rows * p.input;
    let bias = hh + rows * p.hidden;
    for (var g = 0u; g < p.gates; g++) {
        let row = g * p.hidden + unit;
        // The recurrent part of a gate that is not joint has a gradient of its own, the fourth number.
        let recurrent = sum[select(3u, g, g < p.joint)];
        if (c < p.input) {
            d_weights[ih + row * p.input + c] = sum[g];
        } else if (c < p.input + p.hidden) {
            d_weights[hh + row * p.hidden + c - p.input] = recurrent;
        } else {
            d_weights[bias + row] = sum[g];
            if (p.biases == 2u) {
                d_weights[bias + rows + row] = recurrent;
            }
        }
    }
}
