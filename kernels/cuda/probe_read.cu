// Read bandwidth of a cache level or of global memory: each thread reads `count` times four vectors of four
// elements. All blocks together go around a ring of `len` vectors, a power of two.

extern "C" __global__ void __launch_bounds__(THREADS) probe_read(const __grid_constant__ Arguments a) {
    const unsigned thread = blockIdx.x * THREADS + threadIdx.x, all = gridDim.x * THREADS;
    float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    for (unsigned n = 0; n < a.count; n++) {
#pragma unroll
        for (unsigned i = 0; i < 4; i++) {
            const float4 read = a.from[(thread + (4 * n + i) * all) & (a.len - 1)];
            sum.x += read.x;
            sum.y += read.y;
            sum.z += read.z;
            sum.w += read.w;
        }
    }
    a.result[thread] = (sum.x + sum.y) + (sum.z + sum.w);
}
