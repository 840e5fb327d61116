// How an invocation of a persistent time loop holds halves in registers where there is room: as f32,
// converted before the loop. `zero` keeps the compiler from converting them in the loop all the same, by
// multiply-adds that take halves: AMD's do not run in pairs, as those of f32 do.

alias Held = vec4<f32>;

fn hold(w: Weights) -> Held {
    return bitcast<vec4<f32>>(bitcast<vec4<u32>>(from_weights(w)) + vec4<u32>(p.zero));
}

fn held(h: Held) -> vec4<f32> { return h; }
