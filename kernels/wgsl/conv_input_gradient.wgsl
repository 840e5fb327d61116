// dx[t, c]: the sum of W[f, c, j] dz[t - j, f], where dz is dy at the argmax. Zero at and past a
// row's length, which no tap of a step of y reaches.

@group(0) @binding(1) var<storage, read> pack: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read> argmax: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

// The row's step, how many it has of z, and where the first of them is.
fn row_of(m: u32, pair: u32, half: u32) -> vec4<u32> {
    let row = 2u * pair + half;
    if (row >= (p.to_step - p.from_step) * p.batch) {
        return vec4<u32>(0u, 0u, 0u, NONE);
    }
    let t = p.from_step + row / p.batch;
    let b = row % p.batch;
    return vec4<u32>(t, 2u * out_length(m, b), y_at(m, p.y_first, b), x_at(m, t, b));
}

fn place_of(q: u32) -> vec2<u32> {
    return vec2<u32>(q / p.filters, q % p.filters);
}

fn operand(row: vec4<u32>, place: vec2<u32>) -> f32 {
    // Before the first step the difference wraps, and is past the last.
    let step = row.x - place.x;
    if (step >= row.y) {
        return 0.0;
    }
    let at = row.z + (step / 2u - p.y_first) * p.batch * p.filters + place.y;
    return delta(argmax[at], dy[at], step % 2u);
}

fn finish(row: vec4<u32>, other: vec4<u32>, column: u32, first: vec4<f32>, second: vec4<f32>) {
    //# for i in 0..4
    if (column + $iu * WIDTH < p.input) {
        if (row.w != NONE) {
            dx[row.w + column + $iu * WIDTH] = first[$i];
        }
        if (other.w != NONE) {
            dx[other.w + column + $iu * WIDTH] = second[$i];
        }
    }
    //# end
}
