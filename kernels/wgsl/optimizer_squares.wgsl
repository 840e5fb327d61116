// Sums of the squares of CHUNK gradients each, (M, chunks); one workgroup per chunk, its invocations added up
// as a tree.

@group(0) @binding(1) var<storage, read> gradients: array<f32>;      // (M, P)
@group(0) @binding(2) var<storage, read_write> squares: array<f32>;  // (M, chunks)

const LANES = 64u;
const EACH = 32u; // CHUNK = LANES * EACH
var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let chunk = wg.x + wg.y * groups.x;
    let m = wg.z;
    var sum = 0.0;
    for (var j = 0u; j < EACH; j++) {
        let i = (chunk * EACH + j) * LANES + li;
        if (i < p.params) {
            let g = gradients[m * p.params + i + p.base];
            sum = fma(g, g, sum);
        }
    }
    sums[li] = sum;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (li < half) {
            sums[li] += sums[li + half];
        }
    }
    if (li == 0u && chunk < p.chunks) {
        squares[(p.model + m) * p.chunks + chunk] = sums[0];
    }
}
