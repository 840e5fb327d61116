// How a recurrent layer of the precision f16 stores the four weights of a unit, and the four numbers that it
// keeps of a unit and step, in two words: weights, the input part of the gates and the gates as halves (IEEE
// 754 binary16), the gradients by the gates as bf16. The gradient of a mean over many windows would be too
// small for a half.
//
// Conversions to halves are core WGSL; no device needs the feature `shader-f16`.

alias Weights = vec2<u32>;
alias Saved = vec2<u32>;

const LARGEST_HALF = 65504.0;
// A NaN as a half, and as an f32.
const HALF_NAN = 0x7e00u;
const NAN = 0x7fc00000u;

// To the nearest half, ties to even: with `pack2x16float` the device would choose the rounding. What no half
// can hold becomes a NaN, so that the loss is one too and the run ends.
fn to_half(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    let size = bits & 0x7fffffffu;
    let normal = ((size + 0xfffu + ((size >> 13u) & 1u)) >> 13u) - 0x1c000u;
    // Below 2^-14, in steps of 2^-24.
    let small = u32(round(abs(x) * 16777216.0));
    let half = select(normal, small, size < 0x38800000u);
    return select(half, HALF_NAN, size >= 0x477ff000u) | ((bits >> 16u) & 0x8000u);
}

fn to_weights(v: vec4<f32>) -> Weights {
    return vec2<u32>(to_half(v.x) | (to_half(v.y) << 16u), to_half(v.z) | (to_half(v.w) << 16u));
}

fn from_weights(w: Weights) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(w.x), unpack2x16float(w.y));
}

// The gates that a cell saves. Off by an ulp at most, as the device rounds; it may take a half below 2^-14
// for 0. What no half can hold, as the recurrent part of a GRU's n, becomes the largest. A NaN may become
// any number: the cell's state is one, and so is the loss.
fn to_gates(v: vec4<f32>) -> Saved {
    let half = clamp(v, vec4<f32>(-LARGEST_HALF), vec4<f32>(LARGEST_HALF));
    return vec2<u32>(pack2x16float(half.xy), pack2x16float(half.zw));
}

// The input part of the gates. Of the largest half a gate is as saturated as of more, unless the recurrent
// part is as large; a NaN stays one.
fn to_input(v: vec4<f32>) -> Saved {
    let is_nan = (bitcast<vec4<u32>>(v) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
    let nan = select(vec4<u32>(), vec4<u32>(HALF_NAN), is_nan);
    return to_gates(v) | nan.xz | (nan.yw << vec2<u32>(16u));
}

fn from_saved(s: Saved) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(s.x), unpack2x16float(s.y));
}

// To the nearest bf16, the upper half of an f32. If one of the four is a NaN, all become one.
fn to_deltas(v: vec4<f32>) -> Saved {
    let bits = bitcast<vec4<u32>>(v);
    let size = bits & vec4<u32>(0x7fffffffu);
    let largest = max(max(size.x, size.y), max(size.z, size.w));
    let rounded = select(bits + vec4<u32>(0x8000u), vec4<u32>(NAN), largest > 0x7f800000u);
    return (rounded.xz >> vec2<u32>(16u)) | (rounded.yw & vec2<u32>(0xffff0000u));
}

fn from_deltas(s: Saved) -> vec4<f32> {
    let low = s << vec2<u32>(16u);
    let high = s & vec2<u32>(0xffff0000u);
    return bitcast<vec4<f32>>(vec4<u32>(low.x, high.x, low.y, high.y));
}
