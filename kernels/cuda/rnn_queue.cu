// The loads and stores of a time loop: the cells of a lane in the tensors of a layer. The file before this
// one says which cells a lane has.

// Two neighbors in memory, which one instruction loads or stores.
template <class T> struct alignas(2 * sizeof(T)) Pair {
    T first, second;
};

// A queue in shared memory of what the lane's cells have in the next AHEAD time steps of a tensor (.., H). L2
// cache answers after 300 cycles and memory after 700, while a time step takes 300 to 2300. A lane takes only
// what it has copied itself, so that no barrier is needed.
#define QUEUE_LENGTH (AHEAD * CELLS * THREADS)

template <class T> struct Queue {
    T* all; // (AHEAD, CELLS, THREADS), with PAIRS (AHEAD, LANE_ROWS, THREADS, 2)

    // Where cell j has its place for step number `step`.
    __device__ __forceinline__ T* place(unsigned step, int j) const {
#if PAIRS
        return all + ((step % AHEAD * LANE_ROWS + row_of(j)) * THREADS + threadIdx.x) * 2 + unit_of(j);
#else
        return all + (step % AHEAD * CELLS + j) * THREADS + threadIdx.x;
#endif
    }

    // Sets what `take` gives for cells that do not exist, or for all cells.
    __device__ __forceinline__ void fill(T value, const Lane& lane, bool for_all) const {
#pragma unroll
        for (int step = 0; step < AHEAD; step++) {
#pragma unroll
            for (int j = 0; j < CELLS; j++) {
                if (for_all || !lane.exists[j]) {
                    *place(step, j) = value;
                }
            }
        }
    }

    // Copies what the cells that are `wanted` have in step number `step`, in the background. `at[r]` is where
    // the first cell of the lane's row r is. With PAIRS, the layer has both units of a lane or neither.
    __device__ __forceinline__ void copy(unsigned step, const T* const at[LANE_ROWS], long long offset, const bool wanted[CELLS]) const {
#if PAIRS
#pragma unroll
        for (int r = 0; r < 2; r++) {
            if (wanted[r]) {
                intrinsics::copy<2 * sizeof(T)>(place(step, r), at[r] + offset);
            }
        }
#else
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            if (wanted[j]) {
                intrinsics::copy<sizeof(T)>(place(step, j), at[row_of(j)] + offset + unit_of(j));
            }
        }
#endif
    }

    // Loads those of step number `step`, whose copies must have arrived.
    __device__ __forceinline__ void take(unsigned step, T to[CELLS]) const {
#if PAIRS
#pragma unroll
        for (int r = 0; r < 2; r++) {
            const Pair<T> pair = *(const Pair<T>*)place(step, r);
            to[r] = pair.first;
            to[r + 2] = pair.second;
        }
#else
#pragma unroll
        for (int j = 0; j < CELLS; j++) {
            to[j] = *place(step, j);
        }
#endif
    }
};

// Stores the elements of the lane's cells that are `wanted`.
template <class T>
__device__ __forceinline__ void store_cells(T* const at[LANE_ROWS], const T from[CELLS], const bool wanted[CELLS]) {
#if PAIRS
#pragma unroll
    for (int r = 0; r < 2; r++) {
        if (wanted[r]) {
            *(Pair<T>*)at[r] = Pair<T>{from[r], from[r + 2]};
        }
    }
#else
#pragma unroll
    for (int j = 0; j < CELLS; j++) {
        if (wanted[j]) {
            at[row_of(j)][unit_of(j)] = from[j];
        }
    }
#endif
}

__device__ __forceinline__ void load_fragment(unsigned to[4], uint4 from) {
    to[0] = from.x;
    to[1] = from.y;
    to[2] = from.z;
    to[3] = from.w;
}
