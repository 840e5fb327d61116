// Functions whose error in a driver may exceed our bound, made of sums, products and one division: WGSL
// allows `tanh` an error of far more than 2e-7, and `log` near 1 one of 5e-7. Comparisons that must see a NaN
// are made on bits, because WGSL lets a compiler assume that there is no NaN.

fn is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
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

fn sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp_clamped(-x));
}

// 1 - 2 / (1 + e^2|x|), and below 0.11, where that would round small numbers to multiples of 6e-8, x + c1 x^3
// + c2 x^5 by least squares. Off by at most 1.6e-7, and by 7e-8 of itself below, also where a device's
// reciprocal is off by an ulp.
fn tanh_(x: f32) -> f32 {
    let a = abs(x);
    let far = 1.0 - 2.0 / (1.0 + exp_clamped(a + a));
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
