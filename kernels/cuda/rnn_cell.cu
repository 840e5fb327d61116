// The place of a lane's first cell in the tensors of a layer.

struct Place {
    unsigned unit, row;

    // The index of the first cell in a tensor (M, T, B, dirs, H).
    __device__ __forceinline__ size_t element(unsigned m, unsigned t, unsigned dir, unsigned steps, unsigned batch, unsigned dirs, unsigned hidden) const {
        return ((((size_t)m * steps + t) * batch + row) * dirs + dir) * hidden + unit;
    }

    // The index of the first cell's h in a tensor of states (M, S, dirs, B, H).
    __device__ __forceinline__ size_t state(unsigned m, unsigned dir, unsigned dirs, unsigned batch, unsigned hidden) const {
        return (((size_t)m * STATES * dirs + dir) * batch + row) * hidden + unit;
    }
};
