// Functions that the kernels of a convolution block share. z is the output of the filters before ReLU and
// pooling: time steps 2t and 2t + 1 of z make step t of y. The sums over a filter go tap by tap, (k, C): the
// C inputs of a tap are contiguous in x.

// Whether a row of `length` time steps has z at `step`. Either both steps of a pooled step exist, or none
// does.
__device__ __forceinline__ bool has_step(unsigned step, unsigned kernel, unsigned length) {
    return (step | 1u) + kernel <= length;
}

// The gradient by z at `step`: the gradient by y at the argmax, and 0 at the other step of the pair.
__device__ __forceinline__ float unpooled(float signed_y, float dy, unsigned step) {
    const bool is_argmax = step % 2 == 0 ? signed_y > 0.0f : signed_y < 0.0f;
    return is_argmax ? dy : 0.0f;
}
