// CUDA C++ on the host, where threads are fibers. It is included before a kernel's text, which is then plain
// C++.
//
// The threads of a cluster of blocks, mostly of one, run one at a time, on one thread of the CPU. They switch
// only where they wait for one another: at a barrier of the block or of the cluster, at an exchange among the
// 32 lanes of a warp, or at a barrier in shared memory.

#pragma once
#include <math.h>
#include <stddef.h>
#include <string.h>

#define CUDA_ON_HOST 1
#define __global__
#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) alignas(n)
#define __cluster_dims__(...)

struct uint3 {
    unsigned x, y, z;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

inline unsigned __float_as_uint(float x) {
    unsigned bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
inline float __uint_as_float(unsigned bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
inline unsigned __umulhi(unsigned x, unsigned y) { return (unsigned)((unsigned long long)x * y >> 32); }

namespace host {

// The indices of a thread, and the sizes of its launch.
struct Place {
    uint3 thread, block, blocks, threads;
};
extern thread_local const Place* place;

// Waits for all threads of the block at this line.
void barrier(int line);
// The shared memory of one declaration. Every byte is 0xff, which is a NaN in f32 and bf16. Each array is its
// own heap allocation, so that a sanitizer sees its bounds.
void* shared(const void* declaration, size_t bytes);
// Every lane of the warp passes `bytes` bytes and gets those of all lanes, in order. They are valid until the
// lane's second next exchange. It is an error if lanes meet at different `site`s.
const void* exchange(const void* mine, size_t bytes, int site);

// Waits for all threads of the cluster.
void cluster_barrier();
// A barrier in shared memory. A phase ends when all threads of it have arrived, and all bytes have come that
// they have announced; what was stored before is then seen by those that wait for it. Phases count from 0.
struct Barrier {
    unsigned short phase, threads, pending;
    short bytes; // in units of 16: announced, less those that have come
};
void begin_phases(Barrier* barrier, unsigned threads);
void arrive(Barrier* barrier, unsigned bytes);
void bytes_came(Barrier* barrier, unsigned bytes);
// Waits until the phase of this parity has ended.
void wait_for_phase(Barrier* barrier, unsigned parity);
// The address in the shared memory of block `rank` of the cluster of what `own` points to in this block's.
void* of_block(unsigned rank, void* own);

inline unsigned lane() { return place->thread.x % 32; }

template <class T> const T* exchange(const T& mine, int site) {
    static_assert(sizeof(T) <= 64, "an exchange takes at most 64 bytes of a lane");
    return (const T*)exchange(&mine, sizeof(T), site);
}

struct Launch {
    unsigned blocks[3], threads;
    unsigned cluster; // blocks in x of a cluster
    // The order of threads and blocks: 0 forward, 1 reversed, else the seed of a shuffle.
    unsigned order;
};
// Runs a kernel. Returns false, with the reason in `message`, if its threads did what CUDA forbids.
bool launch(const Launch& launch, void (*kernel)(const void*), const void* arguments, char* message, size_t capacity);

} // namespace host

#define threadIdx (host::place->thread)
#define blockIdx (host::place->block)
#define blockDim (host::place->threads)
#define gridDim (host::place->blocks)
#define __syncthreads() host::barrier(__LINE__)
#define SHARED(type, name, count)                                                                                                    \
    static const char name##_declaration = 0;                                                                                        \
    type* name = (type*)host::shared(&name##_declaration, sizeof(type) * (count))
