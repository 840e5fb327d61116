// Where things are in the buffers of a recurrent layer. A dispatch works on some models and some steps; what
// is bound of a buffer with a time axis is the `steps` steps from `first` on.

// The steps [x, y) that direction `dir` runs in this dispatch.
fn dispatch_steps(dir: u32) -> vec2<u32> {
    return select(vec2<u32>(p.from_0, p.to_0), vec2<u32>(p.from_1, p.to_1), dir == 1u);
}

// Start of the H units of (M, T, B, dirs, H): y, dy, cell states.
fn at(m: u32, t: u32, b: u32, dir: u32) -> u32 {
    return (((m * p.steps + t - p.first) * p.batch + b) * p.dirs + dir) * p.hidden + p.y_base;
}

// The same for four numbers a unit, where inference holds no more than the steps of this dispatch.
fn gates_at(m: u32, t: u32, b: u32, dir: u32) -> u32 {
    let first = select(p.gates_first_0, p.gates_first_1, dir == 1u);
    return (((m * p.gates_steps + t - first) * p.batch + b) * p.dirs + dir) * p.hidden + p.gates_base;
}

// Start of the H units of state vector `s` (0: h, 1: c) in (M, S, dirs, B, H).
fn state_at(m: u32, s: u32, dir: u32, b: u32) -> u32 {
    return (((m * p.states + s) * p.dirs + dir) * p.batch + b) * p.hidden + p.state_base;
}

// Start of the D features of (M, T, B, D).
fn x_at(m: u32, t: u32, b: u32) -> u32 {
    return ((m * p.steps + t - p.first) * p.batch + b) * p.input + p.x_base;
}

// Of packed weights, forward: D rows (padded) of W_ih, H rows (padded) of W_hh, a row of biases; each row H
// units of four gates.
fn pack_at(m: u32, dir: u32) -> u32 {
    return (m * p.dirs + dir) * p.pack_len;
}

// Of packed weights, backward: per unit of the layer (padded) the H columns of W_hh, then per unit the D
// columns of W_ih.
fn back_at(m: u32, dir: u32) -> u32 {
    return (m * p.dirs + dir) * p.back_len;
}
