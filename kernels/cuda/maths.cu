// Elementary functions. PRECISION is the number of sign, exponent and mantissa bits of an mma operand: 32
// (fp32), 19 (tf32) or 16 (bf16).
//
// fp32: additions, multiplications and one division, with the same bits on every device and errors of at most
// 2e-7. tf32 and bf16: the special function unit, with errors of at most 4e-7 and 2^-11, far below the
// rounding of the operands.

__device__ __forceinline__ bool is_nan(float x) { return (__float_as_uint(x) & 0x7fffffffu) > 0x7f800000u; }
__device__ __forceinline__ bool is_finite(float x) { return (__float_as_uint(x) & 0x7fffffffu) < 0x7f800000u; }

// e^x = power (1 + q), where power is 2^n and |q| < 0.42.
struct Exponential {
    float q, power;
};

// The argument is clamped to |x| <= 87; the polynomial is that of Cephes' expf. NaN gives a finite result,
// which the callers replace.
__device__ __forceinline__ Exponential exp_parts(float x) {
    const float y = fminf(fmaxf(x, -87.0f), 87.0f);
    const float n = rintf(y * 1.44269504f);
    const float r = fmaf(n, 2.12194440e-4f, fmaf(n, -0.693359375f, y));
    float p = 1.9875691500e-4f;
    p = fmaf(p, r, 1.3981999507e-3f);
    p = fmaf(p, r, 8.3334519073e-3f);
    p = fmaf(p, r, 4.1665795894e-2f);
    p = fmaf(p, r, 1.6666665459e-1f);
    p = fmaf(p, r, 5.0000001201e-1f);
    return {fmaf(p, r * r, r), __uint_as_float((unsigned)((int)n + 127) << 23)};
}

// e^x of the clamped argument. NaN stays NaN.
__device__ __forceinline__ float exp_clamped(float x) {
    const Exponential e = exp_parts(x);
    return is_nan(x) ? x : (e.q + 1.0f) * e.power;
}

// e^x - 1 of the clamped argument, with a small relative error near 0. NaN stays NaN.
__device__ __forceinline__ float exp_minus_1(float x) {
    const Exponential e = exp_parts(x);
    return is_nan(x) ? x : fmaf(e.q, e.power, e.power - 1.0f);
}

// ln(x) of a normal x > 0; the polynomial is that of Cephes' logf. Any other x is returned unchanged.
__device__ __forceinline__ float ln(float x) {
    if (!is_finite(x) || x <= 0.0f) {
        return x;
    }
    const unsigned bits = __float_as_uint(x);
    float exponent = (float)((int)(bits >> 23) - 126);
    float m = __uint_as_float((bits & 0x007fffffu) | 0x3f000000u); // in [0.5, 1)
    if (m < 0.70710678f) {
        exponent -= 1.0f;
        m += m;
    }
    const float f = m - 1.0f;
    float p = 7.0376836292e-2f;
    p = fmaf(p, f, -1.1514610310e-1f);
    p = fmaf(p, f, 1.1676998740e-1f);
    p = fmaf(p, f, -1.2420140846e-1f);
    p = fmaf(p, f, 1.4249322787e-1f);
    p = fmaf(p, f, -1.6668057665e-1f);
    p = fmaf(p, f, 2.0000714765e-1f);
    p = fmaf(p, f, -2.4999993993e-1f);
    p = fmaf(p, f, 3.3333331174e-1f);
    const float square = f * f;
    const float tail = fmaf(exponent, -2.12194440e-4f, fmaf(-0.5f, square, p * f * square));
    return fmaf(exponent, 0.693359375f, f + tail);
}
