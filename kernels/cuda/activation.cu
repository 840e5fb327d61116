// The activation functions of the gates. Their accuracy follows the precision: see maths.cu.

#if PRECISION == 32

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + exp_clamped(-x)); }
// 1 - 2 / (1 + e^2x) would round small results to multiples of 6e-8.
__device__ __forceinline__ float tanh_(float x) {
    const float e = exp_minus_1(x + x);
    return e / (e + 2.0f);
}

#elif PRECISION == 19

// Where 2^x overflows to infinity or underflows to 0, the quotient is 0 or 1.
__device__ __forceinline__ float sigmoid(float x) {
    return intrinsics::reciprocal_approximate(1.0f + intrinsics::exp2_approximate(x * -1.44269504f));
}
// For |x| < 1e-3, tanh(x) is x with a relative error of 3e-7. The quotient's relative error would exceed the
// rounding of the operands there.
__device__ __forceinline__ float tanh_(float x) {
    const float y = fmaf(-2.0f, intrinsics::reciprocal_approximate(1.0f + intrinsics::exp2_approximate(x * 2.88539008f)), 1.0f);
    return fabsf(x) < 1e-3f ? x : y;
}

#else

__device__ __forceinline__ float sigmoid(float x) {
    return fmaf(0.5f, intrinsics::tanh_approximate(0.5f * x), 0.5f);
}
__device__ __forceinline__ float tanh_(float x) { return intrinsics::tanh_approximate(x); }

#endif
