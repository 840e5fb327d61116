// Clipping by the global norm, then Adam or AdamW (as torch.optim); one invocation per parameter. A model
// that is inactive or whose norm is not finite does not move.

@group(0) @binding(1) var<storage, read_write> weights: array<f32>;          // (M, P)
@group(0) @binding(2) var<storage, read> gradients: array<f32>;              // (M, P)
@group(0) @binding(3) var<storage, read_write> first_moment: array<f32>;     // (M, P)
@group(0) @binding(4) var<storage, read_write> second_moment: array<f32>;    // (M, P)
@group(0) @binding(5) var<storage, read> scalars: array<f32>;    // (M, 4): rate, 1 - beta1^n (0: inactive), sqrt(1 - beta2^n), eps
@group(0) @binding(6) var<storage, read> norms: array<f32>;      // (R, M), of which from `row` on

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let k = (wg.x + wg.y * groups.x) * 64u + li;
    if (k >= p.params) {
        return;
    }
    let m = p.model + wg.z;
    let norm = norms[p.row + m];
    if (scalars[m * 4u + 1u] == 0.0 || !is_finite(norm)) {
        return;
    }
    let i = wg.z * p.params + k + p.base;
    let rate = scalars[m * 4u];
    let decay = bitcast<f32>(p.weight_decay);
    let beta1 = bitcast<f32>(p.beta1);
    let beta2 = bitcast<f32>(p.beta2);
    var w = weights[i];
    var g = gradients[i];
    // No clipping is an infinite bound, which WGSL need not divide.
    if (p.clips == 1u) {
        g *= min(bitcast<f32>(p.clip) / (norm + 1e-6), 1.0);
    }
    if (p.decoupled == 1u) {
        w -= rate * decay * w;
    } else {
        g += decay * w;
    }
    let first = fma(beta1, first_moment[i], bitcast<f32>(p.rest1) * g);
    let second = fma(beta2, second_moment[i], bitcast<f32>(p.rest2) * g * g);
    first_moment[i] = first;
    second_moment[i] = second;
    weights[i] = w - rate / scalars[m * 4u + 1u] * first / (sqrt(second) / scalars[m * 4u + 2u] + scalars[m * 4u + 3u]);
}
