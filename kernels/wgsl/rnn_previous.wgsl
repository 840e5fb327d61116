// The states of the forward pass that the backward kernels need: the cell states of the LSTM, the hidden
// states of the GRU. `states` holds those of the cell.

// The cell state after the step whose numbers begin `here`.
fn own_state(here: u32) -> f32 {
    return select(0.0, states[here], p.states == 2u);
}

// The state before step t.
fn previous_state(m: u32, t: u32, b: u32, dir: u32, unit: u32, length: u32, h_at: u32, c_at: u32) -> State {
    if (is_start(dir, t, length)) {
        if (p.has_initial == 0u) {
            return State(0.0, 0.0);
        }
        return State(initial[h_at], initial[c_at]);
    }
    let value = states[at(m, step_before(dir, t), b, dir) + unit];
    return State(value, value);
}
