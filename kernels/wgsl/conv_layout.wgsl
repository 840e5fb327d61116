// Index arithmetic of a convolution block's buffers. A dispatch works on some models and some time steps.
// Bound are the steps of x and dx from `x_first` on, and those of y, argmax and dy from `y_first` on. Tap j
// of a row is j * B * C elements further on.

// Of a row, a tap or an output that is not there.
const NONE = 0xffffffffu;

// Start of the C channels of (M, T, B, C).
fn x_at(m: u32, t: u32, b: u32) -> u32 {
    return ((m * p.steps + t - p.x_first) * p.batch + b) * p.input + p.x_base;
}

// Start of the F filters of (M, T', B, F).
fn y_at(m: u32, t: u32, b: u32) -> u32 {
    return ((m * p.out_steps + t - p.y_first) * p.batch + b) * p.filters + p.y_base;
}

// Steps of a row in y.
fn out_length(m: u32, b: u32) -> u32 {
    let length = length_of(m, b) + 1u;
    return select(0u, (length - p.kernel) / 2u, length > p.kernel);
}
