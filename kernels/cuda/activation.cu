// The gates' functions, as exact as the precision asks: see maths.cu.

#if PRECISION == 32

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + exp_clamped(-x)); }
// 1 - 2 / (1 + e^2x) would round small numbers to multiples of 6e-8.
__device__ __forceinline__ float tanh_(float x) {
    const float e = exp_minus_1(x + x);
    return e / (e + 2.0f);
}

#elif PRECISION == 19

// 2^x is infinite or 0 where it saturates, and so the quotient is 0 or 1.
__device__ __forceinline__ float sigmoid(float x) {
    return intrinsics::reciprocal_approximate(1.0f + intrinsics::exp2_approximate(x * -1.44269504f));
}
// Below 1e-3 tanh(x) is x to 3e-7 of itself, and the quotient's error would be more than what products round.
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
