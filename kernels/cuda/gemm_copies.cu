// The products of a tile whose operands are in memory as operands. Copies in the background (cp.async) bring
// chunks to shared memory, up to STAGES - 1 of them ahead, and take no registers.
//
//   begin the copies of chunks 0 to STAGES - 2
//   for each chunk of the depth:
//       wait for its copies; barrier        // then all warps have finished the chunk before
//       sums += (chunk of A) (chunk of B)   // and between the products begin, one by one,
//           the copies of the chunk STAGES - 1 further on, into the buffer of the chunk before

// Bytes of A that are copied at once.
#define A_BYTES (IS_ALIGNED || PER_WORD == 1 ? 16 : 8)
// Blocks at work on a multiprocessor at one time, at least: one computes while another waits.
#define BLOCKS (TILE_ROWS + TILE_COLUMNS == 256 ? 2 : TILE_ROWS + TILE_COLUMNS == 192 ? 3 : 4)
// Buffers, in the 48 KiB of shared memory that every block may have.
#define STAGES (TILE_ROWS + TILE_COLUMNS == 256 ? 3 : 4)

// The copies of an operand's chunks by one thread, one after the other. The operand is a matrix of `side`
// rows of A or columns of B, whose lines are `line` elements apart in memory. BYTES that are copied at once
// are all in the matrix, or none of them.
template <class C, int BYTES> struct Copies {
    static const int HALVES = 16 / BYTES, HALF = GROUP / HALVES; // of a group
    const unsigned place;  // the word of the first group in a chunk
    const operand_t* from; // the group that is copied
    const size_t step;     // elements from a group to the next of this thread
    const size_t back;     // elements from the last group of a chunk to the first of the next
    unsigned k;            // where the next chunk begins, and this thread in it
    const unsigned to;     // the end of the depth
    int lines[HALVES];     // of the next chunk, from this thread's first line, that exist
    const int side;        // the same if the whole depth did

    __device__ __forceinline__
    Copies(const operand_t* matrix, size_t line, unsigned start, unsigned side, unsigned k, unsigned to)
        : place(intrinsics::opaque(C::word(0))),
          from(matrix + (C::IS_K_MAJOR ? start + C::line(0) : k + C::line(0)) * line + (C::IS_K_MAJOR ? k : start) + C::along()),
          step(intrinsics::opaque(C::APART * line)),
          back(intrinsics::opaque(C::IS_K_MAJOR ? CHUNK - (C::GROUPS - 1) * step : step)), k(k + C::k_of(0)), to(to),
          side(intrinsics::opaque((int)side - (int)(start + C::i_of(0)))) {
        next_lines();
    }
    __device__ __forceinline__ void next_lines() {
#pragma unroll
        for (int h = 0; h < HALVES; h++) {
            const int left = (int)to - (int)k, more = h * HALF;
            lines[h] = C::IS_K_MAJOR ? (left > more ? side : 0) : side > more ? left : 0;
        }
    }
    // Begins the copies of group n, after those of the groups before.
    __device__ __forceinline__ void copy(unsigned* shared, int n) {
        from += n > 0 ? step : 0; // not after the copy: a register that it reads is free later
#pragma unroll
        for (int h = 0; h < HALVES; h++) {
            unsigned* half = shared + place + n * C::APART * C::LINE + h * BYTES / 4;
            intrinsics::copy_or_zero<BYTES>(half, from + h * HALF, n * C::APART < lines[h]);
        }
    }
    // Goes on to the next chunk.
    __device__ __forceinline__ void next() {
        from += back;
        k += CHUNK;
        next_lines();
    }
};

// Accumulates the tile over k in from..to, with which `a` and `b` were made.
template <class A, class B, int BYTES_A, int BYTES_B>
__device__ __forceinline__ void multiply(Copies<A, BYTES_A> a, Copies<B, BYTES_B> b, unsigned from, unsigned to, Sums sums) {
    const unsigned SIZE = A::SIZE + B::SIZE, END = STAGES * SIZE;
    SHARED(unsigned, stages, END);
    const First<A, B> first;
    // Begins copy n of the chunk at k, of A or B.
    static_assert(A::GROUPS + B::GROUPS <= PARTS, "each part of the products has at most one copy beside it");
    const auto copy = [&](unsigned stage, unsigned chunk, int n) {
        if (chunk < to && n < A::GROUPS) {
            a.copy(stages + stage, n);
        } else if (chunk < to && n < A::GROUPS + B::GROUPS) {
            b.copy(stages + stage + A::SIZE, n - A::GROUPS);
        }
    };
    const auto next = [&]() {
        intrinsics::end_copy_group();
        a.next();
        b.next();
    };
#pragma unroll
    for (unsigned s = 0; s < STAGES - 1; s++) {
#pragma unroll
        for (int n = 0; n < PARTS; n++) {
            copy(s * SIZE, from + s * CHUNK, n);
        }
        next();
    }
    unsigned now = 0, before = END - SIZE; // the stages of this chunk and of the one before
    for (unsigned k = from; k < to; k += CHUNK) {
        intrinsics::wait_copies<STAGES - 2>();
        __syncthreads();
        multiply_chunk<A, B>(stages, first, now, now + A::SIZE, sums, [&](int n) { copy(before, k + (STAGES - 1) * CHUNK, n); });
        next();
        before = now;
        now = now + SIZE == END ? 0 : now + SIZE;
    }
}
