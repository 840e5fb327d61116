// How an invocation of a persistent time loop holds weights in registers: as they are stored. Halves are
// converted in each step, and there is room for those of more units.

alias Held = Weights;

fn hold(w: Weights) -> Held { return w; }
fn held(h: Held) -> vec4<f32> { return from_weights(h); }
