// What the kernels of a convolution block share. z is what the filters give, before ReLU and pooling: steps 2t and 2t + 1 of it
// make step t of y. A filter's numbers are taken tap by tap, (k, C), which are side by side in x.

// Whether a row of `length` steps has z at `step`: both steps of a pooled one, or none.
__device__ __forceinline__ bool has_step(unsigned step, unsigned kernel, unsigned length) {
    return (step | 1u) + kernel <= length;
}

// The gradient by z at `step`, of the gradient by what was pooled: that, at the step that won.
__device__ __forceinline__ float unpooled(float winner, float dy, unsigned step) {
    const bool has_won = step % 2 == 0 ? winner > 0.0f : winner < 0.0f;
    return has_won ? dy : 0.0f;
}
