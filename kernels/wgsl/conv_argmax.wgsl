// Max-pooling of two steps: y, and y with the argmax as its sign. NaN is detected from the bit pattern,
// because a WGSL compiler may assume that there is none.

struct Pooled {
    y: vec4<f32>,
    argmax: vec4<f32>,
}

fn are_nan(x: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
}

// The larger of two steps, or 0; NaN stays NaN.
fn pool(first: vec4<f32>, second: vec4<f32>) -> Pooled {
    let is_later = (first < second) & !(are_nan(first) | are_nan(second));
    let larger = select(first, second, is_later | are_nan(second));
    let y = select(larger, vec4<f32>(), (larger < vec4<f32>()) & !are_nan(larger));
    return Pooled(y, select(y, -y, is_later));
}

// The gradient by the first or second step before pooling: `dy` if that one is the argmax.
fn delta(signed_y: f32, dy: f32, step: u32) -> f32 {
    // All at once: of the step's sign, and neither zero nor NaN.
    let bits = bitcast<u32>(signed_y) ^ (step << 31u);
    return select(0.0, dy, bits - 1u < 0x7f800000u);
}
