// Adds up the splits of conv_weight_gradient.wgsl in order, and puts each number where PyTorch's layout has
// it. One invocation per number of the depth and four filters.

@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> d_weights: array<f32>;   // (M, P)

const WIDTH = 8u * VECTORS;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let numbers = p.depth + 1u;
    let len = (p.filters + 4u * WIDTH - 1u) / (4u * WIDTH) * numbers * WIDTH;
    let i = (wg.x + wg.y * groups.x) * 64u + li;
    if (i >= len) {
        return;
    }
    var sum = vec4<f32>();
    for (var split = 0u; split < p.splits; split++) {
        sum += partial[(split * p.models + wg.z) * len + i];
    }
    let q = i / WIDTH % numbers;
    let start = wg.z * p.stride + p.weights_base;
    //# for i in 0..4
    let f$i = i / (WIDTH * numbers) * 4u * WIDTH + i % WIDTH + $iu * WIDTH;
    if (f$i < p.filters) {
        if (q < p.depth) {
            d_weights[start + f$i * p.depth + q % p.input * p.kernel + q / p.input] = sum[$i];
        } else {
            d_weights[start + p.filters * p.depth + f$i] = sum[$i];
        }
    }
    //# end
}
