// y[t, f] = max(z[2t, f], z[2t + 1, f], 0), where z[t, f] = bias[f] + the sum of W[f, c, j] x[t + j, c]: a
// pair is a row of y, its halves are the two steps. Zero past a row's last step.

@group(0) @binding(1) var<storage, read> pack: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> lengths: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
// SAVE is 1 where there will be a backward pass, else 0.
//# for save in 0..SAVE
@group(0) @binding(5) var<storage, read_write> argmax: array<f32>;
//# end

// Where the row's first tap is in x, or NONE past its last step.
fn row_of(m: u32, pair: u32, half: u32) -> vec4<u32> {
    if (pair >= (p.to_step - p.from_step) * p.batch) {
        return vec4<u32>(NONE);
    }
    let t = p.from_step + pair / p.batch;
    let b = pair % p.batch;
    let start = select(NONE, x_at(m, 2u * t + half, b), t < out_length(m, b));
    return vec4<u32>(start, 0u, 0u, y_at(m, t, b));
}

fn place_of(q: u32) -> vec2<u32> {
    return vec2<u32>(q / p.input * p.batch * p.input, q % p.input);
}

fn operand(row: vec4<u32>, place: vec2<u32>) -> f32 {
    if (row.x == NONE) {
        return 0.0;
    }
    return x[row.x + place.x + place.y];
}

fn finish(row: vec4<u32>, other: vec4<u32>, column: u32, first: vec4<f32>, second: vec4<f32>) {
    if (row.w == NONE) {
        return;
    }
    var pooled = Pooled();
    if (row.x != NONE) {
        pooled = pool(first, second);
    }
    //# for i in 0..4
    if (column + $iu * WIDTH < p.filters) {
        y[row.w + column + $iu * WIDTH] = pooled.y[$i];
        //# for save in 0..SAVE
        argmax[row.w + column + $iu * WIDTH] = pooled.argmax[$i];
        //# end
    }
    //# end
}
