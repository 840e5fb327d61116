// Weights of a convolution block in the order in which conv_gemm.wgsl reads them: by tile of columns, per
// number of the depth all columns of the tile. Columns are filters and the depth is (tap, channel), or
// columns are channels and the depth is (tap, filter). Padded with zeros to whole rounds; a last row has what
// the sums begin with. One invocation per packed vector.

const WIDTH = 8u * VECTORS;

@group(0) @binding(1) var<storage, read> weights: array<f32>;            // (M, P)
@group(0) @binding(2) var<storage, read_write> pack: array<vec4<f32>>;   // (M, tiles, padded_depth + 1, WIDTH)

fn number(start: u32, q: u32, column: u32) -> f32 {
    if (column >= p.columns) {
        return 0.0;
    }
    if (q < p.depth) {
        let inner = p.depth / p.kernel;
        let tap = q / inner;
        let f = select(column, q % inner, p.by_filter == 1u);
        let c = select(q % inner, column, p.by_filter == 1u);
        return weights[start + (f * p.input + c) * p.kernel + tap];
    }
    if (q == p.padded_depth && p.by_filter == 0u) {
        return weights[start + p.filters * p.depth + column];
    }
    return 0.0;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let rows = p.padded_depth + 1u;
    let tiles = (p.columns + 4u * WIDTH - 1u) / (4u * WIDTH);
    let i = (wg.x + wg.y * groups.x) * 64u + li;
    if (i >= tiles * rows * WIDTH) {
        return;
    }
    let q = i / WIDTH % rows;
    let column = i / (WIDTH * rows) * 4u * WIDTH + i % WIDTH;
    let start = wg.z * p.stride + p.weights_base;
    var numbers = vec4<f32>();
    //# for i in 0..4
    numbers[$i] = number(start, q, column + $iu * WIDTH);
    //# end
    pack[wg.z * tiles * rows * WIDTH + i] = numbers;
}
