// How a recurrent layer of the precision fp32 stores the four weights of a unit, and the four numbers that it
// keeps of a unit and step: first the input part of the gates, then the gates, then their gradients.

alias Weights = vec4<f32>;
alias Saved = vec4<f32>;

fn to_weights(v: vec4<f32>) -> Weights { return v; }
fn from_weights(w: Weights) -> vec4<f32> { return w; }

fn to_input(v: vec4<f32>) -> Saved { return v; }
fn to_gates(v: vec4<f32>) -> Saved { return v; }
fn from_saved(s: Saved) -> vec4<f32> { return s; }

fn to_deltas(v: vec4<f32>) -> Saved { return v; }
fn from_deltas(s: Saved) -> vec4<f32> { return s; }
