// LSTM (Hochreiter and Schmidhuber 1997, with forget gate); gates i, f, g, o. Mirrors src/reference/cell.rs.

alias Gates = vec4<f32>;

struct State { h: f32, c: f32 }
struct Forward { state: State, saved: vec4<f32> }
struct Backward { deltas: vec4<f32>, previous: State }

// The weights of the gates among the four packed weights of a unit; the gradients by the recurrent parts and
// by the input parts of the gates among its four deltas.
fn real_weights(v: vec4<f32>) -> Gates { return v; }
fn recurrent_part(v: vec4<f32>) -> Gates { return v; }
fn input_part(v: vec4<f32>) -> Gates { return v; }

// Gates as a whole vector, and back.
fn widened(a: Gates) -> vec4<f32> { return a; }
fn gates_of(v: vec4<f32>) -> Gates { return v; }

fn total(a: Gates) -> f32 { return (a.x + a.y) + (a.z + a.w); }

// The sum of the gates' products, after `sum`.
fn add_products(a: Gates, b: Gates, sum: f32) -> f32 {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

// `x` is the input part of the gates with both biases. A NaN in a gate makes the whole cell one.
fn cell_forward(x: vec4<f32>, recurrent: Gates, previous: State) -> Forward {
    let a = x + recurrent;
    let i = sigmoid(a.x);
    let f = sigmoid(a.y);
    let g = tanh_(a.z);
    let o = sigmoid(a.w);
    let c = or_nan(fma(f, previous.c, i * g), most_bits(a));
    let h = select(o * tanh_(c), c, is_nan(c));
    return Forward(State(h, c), vec4<f32>(i, f, g, o));
}

// `d` is the gradient by the new state; `previous` of the result lacks the part that flows through the
// recurrent GEMM. What no later step changes is multiplied first: from step to step it is two products.
fn cell_backward(saved: vec4<f32>, c: f32, previous: State, d: State) -> Backward {
    let i = saved.x;
    let f = saved.y;
    let g = saved.z;
    let o = saved.w;
    let tanh_c = select(tanh_(c), c, is_nan(c));
    let d_c = fma(d.h * o, fma(-tanh_c, tanh_c, 1.0), d.c);
    let deltas = vec4<f32>(
        d_c * (g * fma(-i, i, i)),
        d_c * (previous.c * fma(-f, f, f)),
        d_c * (i * fma(-g, g, 1.0)),
        d.h * (tanh_c * fma(-o, o, o)),
    );
    return Backward(deltas, State(0.0, d_c * f));
}
