// Inverted dropout by Philox4x32-10 (Salmon et al. 2011), whose words decide on four numbers; one invocation
// per four. The mask is a function of (key, index, step, fold, layer): backward draws it again.

@group(0) @binding(1) var<storage, read> counters: array<u32>;          // (M, 4): key, fold, step
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

// High and low word of a product.
fn wide_product(a: u32, b: u32) -> vec2<u32> {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
    return vec2<u32>((a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u), a * b);
}

fn philox(first_key: vec2<u32>, counter: vec4<u32>) -> vec4<u32> {
    var c = counter;
    var key = first_key;
    for (var round = 0u; round < 10u; round++) {
        let p0 = wide_product(0xd2511f53u, c.x);
        let p1 = wide_product(0xcd9e8d57u, c.z);
        c = vec4<u32>(p1.x ^ c.y ^ key.x, p1.y, p0.x ^ c.w ^ key.y, p0.y);
        key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
    }
    return c;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32,
        @builtin(num_workgroups) groups: vec3<u32>) {
    let block = (wg.x + wg.y * groups.x) * 64u + li;
    if (block >= p.blocks) {
        return;
    }
    let m = wg.z;
    let counter = p.first_block + block;
    let of_model = 4u * m + p.counters_base;
    let key = vec2<u32>(counters[of_model], counters[of_model + 1u]);
    let words = philox(key, vec4<u32>(counter, counters[of_model + 3u], counters[of_model + 2u], p.layer));
    for (var j = 0u; j < 4u; j++) {
        let i = 4u * block + j;
        if (4u * counter + j < p.len) {
            let at = m * p.len + i + p.base;
            out[at] = select(x[at] * bitcast<f32>(p.scale), 0.0, words[j] < p.threshold);
        }
    }
}
