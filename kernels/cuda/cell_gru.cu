// GRU (Cho et al. 2014) with the reset gate after the recurrent product, as in cuDNN; gates r, z, n. Mirrors
// src/reference/cell.rs. The fourth number of a unit is the recurrent part of n: its bias before the product, the whole of
// it in what is kept, its gradient after backward.

#define GATES 3
#define STATES 1

struct State {
    float h, c;
};

// Of a unit's four numbers, the one that the recurrent part of gate `gate` belongs to.
__device__ __forceinline__ constexpr int recurrent_slot(int gate) { return gate == 2 ? 3 : gate; }

// `a`: both parts of r and z, the input part of n, its recurrent part; becomes r, z, n and the recurrent part of n.
__device__ __forceinline__ State cell_forward(float a[4], State previous) {
    a[0] = sigmoid(a[0]);
    a[1] = sigmoid(a[1]);
    a[2] = tanh_(fmaf(a[0], a[3], a[2]));
    return State{fmaf(a[1], previous.h, (1.0f - a[1]) * a[2]), 0.0f};
}

// `kept`: r, z, n and the recurrent part of n; becomes the gradients by r, z, by the input and by the recurrent part of n.
// `d` is the gradient by the new state; the result lacks what flows through the recurrent product.
__device__ __forceinline__ State cell_backward(float kept[4], float, State previous, State d) {
    const float r = kept[0], z = kept[1], n = kept[2];
    const float d_n = d.h * (1.0f - z) * (1.0f - n * n);
    kept[0] = d_n * kept[3] * r * (1.0f - r);
    kept[1] = d.h * (previous.h - n) * z * (1.0f - z);
    kept[2] = d_n;
    kept[3] = d_n * r;
    return State{d.h * z, 0.0f};
}
