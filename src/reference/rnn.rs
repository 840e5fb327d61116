//! The recurrent layer, one row at a time.

use super::cell::{self, State};
use super::device::Reference;
use crate::error::Result;
use crate::ops::{
    Checked, Real, Rnn, RnnBackward, RnnBackwardOperands, RnnForward, RnnForwardOperands, RnnLoad,
    RnnLoadOperands, Runs,
};
use rayon::prelude::*;

/// `a . b`, in order.
fn dot<F: Real>(a: &[F], b: &[F]) -> F {
    a.iter().zip(b).fold(F::zero(), |sum, (&a, &b)| sum + a.product(b))
}

/// `(model, direction, row)` of every row, in order.
fn rows(s: &Rnn) -> Vec<(usize, usize, usize)> {
    let (dirs, batch) = (s.dirs, s.batch);
    (0..s.models * dirs * batch).map(|i| (i / (dirs * batch), i / batch % dirs, i % batch)).collect()
}

/// `(h, c)` of a row in a state buffer `(M, S, dirs, B, H)`; zero where there is no buffer or no `c`.
fn load_state<F: Real>(s: &Rnn, state: Option<&Vec<F>>, m: usize, dir: usize, b: usize) -> Vec<State<F>> {
    let read = |vector: usize, j: usize| match state {
        Some(state) if vector < s.cell.states() => state[s.state_at(m, vector, dir, b) + j],
        _ => F::zero(),
    };
    (0..s.hidden).map(|j| State { h: read(0, j), c: read(1, j) }).collect()
}

fn store_state<F: Real>(s: &Rnn, state: &mut [F], m: usize, dir: usize, b: usize, values: &[State<F>]) {
    for (j, value) in values.iter().enumerate() {
        for (vector, number) in [value.h, value.c].into_iter().enumerate().take(s.cell.states()) {
            state[s.state_at(m, vector, dir, b) + j] = number;
        }
    }
}

/// Both gate parts of unit `j`: `W_ih x + b_ih` and `W_hh h + b_hh`.
fn gate_parts<F: Real>(
    s: &Rnn,
    w: &[F],
    m: usize,
    dir: usize,
    j: usize,
    x: &[F],
    h: &[F],
) -> ([F; 4], [F; 4]) {
    let (mut wx, mut rh) = ([F::zero(); 4], [F::zero(); 4]);
    for g in 0..s.cell.gates() {
        let row = g * s.hidden + j;
        let w_ih = &w[s.weight_ih(m, dir) + row * s.input..][..s.input];
        let w_hh = &w[s.weight_hh(m, dir) + row * s.hidden..][..s.hidden];
        wx[g] = (w[s.bias_ih(m, dir) + row] + dot(w_ih, x)).saved();
        rh[g] = s.bias_hh(m, dir).map_or(F::zero(), |bias| w[bias + row]) + dot(w_hh, h);
    }
    (wx, rh)
}

impl<F: Real> Runs<RnnLoad> for Reference<F> {
    fn execute(&self, _: &Rnn, a: RnnLoadOperands<Self>, _: Checked) -> Result<()> {
        a.layer.memory.weights.clone_from(a.weights);
        Ok(())
    }
}

impl<F: Real> Runs<RnnForward> for Reference<F> {
    /// `h_s, c_s = cell(W_ih x_s + b_ih, W_hh h_{s-1} + b_hh, h_{s-1}, c_{s-1})` over the steps of every row.
    fn execute(&self, s: &Rnn, a: RnnForwardOperands<Self>, _: Checked) -> Result<()> {
        let saved = s.cell.saved();
        let results: Vec<_> = rows(s)
            .into_par_iter()
            .map(|(m, dir, b)| {
                let length = a.lengths[m * s.batch + b] as usize;
                let mut state = load_state(s, a.initial, m, dir, b);
                let mut steps = Vec::with_capacity(length);
                for step in 0..length {
                    let x = &a.x[s.x_at(m, s.step(dir, step, length), b)..][..s.input];
                    let h: Vec<F> = state.iter().map(|unit| unit.h).collect();
                    let mut reserve = vec![F::zero(); saved * s.hidden];
                    for (j, unit) in state.iter_mut().enumerate() {
                        let (wx, rh) = gate_parts(s, &a.layer.memory.weights, m, dir, j, x, &h);
                        let (next, values) = cell::forward(s.cell, wx, rh, *unit);
                        *unit = next;
                        for slot in 0..saved {
                            // CUDA does not round a cell state. The CPU does, and stays in the bound without.
                            let is_state = s.cell.states() == 2 && slot == s.cell.gates();
                            let value = if is_state { values[slot] } else { values[slot].saved() };
                            reserve[slot * s.hidden + j] = value;
                        }
                    }
                    steps.push((state.iter().map(|unit| unit.h).collect::<Vec<F>>(), reserve));
                }
                (state, steps)
            })
            .collect();

        a.y[..s.y_len()].fill(F::zero());
        for ((m, dir, b), (state, steps)) in rows(s).into_iter().zip(results) {
            store_state(s, a.last, m, dir, b, &state);
            for (step, (h, reserve)) in steps.iter().enumerate() {
                let t = s.step(dir, step, steps.len());
                a.y[s.y_at(m, dir, t, b)..][..s.hidden].copy_from_slice(h);
                if a.save {
                    let at = s.reserve_row(m, dir, t, b) * saved * s.hidden;
                    a.layer.memory.reserve[at..][..saved * s.hidden].copy_from_slice(reserve);
                }
            }
        }
        Ok(())
    }
}

/// The gradients of one row's backpropagation through time, before any sum over rows.
struct RowGradients<F> {
    d_initial: Vec<State<F>>,
    /// By step of the direction: `d_wx (G*H)`, `d_rh (G*H)`, `dx (D)`.
    steps: Vec<(Vec<F>, Vec<F>, Vec<F>)>,
}

fn row_backward<F: Real>(
    s: &Rnn,
    a: &RnnBackwardOperands<Reference<F>>,
    (m, dir, b): (usize, usize, usize),
) -> RowGradients<F> {
    let (gates, hidden) = (s.cell.gates(), s.hidden);
    let length = a.lengths[m * s.batch + b] as usize;
    let initial = load_state(s, a.initial, m, dir, b);
    let mut d = load_state(s, a.d_last, m, dir, b);
    let mut steps = Vec::with_capacity(length);
    for step in (0..length).rev() {
        let t = s.step(dir, step, length);
        let mut d_wx = vec![F::zero(); gates * hidden];
        let mut d_rh = vec![F::zero(); gates * hidden];
        for j in 0..hidden {
            if let Some(dy) = a.dy {
                d[j].h = d[j].h + dy[s.y_at(m, dir, t, b) + j];
            }
            let previous =
                if step == 0 { initial[j] } else { state_after(s, a, (m, dir, b), step - 1, length, j) };
            let gradients = cell::backward(s.cell, saved_at(s, a, (m, dir, b), t, j), previous, d[j]);
            for g in 0..gates {
                d_wx[g * hidden + j] = gradients.d_wx[g].saved_gradient();
                d_rh[g * hidden + j] = gradients.d_rh[g].saved_gradient();
            }
            d[j] = gradients.d_previous;
        }
        // dh_{s-1} += W_hh^T d_rh,  dx = W_ih^T d_wx
        let mut dx = vec![F::zero(); s.input];
        for row in 0..gates * hidden {
            for (k, unit) in d.iter_mut().enumerate() {
                unit.h = unit.h
                    + a.layer.memory.weights[s.weight_hh(m, dir) + row * hidden + k].product(d_rh[row]);
            }
            for (k, dx) in dx.iter_mut().enumerate() {
                *dx =
                    *dx + a.layer.memory.weights[s.weight_ih(m, dir) + row * s.input + k].product(d_wx[row]);
            }
        }
        steps.push((d_wx, d_rh, dx));
    }
    steps.reverse();
    RowGradients { d_initial: d, steps }
}

/// The values that forward saved of unit `j` at input step `t`.
fn saved_at<F: Real>(
    s: &Rnn,
    a: &RnnBackwardOperands<Reference<F>>,
    (m, dir, b): (usize, usize, usize),
    t: usize,
    j: usize,
) -> [F; 5] {
    let mut saved = [F::zero(); 5];
    for (slot, value) in saved.iter_mut().enumerate().take(s.cell.saved()) {
        *value = a.layer.memory.reserve[(s.reserve_row(m, dir, t, b) * s.cell.saved() + slot) * s.hidden + j];
    }
    saved
}

/// The state of unit `j` after step `step` of its direction.
fn state_after<F: Real>(
    s: &Rnn,
    a: &RnnBackwardOperands<Reference<F>>,
    row @ (m, dir, b): (usize, usize, usize),
    step: usize,
    length: usize,
    j: usize,
) -> State<F> {
    let t = s.step(dir, step, length);
    State { h: a.y[s.y_at(m, dir, t, b) + j], c: saved_at(s, a, row, t, j)[s.cell.gates()] }
}

impl<F: Real> Runs<RnnBackward> for Reference<F> {
    /// Backpropagation through time, then the weight gradients as sums over rows and steps.
    fn execute(&self, s: &Rnn, mut a: RnnBackwardOperands<Self>, _: Checked) -> Result<()> {
        let results: Vec<RowGradients<F>> =
            rows(s).into_par_iter().map(|row| row_backward(s, &a, row)).collect();

        if let Some(dx) = a.dx.as_deref_mut() {
            dx[..s.x_len()].fill(F::zero());
            for ((m, dir, b), row) in rows(s).into_iter().zip(&results) {
                for (step, (_, _, row_dx)) in row.steps.iter().enumerate() {
                    let at = s.x_at(m, s.step(dir, step, row.steps.len()), b);
                    for (k, value) in row_dx.iter().enumerate() {
                        dx[at + k] = dx[at + k] + *value;
                    }
                }
            }
        }
        if let Some(d_initial) = a.d_initial.as_deref_mut() {
            for ((m, dir, b), row) in rows(s).into_iter().zip(&results) {
                store_state(s, d_initial, m, dir, b, &row.d_initial);
            }
        }
        for (m, dir) in (0..s.models).flat_map(|m| (0..s.dirs).map(move |dir| (m, dir))) {
            let (start, hidden) = (s.weight_ih(m, dir), s.hidden);
            a.d_weights[start..start + s.direction_params()].fill(F::zero());
            for b in 0..s.batch {
                let row = &results[(m * s.dirs + dir) * s.batch + b];
                let mut h: Vec<F> = load_state(s, a.initial, m, dir, b).iter().map(|unit| unit.h).collect();
                for (step, (d_wx, d_rh, _)) in row.steps.iter().enumerate() {
                    let t = s.step(dir, step, row.steps.len());
                    let x = &a.x[s.x_at(m, t, b)..][..s.input];
                    for i in 0..d_wx.len() {
                        add_scaled(&mut a.d_weights[s.weight_ih(m, dir) + i * s.input..], d_wx[i], x);
                        add_scaled(&mut a.d_weights[s.weight_hh(m, dir) + i * hidden..], d_rh[i], &h);
                        add_scaled(&mut a.d_weights[s.bias_ih(m, dir) + i..], d_wx[i], &[F::one()]);
                        if let Some(bias_hh) = s.bias_hh(m, dir) {
                            add_scaled(&mut a.d_weights[bias_hh + i..], d_rh[i], &[F::one()]);
                        }
                    }
                    h.copy_from_slice(&a.y[s.y_at(m, dir, t, b)..][..hidden]);
                }
            }
        }
        Ok(())
    }
}

/// `out += scale * values`
fn add_scaled<F: Real>(out: &mut [F], scale: F, values: &[F]) {
    for (out, &value) in out.iter_mut().zip(values) {
        *out = *out + scale.outer(value);
    }
}
