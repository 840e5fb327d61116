// What the drivers' own functions may get wrong by more than our bound, made of sums, products and one division: WGSL lets
// `tanh` be off by far more than 2e-7, and `log` near 1 by 5e-7. Comparisons are made on bits where a NaN must not get lost:
// WGSL lets a compiler assume that there is none.

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

// e^x = power (1 + q), power being 2^n and |q| < 0.42.
struct Exponential {
    q: f32,
    power: f32,
}

// The argument clamped to |x| <= 87; polynomial of Cephes, expf. NaN gives a number: see below.
fn exp_parts(x: f32) -> Exponential {
    let y = clamp(x, -87.0, 87.0);
    let n = round(y * 1.44269504);
    let r = fma(n, 2.12194440e-4, fma(n, -0.693359375, y));
    var p = 1.9875691500e-4;
    p = fma(p, r, 1.3981999507e-3);
    p = fma(p, r, 8.3334519073e-3);
    p = fma(p, r, 4.1665795894e-2);
    p = fma(p, r, 1.6666665459e-1);
    p = fma(p, r, 5.0000001201e-1);
    return Exponential(fma(p, r * r, r), power_of_2(n));
}

// e^x of the clamped argument. NaN stays NaN.
fn exp_clamped(x: f32) -> f32 {
    let e = exp_parts(x);
    return select((e.q + 1.0) * e.power, x, is_nan(x));
}

// e^x - 1 of the clamped argument, relatively exact where it is small. NaN stays NaN.
fn exp_minus_1(x: f32) -> f32 {
    let e = exp_parts(x);
    return select(fma(e.q, e.power, e.power - 1.0), x, is_nan(x));
}

fn sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp_clamped(-x));
}

// 1 - 2 / (1 + e^2x) would round small numbers to multiples of 6e-8, and miss the bound where a division is an ulp off.
fn tangent(x: f32) -> f32 {
    let e = exp_minus_1(x + x);
    return e / (e + 2.0);
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
