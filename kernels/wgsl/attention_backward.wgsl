// Attention over time, backward. PASS selects the part. Each part is a dispatch, because the next one needs
// all elements of the last one. Sums over time cover the steps `start..end`, which are bound.

@group(0) @binding(1) var<storage, read> lengths: array<u32>;             // (M, B)
@group(0) @binding(2) var<storage, read> weights: array<f32>;             // of the bound models
@group(0) @binding(3) var<storage, read> x: array<f32>;                   // of the bound models and steps
@group(0) @binding(4) var<storage, read> attention: array<f32>;           // (M, T, B), of the bound models
@group(0) @binding(5) var<storage, read> d_out: array<f32>;               // (M, B, D)
@group(0) @binding(6) var<storage, read_write> d_scores: array<f32>;      // (M, T, B)
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;            // as x
@group(0) @binding(8) var<storage, read_write> d_weights: array<f32>;     // as weights

const PRODUCTS = 0u;  // g[t] = d_out . x[t]; an invocation per row and step
const D_SCORES = 1u;  // de[t] = a[t] (g[t] - sum over u of a[u] g[u]); an invocation per row
const D_INPUT = 2u;   // dx[t] = a[t] d_out + de[t] w; an invocation per number
const D_WEIGHTS = 3u; // dw = sum over rows and t of de[t] x[t]; a workgroup per weight, its invocations added up as a tree

const LANES = 64u;
var<workgroup> sums: array<f32, LANES>;

// Of row `b` of the bound model `m` at step `t` in attention and d_scores.
fn place(m: u32, t: u32, b: u32) -> u32 {
    return (m * p.steps + t) * p.batch + b + p.scores_base;
}

fn x_at(m: u32, t: u32, b: u32) -> u32 {
    return ((m * p.steps + t - p.start) * p.batch + b) * p.width + p.x_base;
}

fn length_of(m: u32, b: u32) -> u32 {
    return lengths[(p.model + m) * p.batch + b];
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let group = wg.x + wg.y * groups.x;
    let i = group * LANES + li;
    let m = wg.z;
    let rows = (p.end - p.start) * p.batch;
    if (PASS == PRODUCTS) {
        if (i < rows) {
            let b = i % p.batch;
            let t = p.start + i / p.batch;
            var sum = 0.0;
            if (t < length_of(m, b)) {
                for (var j = 0u; j < p.width; j++) {
                    sum = fma(d_out[((p.model + m) * p.batch + b) * p.width + j], x[x_at(m, t, b) + j], sum);
                }
            }
            d_scores[place(m, t, b)] = sum;
        }
    } else if (PASS == D_SCORES) {
        if (i < p.batch) {
            let length = length_of(m, i);
            var mean = 0.0;
            for (var t = 0u; t < length; t++) {
                mean = fma(attention[place(m, t, i)], d_scores[place(m, t, i)], mean);
            }
            for (var t = 0u; t < length; t++) {
                d_scores[place(m, t, i)] = attention[place(m, t, i)] * (d_scores[place(m, t, i)] - mean);
            }
        }
    } else if (PASS == D_INPUT) {
        if (i < rows * p.width) {
            let j = i % p.width;
            let b = i / p.width % p.batch;
            let t = p.start + i / p.width / p.batch;
            var value = 0.0;
            if (t < length_of(m, b)) {
                let own = d_scores[place(m, t, b)] * weights[m * p.stride + p.weights_base + j];
                value = fma(attention[place(m, t, b)], d_out[((p.model + m) * p.batch + b) * p.width + j], own);
            }
            dx[x_at(m, t, b) + j] = value;
        }
    } else {
        var sum = 0.0;
        if (group < p.width) {
            for (var row = li; row < rows; row += LANES) {
                let b = row % p.batch;
                let t = p.start + row / p.batch;
                if (t < length_of(m, b)) {
                    sum = fma(d_scores[place(m, t, b)], x[x_at(m, t, b) + group], sum);
                }
            }
        }
        sums[li] = sum;
        for (var half = LANES / 2u; half > 0u; half /= 2u) {
            workgroupBarrier();
            if (li < half) {
                sums[li] += sums[li + half];
            }
        }
        if (li == 0u && group < p.width) {
            let at = m * p.stride + p.weights_base + group;
            if (p.start > 0u) {
                d_weights[at] += sums[0];
            } else {
                d_weights[at] = sums[0];
            }
        }
    }
}
