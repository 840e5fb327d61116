// dx = dy W, with dy cut to where the ReLU passed; one invocation per input.

@group(0) @binding(1) var<storage, read> weights: array<f32>;        // (M, P)
@group(0) @binding(2) var<storage, read> y: array<f32>;              // (M, B, out)
@group(0) @binding(3) var<storage, read> dy: array<f32>;             // (M, B, out)
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;       // (M, B, in)

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let i = (wg.x + wg.y * groups.x) * 64u + li;
    if (i >= p.batch * p.inputs) {
        return;
    }
    let m = p.model + wg.z;
    let start = wg.z * p.stride + p.weights_base + i % p.inputs;
    let row = (m * p.batch + i / p.inputs) * p.outputs;
    var sum = 0.0;
    for (var o = 0u; o < p.outputs; o++) {
        if (p.relu == 0u || y[row + o] > 0.0) {
            sum = fma(dy[row + o], weights[start + o * p.inputs], sum);
        }
    }
    dx[m * p.batch * p.inputs + i] = sum;
}
