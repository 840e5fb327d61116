// LSTM (Hochreiter and Schmidhuber 1997, with forget gate); gates i, f, g, o. Mirrors src/reference/cell.rs.

#define GATES 4
#define STATES 2

struct State {
    float h, c;
};

// Of a unit's four numbers, the one that the recurrent part of gate `gate` belongs to.
__device__ __forceinline__ constexpr int recurrent_slot(int gate) { return gate; }

// `a`: both parts of i, f, g, o with all biases; becomes the gates.
__device__ __forceinline__ State cell_forward(float a[4], State previous) {
    a[0] = sigmoid(a[0]);
    a[1] = sigmoid(a[1]);
    a[2] = tanh_(a[2]);
    a[3] = sigmoid(a[3]);
    const float c = fmaf(a[1], previous.c, a[0] * a[2]);
    return State{a[3] * tanh_(c), c};
}

// `kept`: the gates; becomes the gradients by both parts of them. `d` is the gradient by the new state, whose cell state is
// `c`; the result lacks what flows through the recurrent product.
__device__ __forceinline__ State cell_backward(float kept[4], float c, State previous, State d) {
    const float i = kept[0], f = kept[1], g = kept[2], o = kept[3];
    const float tanh_c = tanh_(c);
    const float d_c = fmaf(d.h * o, 1.0f - tanh_c * tanh_c, d.c);
    kept[0] = d_c * g * i * (1.0f - i);
    kept[1] = d_c * previous.c * f * (1.0f - f);
    kept[2] = d_c * i * (1.0f - g * g);
    kept[3] = d.h * tanh_c * o * (1.0f - o);
    return State{0.0f, d_c * f};
}
