// Softmax cross-entropy with class weights and label smoothing, and its gradient; one workgroup per model.
// Sums go over each invocation's rows, then over the invocations in order.

@group(0) @binding(1) var<storage, read> logits: array<f32>;         // (M, B, K)
@group(0) @binding(2) var<storage, read> labels: array<u32>;         // (M, B)
@group(0) @binding(3) var<storage, read> lengths: array<u32>;        // (M, B)
@group(0) @binding(4) var<storage, read> class_weights: array<f32>;  // (M, K)
@group(0) @binding(5) var<storage, read_write> losses: array<f32>;   // (R, M), of which from `row` on
@group(0) @binding(6) var<storage, read_write> d_logits: array<f32>; // (M, B, K)

const LANES = 64u;
var<workgroup> sums: array<f32, LANES>;

// The target mass of class `c` of a row, times the class's weight.
fn mass(m: u32, c: u32, label: u32) -> f32 {
    let smoothing = bitcast<f32>(p.smoothing);
    return (select(0.0, 1.0 - smoothing, c == label) + smoothing / f32(p.classes)) * class_weights[m * p.classes + c];
}

// The sum of every invocation's number, in order.
fn added_up(li: u32, own: f32) -> f32 {
    workgroupBarrier();
    sums[li] = own;
    workgroupBarrier();
    var sum = 0.0;
    for (var i = 0u; i < LANES; i++) {
        sum += sums[i];
    }
    return sum;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32) {
    let m = wg.x;
    var weights = 0.0;
    for (var b = li; b < p.batch; b += LANES) {
        let row = m * p.batch + b;
        if (lengths[row] > 0u) {
            weights += class_weights[m * p.classes + labels[row]];
        }
    }
    let all_weights = added_up(li, weights);
    var own = 0.0;
    for (var b = li; b < p.batch; b += LANES) {
        let row = m * p.batch + b;
        let start = row * p.classes;
        if (lengths[row] == 0u) {
            for (var c = 0u; c < p.classes; c++) {
                d_logits[start + c] = 0.0;
            }
            continue;
        }
        var largest = logits[start];
        for (var c = 1u; c < p.classes; c++) {
            let z = logits[start + c];
            largest = select(largest, z, z > largest);
        }
        var sum = 0.0;
        var all_mass = 0.0;
        for (var c = 0u; c < p.classes; c++) {
            sum += exp_clamped(logits[start + c] - largest);
            all_mass += mass(m, c, labels[row]);
        }
        let log_sum = ln(sum);
        for (var c = 0u; c < p.classes; c++) {
            let log_p = logits[start + c] - largest - log_sum;
            let own_mass = mass(m, c, labels[row]);
            own -= own_mass * log_p;
            d_logits[start + c] = (all_mass * exp_clamped(log_p) - own_mass) / all_weights;
        }
    }
    let loss = added_up(li, own);
    if (li == 0u) {
        losses[p.row + m] = select(loss / all_weights, 0.0, rows_of(m) == 0u);
    }
}

// Rows of a model that are there.
fn rows_of(m: u32) -> u32 {
    var rows = 0u;
    for (var b = 0u; b < p.batch; b++) {
        rows += min(lengths[m * p.batch + b], 1u);
    }
    return rows;
}
