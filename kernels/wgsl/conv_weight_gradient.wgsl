// Partial sums of the gradients by a convolution block's weights: partial[split, m, tile, q, f] is the sum of
// dz[t, f] times number q of (x[t], x[t + 1], ..., 1), over the split's share of the rows of y. dz is dy at
// the argmax. A split that an earlier dispatch has begun goes on from there: a sum's order does not
// depend on how many steps a dispatch takes.
//
// A workgroup takes 4 * WIDTH filters and 64 numbers, an invocation 4 * VECTORS and 8 of them. Both are
// staged eight rows at a time, each of which has two steps.

@group(0) @binding(1) var<storage, read> lengths: array<u32>;
@group(0) @binding(2) var<storage, read> argmax: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<f32>;
@group(0) @binding(5) var<storage, read_write> partial: array<vec4<f32>>;

const WIDTH = 8u * VECTORS;

// Where rows begin in x and in y, x being NONE past a row's last step.
var<workgroup> rows: array<vec2<u32>, 64>;
var<workgroup> left: array<vec4<f32>, 16u * WIDTH>;
var<workgroup> right: array<vec4<f32>, 256>;

fn row_of(m: u32, n: u32, end: u32) -> vec2<u32> {
    let t = n / p.batch;
    let b = n % p.batch;
    if (n >= end || t >= out_length(m, b)) {
        return vec2<u32>(NONE);
    }
    return vec2<u32>(x_at(m, 2u * t, b), y_at(m, t, b));
}

// Where number `q` of the depth is, from a row's start.
fn place_of(q: u32) -> u32 {
    return select(NONE, q / p.input * p.batch * p.input + q % p.input, q < p.depth);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32) {
    let tiles = (p.filters + 4u * WIDTH - 1u) / (4u * WIDTH);
    let m = wg.z / tiles;
    let tile = wg.z % tiles;
    let split = p.first_split + wg.y;
    let begin = split * p.share;
    let start = max(begin, p.from_step * p.batch);
    let end = min(begin + p.share, p.to_step * p.batch);

    // This invocation stages numbers 16 apart, filters WIDTH apart.
    //# for i in 0..4
    let place$i = place_of(wg.x * 64u + li % 16u + 16u * $iu);
    //# end
    let staged = tile * 4u * WIDTH + li % WIDTH;
    let step = p.batch * p.input;

    // It sums `a` from number q on and `b` from 8 numbers further on. The workgroup of the first numbers also
    // sums the bias.
    let lane = li % 8u;
    let q_lane = li / 8u;
    let q = wg.x * 64u + q_lane;
    let out = ((split * p.models + m) * tiles + tile) * (p.depth + 1u) * WIDTH + lane;
    //# for v in 0..VECTORS
    var bias$v = vec4<f32>();
    //# for i in 0..4
    var a$v_$i = vec4<f32>();
    var b$v_$i = vec4<f32>();
    //# end
    //# end
    if (begin < start) {
        //# for v in 0..VECTORS
        bias$v = partial[out + p.depth * WIDTH + 8u * $vu];
        //# for i in 0..4
        if (q + 16u * $iu < p.depth) {
            a$v_$i = partial[out + (q + 16u * $iu) * WIDTH + 8u * $vu];
        }
        if (q + 16u * $iu + 8u < p.depth) {
            b$v_$i = partial[out + (q + 16u * $iu + 8u) * WIDTH + 8u * $vu];
        }
        //# end
        //# end
    }
    for (var n0 = start; n0 < end; n0 += 64u) {
        rows[li] = row_of(m, n0 + li, end);
        for (var n = 0u; n < min(64u, end - n0); n += 8u) {
            workgroupBarrier();
            for (var r = li / 16u; r < 16u; r += 4u) {
                let row = rows[n + r / 2u].x;
                var numbers = vec4<f32>();
                if (row != NONE) {
                    let at = row + r % 2u * step;
                    //# for i in 0..4
                    if (place$i != NONE) {
                        numbers[$i] = x[at + place$i];
                    }
                    //# end
                }
                right[r * 16u + li % 16u] = numbers;
            }
            for (var r = li / WIDTH; r < 8u; r += 64u / WIDTH) {
                let row = rows[n + r];
                var first = vec4<f32>();
                var second = vec4<f32>();
                if (row.x != NONE) {
                    //# for i in 0..4
                    if (staged + $iu * WIDTH < p.filters) {
                        let at = row.y + staged + $iu * WIDTH;
                        let signed_y = argmax[at];
                        let gradient = dy[at];
                        first[$i] = delta(signed_y, gradient, 0u);
                        second[$i] = delta(signed_y, gradient, 1u);
                    }
                    //# end
                }
                left[2u * r * WIDTH + li % WIDTH] = first;
                left[(2u * r + 1u) * WIDTH + li % WIDTH] = second;
            }
            workgroupBarrier();
            for (var r = 0u; r < 16u; r++) {
                let first = right[r * 16u + q_lane];
                let second = right[r * 16u + 8u + q_lane];
                //# for v in 0..VECTORS
                let d$v = left[r * WIDTH + lane + 8u * $vu];
                //# for i in 0..4
                a$v_$i = fma(d$v, vec4<f32>(first[$i]), a$v_$i);
                b$v_$i = fma(d$v, vec4<f32>(second[$i]), b$v_$i);
                //# end
                //# end
                if (wg.x == 0u) {
                    //# for v in 0..VECTORS
                    bias$v += d$v;
                    //# end
                }
            }
        }
    }
    //# for v in 0..VECTORS
    if (wg.x == 0u && q_lane == 0u) {
        partial[out + p.depth * WIDTH + 8u * $vu] = bias$v;
    }
    //# for i in 0..4
    if (q + 16u * $iu < p.depth) {
        partial[out + (q + 16u * $iu) * WIDTH + 8u * $vu] = a$v_$i;
    }
    if (q + 16u * $iu + 8u < p.depth) {
        partial[out + (q + 16u * $iu + 8u) * WIDTH + 8u * $vu] = b$v_$i;
    }
    //# end
    //# end
}
