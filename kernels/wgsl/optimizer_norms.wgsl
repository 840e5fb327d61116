// The gradient norm of each model from its sums of squares; one invocation per model. 0 for an inactive
// model.

@group(0) @binding(1) var<storage, read> squares: array<f32>;        // (M, chunks)
@group(0) @binding(2) var<storage, read> scalars: array<f32>;        // (M, 4)
@group(0) @binding(3) var<storage, read_write> norms: array<f32>;    // (R, M), of which from `row` on

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32) {
    let m = wg.x * 64u + li;
    if (m >= p.models) {
        return;
    }
    var sum = 0.0;
    for (var chunk = 0u; chunk < p.chunks; chunk++) {
        sum += squares[m * p.chunks + chunk];
    }
    // Takes no root of a value that is not finite: it must arrive unchanged.
    let norm = select(sum, sqrt(sum), is_finite(sum));
    norms[p.row + m] = select(norm, 0.0, scalars[m * 4u + 1u] == 0.0);
}
