// Rows of unequal length, for kernels that bind `lengths` (M, B).

fn length_of(m: u32, b: u32) -> u32 {
    return lengths[m * p.batch + b + p.lengths_base];
}

// Whether step t is the first that direction `dir` of a row of `length` steps takes.
fn is_start(dir: u32, t: u32, length: u32) -> bool {
    return select(t == 0u, t + 1u == length, dir == 1u);
}

// The step before t in the order of direction `dir`; t must not be its first.
fn step_before(dir: u32, t: u32) -> u32 {
    return select(t - 1u, t + 1u, dir == 1u);
}
