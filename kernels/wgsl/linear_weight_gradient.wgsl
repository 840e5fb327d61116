// dW = dy^T x and d bias = sum of dy over the rows of a model, with dy cut to where the ReLU passed; one
// invocation per parameter.

@group(0) @binding(1) var<storage, read> x: array<f32>;              // (M, B, in)
@group(0) @binding(2) var<storage, read> y: array<f32>;              // (M, B, out)
@group(0) @binding(3) var<storage, read> dy: array<f32>;             // (M, B, out)
@group(0) @binding(4) var<storage, read_write> d_weights: array<f32>;    // (M, P)

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let i = (wg.x + wg.y * groups.x) * 64u + li;
    let matrix = p.outputs * p.inputs;
    if (i >= matrix + p.outputs) {
        return;
    }
    let m = p.model + wg.z;
    let o = select(i - matrix, i / p.inputs, i < matrix);
    var sum = 0.0;
    // Eight rows at a time are loaded together: one after another, each would wait for memory.
    for (var b = 0u; b < p.batch; b += 8u) {
        //# for j in 0..8
        let row$j = m * p.batch + min(b + $ju, p.batch - 1u);
        let factor$j = select(1.0, x[row$j * p.inputs + i % p.inputs], i < matrix);
        let dy$j = dy[row$j * p.outputs + o];
        let passed$j = p.relu == 0u || y[row$j * p.outputs + o] > 0.0;
        //# end
        //# for j in 0..8
        if (b + $ju < p.batch && passed$j) {
            sum = fma(dy$j, factor$j, sum);
        }
        //# end
    }
    d_weights[wg.z * p.stride + p.weights_base + i] = sum;
}
