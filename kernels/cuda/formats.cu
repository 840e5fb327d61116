// How numbers are stored. An operand is what a product multiplies; a word is what a register of a product holds: one number in
// fp32 and tf32, two neighbours in depth in bf16. `kept_t` is the format of what a layer keeps from pass to pass: the input's
// part of the gates, then the gates, then gradients, four numbers a unit.

#if PRECISION == 16

typedef unsigned short operand_t;
typedef unsigned short kept_t;
typedef uint2 Four; // four numbers as they are stored

#define PER_WORD 2 // operands of a word
#define DEPTH 16   // of one product of a warp

__device__ __forceinline__ operand_t to_operand(float x) { return (operand_t)prims::round_bf16(x); }
__device__ __forceinline__ unsigned to_word(float first, float second) {
    return prims::round_bf16(first) | prims::round_bf16(second) << 16;
}
__device__ __forceinline__ float from_kept(kept_t x) { return __uint_as_float((unsigned)x << 16); }
__device__ __forceinline__ kept_t to_kept(float x) { return (kept_t)prims::round_bf16(x); }
__device__ __forceinline__ Four to_four(const float v[4]) { return make_uint2(to_word(v[0], v[1]), to_word(v[2], v[3])); }
__device__ __forceinline__ void from_four(Four four, float v[4]) {
    v[0] = __uint_as_float(four.x << 16);
    v[1] = __uint_as_float(four.x & 0xffff0000u);
    v[2] = __uint_as_float(four.y << 16);
    v[3] = __uint_as_float(four.y & 0xffff0000u);
}
__device__ __forceinline__ Four no_four() { return make_uint2(0u, 0u); }
__device__ __forceinline__ void multiply_add(float d[4], const unsigned a[4], unsigned b0, unsigned b1) {
    prims::mma_bf16(d, a, b0, b1);
}

#else

typedef float operand_t;
typedef float kept_t;
typedef float4 Four;

#define PER_WORD 1
#define DEPTH 8

#if PRECISION == 19
__device__ __forceinline__ operand_t to_operand(float x) { return __uint_as_float(prims::round_tf32(x)); }
#else
__device__ __forceinline__ operand_t to_operand(float x) { return x; }
#endif
// The second number belongs to another word.
__device__ __forceinline__ unsigned to_word(float first, float) { return __float_as_uint(to_operand(first)); }
__device__ __forceinline__ float from_kept(kept_t x) { return x; }
__device__ __forceinline__ kept_t to_kept(float x) { return x; }
__device__ __forceinline__ Four to_four(const float v[4]) { return make_float4(v[0], v[1], v[2], v[3]); }
__device__ __forceinline__ void from_four(Four four, float v[4]) {
    v[0] = four.x;
    v[1] = four.y;
    v[2] = four.z;
    v[3] = four.w;
}
__device__ __forceinline__ Four no_four() { return make_float4(0.0f, 0.0f, 0.0f, 0.0f); }
#if PRECISION == 19
__device__ __forceinline__ void multiply_add(float d[4], const unsigned a[4], unsigned b0, unsigned b1) {
    prims::mma_tf32(d, a, b0, b1);
}
#endif

#endif

__device__ __forceinline__ float number(const float* from, size_t i) { return from[i]; }
#if PRECISION == 16
__device__ __forceinline__ float number(const kept_t* from, size_t i) { return from_kept(from[i]); }
#endif
__device__ __forceinline__ void put(float* to, size_t i, float x) { to[i] = x; }
#if PRECISION == 16
__device__ __forceinline__ void put(kept_t* to, size_t i, float x) { to[i] = to_kept(x); }
#endif
