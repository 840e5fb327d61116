// As many multiply-adds a second as the device makes: independent chains, nothing from memory.

@group(0) @binding(1) var<storage, read_write> result: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32) {
    let b = vec4<f32>(f32(li) * 1e-3, 0.25, 0.5, 0.75);
    //# for i in 0..CHAINS
    var a$i = b + vec4<f32>(f32($i));
    //# end
    for (var n = 0u; n < p.count; n++) {
        //# for i in 0..CHAINS
        a$i = fma(a$i, vec4<f32>(0.999), b);
        //# end
    }
    var sum = vec4<f32>();
    //# for i in 0..CHAINS
    sum += a$i;
    //# end
    result[wg.x * 64u + li] = sum;
}
