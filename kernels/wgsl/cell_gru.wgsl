// GRU (Cho et al. 2014) with the reset gate after the recurrent product, as in cuDNN; gates r, z, n. Mirrors
// src/reference/cell.rs. The fourth value of a unit is the recurrent part of n: its bias before the GEMM, all
// of it in the saved gates, its gradient in the deltas.

alias Gates = vec3<f32>;

struct State { h: f32, c: f32 }
struct Forward { state: State, saved: vec4<f32> }
struct Backward { deltas: vec4<f32>, previous: State }

// The weights of the gates among the four packed weights of a unit; the gradients by the recurrent parts and
// by the input parts of the gates among its four deltas.
fn real_weights(v: vec4<f32>) -> Gates { return v.xyz; }
fn recurrent_part(v: vec4<f32>) -> Gates { return v.xyw; }
fn input_part(v: vec4<f32>) -> Gates { return v.xyz; }

// Gates as a whole vector, and back.
fn widened(a: Gates) -> vec4<f32> { return vec4<f32>(a, 0.0); }
fn gates_of(v: vec4<f32>) -> Gates { return v.xyz; }

fn total(a: Gates) -> f32 { return (a.x + a.y) + a.z; }

// The sum of the gates' products, after `sum`.
fn add_products(a: Gates, b: Gates, sum: f32) -> f32 {
    return fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum)));
}

// `x` is the input part of the gates with the biases of r, z and both of n's. A NaN in a gate makes the whole
// cell one.
fn cell_forward(x: vec4<f32>, recurrent: Gates, previous: State) -> Forward {
    let a_r = x.x + recurrent.x;
    let a_z = x.y + recurrent.y;
    let recurrent_n = x.w + recurrent.z;
    let r = sigmoid(a_r);
    let z = sigmoid(a_z);
    let a_n = fma(r, recurrent_n, x.z);
    let n = or_nan(tanh_(a_n), most_bits(vec4<f32>(a_r, a_z, a_n, 0.0)));
    let h = fma(z, previous.h, (1.0 - z) * n);
    return Forward(State(h, 0.0), vec4<f32>(r, z, n, recurrent_n));
}

// `d` is the gradient by the new state; `previous` of the result lacks the part that flows through the
// recurrent GEMM. What no later step changes is multiplied first.
fn cell_backward(saved: vec4<f32>, c: f32, previous: State, d: State) -> Backward {
    let r = saved.x;
    let z = saved.y;
    let n = saved.z;
    let d_n = d.h * ((1.0 - z) * fma(-n, n, 1.0));
    let d_r = d_n * (saved.w * fma(-r, r, r));
    let d_z = d.h * ((previous.h - n) * fma(-z, z, z));
    return Backward(vec4<f32>(d_r, d_z, d_n, d_n * r), State(d.h * z, 0.0));
}
