// LSTM (Hochreiter and Schmidhuber 1997, with forget gate); gates i, f, g, o. It mirrors
// src/reference/cell.rs.

#define GATES 4
#define STATES 2

struct State {
    float h, c;
};

// The slot of a unit's four packed gates that the recurrent part of gate `gate` belongs to.
__device__ __forceinline__ constexpr int recurrent_slot(int gate) { return gate; }

// In: `a` holds both parts of i, f, g, o with all biases. Out: the gates.
__device__ __forceinline__ State cell_forward(float a[4], State previous) {
    a[0] = sigmoid(a[0]);
    a[1] = sigmoid(a[1]);
    a[2] = tanh_(a[2]);
    a[3] = sigmoid(a[3]);
    const float c = fmaf(a[1], previous.c, a[0] * a[2]);
    return State{a[3] * tanh_(c), c};
}

// In: `saved` holds the gates. Out: the gradients by their pre-activations. `d` is the gradient by the new
// state, whose cell state is `c`. The result is the gradient by the previous state without the term from the
// recurrent GEMM.
__device__ __forceinline__ State cell_backward(float saved[4], float c, State previous, State d) {
    const float i = saved[0], f = saved[1], g = saved[2], o = saved[3];
    const float tanh_c = tanh_(c);
    const float d_c = fmaf(d.h * o, 1.0f - tanh_c * tanh_c, d.c);
    saved[0] = d_c * g * i * (1.0f - i);
    saved[1] = d_c * previous.c * f * (1.0f - f);
    saved[2] = d_c * i * (1.0f - g * g);
    saved[3] = d.h * tanh_c * o * (1.0f - o);
    return State{0.0f, d_c * f};
}
