// Weights in the order in which the other kernels read them: four gates of a unit side by side, so that a
// load brings all of them. Rows are padded with zeros to whole blocks. One invocation per packed vector.

@group(0) @binding(1) var<storage, read> weights: array<f32>;            // (M, P)
@group(0) @binding(2) var<storage, read_write> pack: array<Weights>;     // (M, dirs, pack_len) or (M, dirs, back_len)

fn weight_ih(start: u32, gate: u32, unit: u32, k: u32) -> f32 {
    return weights[start + (gate * p.hidden + unit) * p.input + k];
}

fn weight_hh(start: u32, gate: u32, unit: u32, k: u32) -> f32 {
    let rows = p.gates * p.hidden;
    return weights[start + rows * p.input + (gate * p.hidden + unit) * p.hidden + k];
}

// Bias `which` (0: ih, 1: hh), 0 where there is no second one.
fn bias(start: u32, which: u32, gate: u32, unit: u32) -> f32 {
    if (which >= p.biases) {
        return 0.0;
    }
    let rows = p.gates * p.hidden;
    return weights[start + rows * (p.input + p.hidden + which) + gate * p.hidden + unit];
}

fn biases(start: u32, unit: u32) -> vec4<f32> {
    var both = vec4<f32>();
    for (var g = 0u; g < p.gates; g++) {
        // The recurrent part of a gate that is not joint stays apart with its bias, as the fourth number.
        if (g < p.joint) {
            both[g] = bias(start, 0u, g, unit) + bias(start, 1u, g, unit);
        } else {
            both[g] = bias(start, 0u, g, unit);
            both.w = bias(start, 1u, g, unit);
        }
    }
    return both;
}

fn all_ih(start: u32, unit: u32, k: u32) -> vec4<f32> {
    var w = vec4<f32>();
    for (var g = 0u; g < p.gates; g++) {
        w[g] = weight_ih(start, g, unit, k);
    }
    return w;
}

fn all_hh(start: u32, unit: u32, k: u32) -> vec4<f32> {
    var w = vec4<f32>();
    for (var g = 0u; g < p.gates; g++) {
        w[g] = weight_hh(start, g, unit, k);
    }
    return w;
}

fn forward(start: u32, i: u32) -> vec4<f32> {
    let row = i / p.hidden;
    let unit = i % p.hidden;
    if (row < p.padded_input) {
        if (row < p.input) {
            return all_ih(start, unit, row);
        }
    } else if (row < p.padded_input + p.padded_hidden) {
        if (row - p.padded_input < p.hidden) {
            return all_hh(start, unit, row - p.padded_input);
        }
    } else if (row == p.padded_input + p.padded_hidden) {
        return biases(start, unit);
    }
    return vec4<f32>();
}

fn backward(start: u32, i: u32) -> vec4<f32> {
    let recurrent = p.padded_hidden * p.hidden;
    if (i < recurrent) {
        let unit = i / p.hidden;
        if (unit < p.hidden) {
            return all_hh(start, unit, i % p.hidden);
        }
    } else {
        let unit = (i - recurrent) / p.input;
        if (unit < p.hidden) {
            return all_ih(start, unit, (i - recurrent) % p.input);
        }
    }
    return vec4<f32>();
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let i = (wg.x + wg.y * groups.x) * 64u + li;
    if (i >= p.len) {
        return;
    }
    let m = wg.z / p.dirs;
    let dir = wg.z % p.dirs;
    let start = m * p.stride + dir * p.gates * p.hidden * (p.input + p.hidden + p.biases) + p.weights_base;
    if (p.is_backward == 0u) {
        pack[wg.z * p.len + i] = to_weights(forward(start, i));
    } else {
        pack[wg.z * p.len + i] = to_weights(backward(start, i));
    }
}
