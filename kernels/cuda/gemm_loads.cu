// The products of a tile whose operands are loaded or computed one by one: the values of a convolution. They
// pass through registers, where they are rounded, into one of two buffers in shared memory.
//
//   fetch chunk 0 of A and B into registers; store it to buffer 0; barrier
//   buffer = 0
//   for each chunk of the depth:
//       fetch the next chunk into registers              // its loads are in flight during the arithmetic
//       sums += (chunk of A) (chunk of B) from `buffer`
//       store the next chunk to the other buffer; barrier
//
// A loader `load(i, k)` gives an element of an operand, 0 outside of the matrix.

// n / by for n < 2^31, from the factor and shift that `divisor` (splits.rs) computes from `by` (Granlund and
// Montgomery 1994). A division in a loader would cost as much as the arithmetic of the tile.
__device__ __forceinline__ unsigned quotient(unsigned n, unsigned factor, unsigned shift) {
    return (__umulhi(n, factor) + n) >> shift;
}

// The values of this thread's groups of a chunk, on their way to shared memory.
template <class C> struct Staged {
    float values[C::GROUPS][GROUP];

    template <class Load> __device__ __forceinline__ void fetch(const Load& load, unsigned start, unsigned k) {
#pragma unroll
        for (int n = 0; n < C::GROUPS; n++) {
#pragma unroll
            for (int e = 0; e < GROUP; e++) {
                values[n][e] = load(start + C::i_of(n) + (C::IS_K_MAJOR ? 0 : e), k + C::k_of(n) + (C::IS_K_MAJOR ? e : 0));
            }
        }
    }

    __device__ __forceinline__ void store(unsigned* shared) const {
#pragma unroll
        for (int n = 0; n < C::GROUPS; n++) {
            *(uint4*)(shared + C::word(n)) = to_group(values[n]);
        }
    }
};

// Accumulates the tile that begins at row `row` and column `column`, over k in from..to.
template <class A, class B, class LoadA, class LoadB>
__device__ __forceinline__ void multiply(
    const LoadA& load_a, const LoadB& load_b, unsigned row, unsigned column, unsigned from, unsigned to, Sums sums
) {
    SHARED(unsigned, buffers, 2 * (A::SIZE + B::SIZE));
    const First<A, B> first;
    Staged<A> staged_a;
    Staged<B> staged_b;
    staged_a.fetch(load_a, row, from);
    staged_b.fetch(load_b, column, from);
    staged_a.store(buffers);
    staged_b.store(buffers + A::SIZE);
    __syncthreads();
    unsigned buffer = 0, other = A::SIZE + B::SIZE;
    for (unsigned k = from; k < to; k += CHUNK) {
        const bool more = k + CHUNK < to;
        if (more) {
            staged_a.fetch(load_a, row, k + CHUNK);
            staged_b.fetch(load_b, column, k + CHUNK);
        }
        multiply_chunk<A, B>(buffers, first, buffer, buffer + A::SIZE, sums, [](int) {});
        const unsigned used = buffer;
        buffer = other;
        other = used;
        if (more) {
            staged_a.store(buffers + buffer);
            staged_b.store(buffers + buffer + A::SIZE);
            __syncthreads();
        }
    }
}
