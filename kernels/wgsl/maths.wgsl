// Functions whose error in a driver may exceed our bound, made of sums, products and one division: WGSL
// allows `tanh` an error of far more than 2e-7, and `log` near 1 one of 5e-7. Comparisons that must see a NaN
// are made on bits, because WGSL lets a compiler assume that there is no NaN.

fn is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// The largest of the bits without signs: those of a NaN, if one is among the four.
fn most_bits(a: vec4<f32>) -> u32 {
    let bits = bitcast<vec4<u32>>(a) & vec4<u32>(0x7fffffffu);
    return max(max(bits.x, bits.y), max(bits.z, bits.w));
}

// `x`, or a NaN if `bits` are those of one.
fn or_nan(x: f32, bits: u32) -> f32 {
    return select(x, bitcast<f32>(bits), bits > 0x7f800000u);
}

fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) < 0x7f800000u;
}

// 2^n for whole n in -126..=127.
fn power_of_2(n: f32) -> f32 {
    return bitcast<f32>(u32(i32(n) + 127) << 23u);
}

// e^x, the argument clamped to |x| <= 87; polynomial of Cephes, expf. NaN stays NaN.
fn exp_clamped(x: f32) -> f32 {
    let y = clamp(x, -87.0, 87.0);
    let n = round(y * 1.44269504);
    let r = fma(n, 2.12194440e-4, fma(n, -0.693359375, y));
    var p = 1.9875691500e-4;
    p = fma(p, r, 1.3981999507e-3);
    p = fma(p, r, 8.3334519073e-3);
    p = fma(p, r, 4.1665795894e-2);
    p = fma(p, r, 1.6666665459e-1);
    p = fma(p, r, 5.0000001201e-1);
    let e = (fma(p, r * r, r) + 1.0) * power_of_2(n);
    return select(e, x, is_nan(x));
}

// 2^y, the argument clamped to |y| <= 126; minimax polynomial on |r| <= 1/2, off by 1e-7 of itself. A NaN
// becomes any number.
fn exp_2(y: f32) -> f32 {
    let z = clamp(y, -126.0, 126.0);
    let n = round(z);
    let r = z - n;
    var p = fma(1.5353362e-4, r, 1.3398874e-3);
    p = fma(p, r, 9.6184373e-3);
    p = fma(p, r, 5.5503324e-2);
    p = fma(p, r, 2.4022648e-1);
    p = fma(p, r, 6.9314720e-1);
    p = fma(p, r, 1.0);
    // The low bits of n + 1.5 * 2^23 are n: a conversion would be clamped.
    return bitcast<f32>(bitcast<u32>(p) + (bitcast<u32>(n + 12582912.0) << 23u));
}

// Rounding -x log2(e) changes e^-x by |x| 6e-8 of itself, and the sigmoid, by its slope, by 1.4e-8 at most.
// A NaN becomes any number: a cell looks for one once.
fn sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp_2(x * -1.44269504));
}

// (1 - e) / (1 + e) of e = e^-2|x|, and below 0.11, where that would round small numbers to multiples of
// 6e-8, x + c1 x^3 + c2 x^5 by least squares. Off by at most 1.9e-7, and by 7e-8 of itself below, also where
// a device's reciprocal is off by an ulp. A NaN becomes any number: a cell looks for one once.
fn tanh_(x: f32) -> f32 {
    let a = abs(x);
    let e = exp_2(a * -2.88539008);
    let far = (1.0 - e) * (1.0 / (1.0 + e));
    let square = x * x;
    let near = fma(a * square, fma(square, 0.13250623, -0.33333056), a);
    let y = select(far, near, a < 0.11);
    return select(y, -y, x < 0.0);
}

// ln(x) of a normal x > 0; polynomial of Cephes, logf. Anything else comes back as it is.
fn ln(x: f32) -> f32 {
    if (!is_finite(x) || x <= 0.0) {
        return x;
    }
    let bits = bitcast<u32>(x);
    var exponent = f32(i32(bits >> 23u) - 126);
    var m = bitcast<f32>((bits & 0x007fffffu) | 0x3f000000u); // in [0.5, 1)
    if (m < 0.70710678) {
        exponent -= 1.0;
        m += m;
    }
    let f = m - 1.0;
    var p = 7.0376836292e-2;
    p = fma(p, f, -1.1514610310e-1);
    p = fma(p, f, 1.1676998740e-1);
    p = fma(p, f, -1.2420140846e-1);
    p = fma(p, f, 1.4249322787e-1);
    p = fma(p, f, -1.6668057665e-1);
    p = fma(p, f, 2.0000714765e-1);
    p = fma(p, f, -2.4999993993e-1);
    p = fma(p, f, 3.3333331174e-1);
    let square = f * f;
    let tail = fma(exponent, -2.12194440e-4, fma(-0.5, square, p * f * square));
    return fma(exponent, 0.693359375, f + tail);
}
