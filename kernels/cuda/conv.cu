// What the kernels of a convolution block share. z is what the filters give, before ReLU and pooling: steps 2t and 2t + 1 of it
// make step t of y. A filter's numbers are taken tap by tap, (k, C), which are side by side in x.

// Whether a row of `length` steps has z at `step`: both steps of a pooled one, or none.
__device__ __forceinline__ bool has_step(unsigned step, unsigned kernel, unsigned length) {
    return (step | 1u) + kernel <= length;
}

// The gradient by z at `step`, of the gradient by what was pooled: that, at the step that won.
__device__ __forceinline__ float unpooled(float signed_y, float dy, unsigned step) {
    const bool is_argmax = step % 2 == 0 ? signed_y > 0.0f : signed_y < 0.0f;
    return is_argmax ? dy : 0.0f;
}
