// Storage formats. `operand_t` is the format of an mma operand. A word is one 32-bit register of an mma
// operand: one element in fp32 and tf32, two neighbors in depth in bf16. `saved_t` is the format of the gates
// that a layer saves for backward: first the input part of the gates, then the gates, then their gradients.
// `Gates4` is the four packed gates of one unit; `to_operands` packs four operands alike.

#if PRECISION == 16

typedef unsigned short operand_t;
typedef unsigned short saved_t;
typedef uint2 Gates4;

#define PER_WORD 2 // elements of a word
#define DEPTH 16   // depth (k) of one mma

__device__ __forceinline__ operand_t to_operand(float x) { return (operand_t)intrinsics::round_bf16(x); }
__device__ __forceinline__ unsigned to_word(float first, float second) {
    return intrinsics::round_bf16_pair(first, second);
}
__device__ __forceinline__ float from_saved(saved_t x) { return __uint_as_float((unsigned)x << 16); }
__device__ __forceinline__ saved_t to_saved(float x) { return (saved_t)intrinsics::round_bf16(x); }
__device__ __forceinline__ Gates4 to_gates(const float v[4]) { return make_uint2(to_word(v[0], v[1]), to_word(v[2], v[3])); }
__device__ __forceinline__ void from_gates(Gates4 gates, float v[4]) {
    v[0] = __uint_as_float(gates.x << 16);
    v[1] = __uint_as_float(gates.x & 0xffff0000u);
    v[2] = __uint_as_float(gates.y << 16);
    v[3] = __uint_as_float(gates.y & 0xffff0000u);
}
__device__ __forceinline__ Gates4 to_operands(const float v[4]) { return to_gates(v); }
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
// The second element belongs to another word.
__device__ __forceinline__ unsigned to_word(float first, float) { return __float_as_uint(to_operand(first)); }
__device__ __forceinline__ float from_saved(saved_t x) { return x; }
__device__ __forceinline__ saved_t to_saved(float x) { return x; }
__device__ __forceinline__ Gates4 to_gates(const float v[4]) { return make_float4(v[0], v[1], v[2], v[3]); }
__device__ __forceinline__ void from_gates(Gates4 gates, float v[4]) {
    v[0] = gates.x;
    v[1] = gates.y;
    v[2] = gates.z;
    v[3] = gates.w;
}
__device__ __forceinline__ Gates4 to_operands(const float v[4]) {
    return make_float4(to_operand(v[0]), to_operand(v[1]), to_operand(v[2]), to_operand(v[3]));
}
__device__ __forceinline__ Gates4 no_gates() { return make_float4(0.0f, 0.0f, 0.0f, 0.0f); }
#if PRECISION == 19
__device__ __forceinline__ void multiply_add(float d[4], const unsigned a[4], unsigned b0, unsigned b1) {
    intrinsics::mma_tf32(d, a, b0, b1);
}
#endif

#endif

// A group: 16 bytes of operands, GROUP neighbors.
#define GROUP (4 * PER_WORD)
__device__ __forceinline__ uint4 to_group(const float v[GROUP]) {
#if PRECISION == 16
    return make_uint4(to_word(v[0], v[1]), to_word(v[2], v[3]), to_word(v[4], v[5]), to_word(v[6], v[7]));
#else
    return make_uint4(to_word(v[0], 0.0f), to_word(v[1], 0.0f), to_word(v[2], 0.0f), to_word(v[3], 0.0f));
#endif
}

// A group of f32s from memory, `count` of which exist; the others are 0.
__device__ __forceinline__ void load_group(const float* from, unsigned count, bool is_aligned, float v[GROUP]) {
    if (is_aligned && count >= GROUP) {
#pragma unroll
        for (int e = 0; e < GROUP; e += 4) {
            const float4 four = *(const float4*)(from + e);
            v[e] = four.x, v[e + 1] = four.y, v[e + 2] = four.z, v[e + 3] = four.w;
        }
        return;
    }
#pragma unroll
    for (unsigned e = 0; e < GROUP; e++) {
        v[e] = e < count ? from[e] : 0.0f;
    }
}

__device__ __forceinline__ void store(float* to, size_t i, float x) { to[i] = x; }
#if PRECISION == 16
__device__ __forceinline__ void store(saved_t* to, size_t i, float x) { to[i] = to_saved(x); }
#endif
// Two neighbors, of which the first is at an even place.
__device__ __forceinline__ void store_pair(float* to, float first, float second) {
    *(uint2*)to = make_uint2(__float_as_uint(first), __float_as_uint(second));
}
