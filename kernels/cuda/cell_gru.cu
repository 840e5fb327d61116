// GRU (Cho et al. 2014) with the reset gate after the recurrent GEMM, as in cuDNN; gates r, z, n. It mirrors
// src/reference/cell.rs. The fourth element of a unit's packed gates is the recurrent part of n: its bias
// before the GEMM, the whole of it where the gates are saved, and its gradient after backward.

#define GATES 3
#define STATES 1

struct State {
    float h, c;
};

// The slot of a unit's four packed gates that the recurrent part of gate `gate` belongs to.
__device__ __forceinline__ constexpr int recurrent_slot(int gate) { return gate == 2 ? 3 : gate; }

// In: `a` holds both parts of r and z, the input part of n, the recurrent part of n. Out: r, z, n, and the
// recurrent part of n.
__device__ __forceinline__ State cell_forward(float a[4], State previous) {
    a[0] = sigmoid(a[0]);
    a[1] = sigmoid(a[1]);
    a[2] = tanh_(fmaf(a[0], a[3], a[2]));
    return State{fmaf(a[1], previous.h, (1.0f - a[1]) * a[2]), 0.0f};
}

// In: `saved` holds r, z, n and the recurrent part of n. Out: the gradients by r, z, the input part of n and
// the recurrent part of n. `d` is the gradient by the new state. The result is the gradient by the previous
// state without the term from the recurrent GEMM.
__device__ __forceinline__ State cell_backward(float saved[4], float, State previous, State d) {
    const float r = saved[0], z = saved[1], n = saved[2];
    const float d_n = d.h * (1.0f - z) * (1.0f - n * n);
    saved[0] = d_n * saved[3] * r * (1.0f - r);
    saved[1] = d.h * (previous.h - n) * z * (1.0f - z);
    saved[2] = d_n;
    saved[3] = d_n * r;
    return State{d.h * z, 0.0f};
}
