// A counted loop longer than some drivers can count: Mesa's software driver before version 25 stops after
// 65,535 iterations and says nothing. `count` comes from outside, so that no compiler computes the result.

@group(0) @binding(1) var<storage, read_write> result: array<u32>;

@compute @workgroup_size(1)
fn main() {
    var sum = 0u;
    for (var i = 0u; i < p.count; i++) {
        sum = sum * 1664525u + i;
    }
    result[0] = sum;
}
