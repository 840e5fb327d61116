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

fn total(a: Gates) -> f32 { return (a.x + a.y) + (a.z + a.w); }

// `x` is the input part of the gates with both biases.
fn cell_forward(x: vec4<f32>, recurrent: Gates, previous: State) -> Forward {
    let a = x + recurrent;
    let i = sigmoid(a.x);
    let f = sigmoid(a.y);
    let g = tanh_(a.z);
    let o = sigmoid(a.w);
    let c = fma(f, previous.c, i * g);
    return Forward(State(o * tanh_(c), c), vec4<f32>(i, f, g, o));
}

// `d` is the gradient by the new state; `previous` of the result lacks the part that flows through the
// recurrent GEMM.
fn cell_backward(saved: vec4<f32>, c: f32, previous: State, d: State) -> Backward {
    let i = saved.x;
    let f = saved.y;
    let g = saved.z;
    let o = saved.w;
    let tanh_c = tanh_(c);
    let d_c = fma(d.h * o, 1.0 - tanh_c * tanh_c, d.c);
    let deltas = vec4<f32>(
        d_c * g * i * (1.0 - i),
        d_c * previous.c * f * (1.0 - f),
        d_c * i * (1.0 - g * g),
        d.h * tanh_c * o * (1.0 - o),
    );
    return Backward(deltas, State(0.0, d_c * f));
}
