// Attention over time, (M, T, B, D) to (M, B, D). PASS selects the part. Each part is a dispatch,
// because the next one needs all elements of the last one. Scores and means cover the steps `start..end`,
// which are bound.

@group(0) @binding(1) var<storage, read> lengths: array<u32>;             // (M, B)
@group(0) @binding(2) var<storage, read> weights: array<f32>;             // of the bound models
@group(0) @binding(3) var<storage, read> x: array<f32>;                   // of the bound models and steps
@group(0) @binding(4) var<storage, read_write> attention: array<f32>;     // (M, T, B), of the bound models
@group(0) @binding(5) var<storage, read_write> out: array<f32>;           // (M, B, D)

const SCORES = 0u;  // e[t] = w . x[t]; an invocation per row and step
const SOFTMAX = 1u; // a = softmax(e) over the row's steps; an invocation per row
const MEAN = 2u;    // out = sum over t of a[t] x[t]; an invocation per number

// Of row `b` of the bound model `m` at step `t` in attention.
fn place(m: u32, t: u32, b: u32) -> u32 {
    return (m * p.steps + t) * p.batch + b + p.scores_base;
}

fn x_at(m: u32, t: u32, b: u32) -> u32 {
    return ((m * p.steps + t - p.start) * p.batch + b) * p.width + p.x_base;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let i = (wg.x + wg.y * groups.x) * 64u + li;
    let m = wg.z;
    if (PASS == SCORES) {
        if (i >= (p.end - p.start) * p.batch) {
            return;
        }
        let b = i % p.batch;
        let t = p.start + i / p.batch;
        var sum = 0.0;
        if (t < lengths[(p.model + m) * p.batch + b]) {
            for (var j = 0u; j < p.width; j++) {
                sum = fma(weights[m * p.stride + p.weights_base + j], x[x_at(m, t, b) + j], sum);
            }
        }
        attention[place(m, t, b)] = sum;
    } else if (PASS == SOFTMAX) {
        if (i >= p.batch) {
            return;
        }
        let length = lengths[(p.model + m) * p.batch + i];
        var largest = attention[place(m, 0u, i)];
        for (var t = 1u; t < length; t++) {
            let e = attention[place(m, t, i)];
            largest = select(largest, e, e > largest);
        }
        var sum = 0.0;
        for (var t = 0u; t < length; t++) {
            sum += exp_clamped(attention[place(m, t, i)] - largest);
        }
        for (var t = 0u; t < length; t++) {
            attention[place(m, t, i)] = exp_clamped(attention[place(m, t, i)] - largest) / sum;
        }
    } else {
        if (i >= p.batch * p.width) {
            return;
        }
        let b = i / p.width;
        let at = (p.model + m) * p.batch * p.width + i;
        var sum = 0.0;
        if (p.start > 0u) {
            sum = out[at];
        }
        let end = min(p.end, lengths[(p.model + m) * p.batch + b]);
        for (var t = p.start; t < end; t++) {
            sum = fma(attention[place(m, t, b)], x[x_at(m, t, b) + i % p.width], sum);
        }
        out[at] = sum;
    }
}
