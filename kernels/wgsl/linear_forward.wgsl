// y = x W^T + bias, then ReLU where the layer has one; one invocation per output.

@group(0) @binding(1) var<storage, read> weights: array<f32>;        // (M, P)
@group(0) @binding(2) var<storage, read> x: array<f32>;              // (M, B, in)
@group(0) @binding(3) var<storage, read_write> y: array<f32>;        // (M, B, out)

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let i = (wg.x + wg.y * groups.x) * 64u + li;
    if (i >= p.batch * p.outputs) {
        return;
    }
    let m = p.model + wg.z;
    let o = i % p.outputs;
    let start = wg.z * p.stride + p.weights_base;
    let row = (m * p.batch + i / p.outputs) * p.inputs;
    var sum = 0.0;
    for (var k = 0u; k < p.inputs; k++) {
        sum = fma(weights[start + o * p.inputs + k], x[row + k], sum);
    }
    let value = weights[start + p.outputs * p.inputs + o] + sum;
    // A comparison that keeps NaN, which `max` need not.
    y[m * p.batch * p.outputs + i] = select(value, 0.0, p.relu == 1u && value < 0.0);
}
