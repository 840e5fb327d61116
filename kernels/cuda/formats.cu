// How numbers are stored. An operand is what a product multiplies; a word is what a register of a product holds: one number in
// fp32 and tf32, two neighbors in depth in bf16. `saved_t` is the format of what a layer keeps from pass to pass: the input's
// part of the gates, then the gates, then gradients, four numbers a unit.

#if PRECISION == 16

typedef unsigned short operand_t;
typedef unsigned short saved_t;
typedef uint2 Gates4; // four numbers as they are stored

#define PER_WORD 2 // operands of a word
#define DEPTH 16   // of one product of a warp

__device__ __forceinline__ operand_t to_operand(float x) { return (operand_t)intrinsics::round_bf16(x); }
__device__ __forceinline__ unsigned to_word(float first, float second) {
    return intrinsics::round_bf16(first) | intrinsics::round_bf16(second) << 16;
}
__device__ __forceinline__ float from_saved(saved_t x) { return __uint_as_float((unsigned)x << 16); }
__device__ __forceinline__ saved_t to_saved(float x) { return (saved_t)intrinsics::round_bf16(x); }
__device__ __forceinline__ Gates4 to_gates(const float v[4]) { return make_uint2(to_word(v[0], v[1]), to_word(v[2], v[3])); }
__device__ __forceinline__ void from_gates(Gates4 four, float v[4]) {
    v[0] = __uint_as_float(four.x << 16);
    v[1] = __uint_as_float(four.x & 0xffff0000u);
    v[2] = __uint_as_float(four.y << 16);
    v[3] = __uint_as_float(four.y & 0xffff0000u);
}
__device__ __forceinline__ Gates4 no_gates() { return make_uint2(0u, 0u); }
__device__ __forceinline__ void multiply_add(float d[4], const unsigned a[4], unsigned b0, unsigned b1) {
    intrinsics::mma_bf16(d, a, b0, b1);
}

#else

typedef float operand_t;
typedef float saved_t;
typedef float4 Gates4;

#define PER_WORD 1
#define DEPTH 8

#if PRECISION == 19
__device__ __forceinline__ operand_t to_operand(float x) { return __uint_as_float(intrinsics::round_tf32(x)); }
#else
__device__ __forceinline__ operand_t to_operand(float x) { return x; }
#endif
// The second number belongs to another word.
__device__ __forceinline__ unsigned to_word(float first, float) { return __float_as_uint(to_operand(first)); }
__device__ __forceinline__ float from_saved(saved_t x) { return x; }
__device__ __forceinline__ saved_t to_saved(float x) { return x; }
__device__ __forceinline__ Gates4 to_gates(const float v[4]) { return make_float4(v[0], v[1], v[2], v[3]); }
__device__ __forceinline__ void from_gates(Gates4 four, float v[4]) {
    v[0] = four.x;
    v[1] = four.y;
    v[2] = four.z;
    v[3] = four.w;
}
__device__ __forceinline__ Gates4 no_gates() { return make_float4(0.0f, 0.0f, 0.0f, 0.0f); }
#if PRECISION == 19
__device__ __forceinline__ void multiply_add(float d[4], const unsigned a[4], unsigned b0, unsigned b1) {
    intrinsics::mma_tf32(d, a, b0, b1);
}
#endif

#endif

__device__ __forceinline__ float load(const float* from, size_t i) { return from[i]; }
#if PRECISION == 16
__device__ __forceinline__ float load(const saved_t* from, size_t i) { return from_saved(from[i]); }
#endif
__device__ __forceinline__ void store(float* to, size_t i, float x) { to[i] = x; }
#if PRECISION == 16
__device__ __forceinline__ void store(saved_t* to, size_t i, float x) { to[i] = to_saved(x); }
#endif
