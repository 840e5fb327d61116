//! The recurrent layer: one task owns a tile of batch rows of one model and direction and runs all its steps, with no
//! synchronisation, on weights packed once per call.

use super::cell::{Gru, LaneCell, Lstm};
use super::gradient;
use super::isa::{self, Arithmetic, Isa, Task};
use super::panel::{LANES, Lane, Panels, multiply};
use crate::backend::disjoint::Disjoint;
use crate::spec::{Cell, Rnn, RnnBackward, RnnForward};
use rayon::prelude::*;
use std::ops::Range;

pub fn forward(isa: Isa, s: &Rnn, a: RnnForward<Vec<f32>, Vec<u32>>) {
    check(s, a.lengths);
    // Rows of the micro-kernel times gates: twelve 8-lane accumulators, what sixteen vector registers hold.
    match s.cell {
        Cell::Lstm => forward_cell::<Lstm, 4, 3>(isa, s, a),
        Cell::Gru => forward_cell::<Gru, 3, 4>(isa, s, a),
    }
}

pub fn backward(isa: Isa, s: &Rnn, a: RnnBackward<Vec<f32>, Vec<u32>>) {
    check(s, a.lengths);
    match s.cell {
        Cell::Lstm => backward_cell::<Lstm, 4, 3>(isa, s, a),
        Cell::Gru => backward_cell::<Gru, 3, 4>(isa, s, a),
    }
}

/// What keeps the ranges that tasks write apart: no row is longer than the buffers, no model's weights reach into the
/// next one's.
fn check(s: &Rnn, lengths: &[u32]) {
    assert!(
        lengths[..s.models * s.batch].iter().all(|&length| length as usize <= s.steps),
        "a row longer than T"
    );
    let apart = s.models == 1 || s.weights.stride >= s.weights.offset + s.params();
    assert!(apart, "the models' weights overlap");
}

/// `(model, direction, rows)` of every task. How rows are tiled changes no result: rows do not meet.
fn tiles(s: &Rnn, group: usize) -> Vec<(usize, usize, Range<usize>)> {
    let sequences = s.models * s.dirs;
    let wanted = (4 * rayon::current_num_threads()).div_ceil(sequences);
    let rows = s.batch.div_ceil(wanted).next_multiple_of(group).min(16 * group);
    let mut tiles = Vec::new();
    for (m, dir) in (0..s.models).flat_map(|m| (0..s.dirs).map(move |dir| (m, dir))) {
        tiles.extend((0..s.batch).step_by(rows).map(|b| (m, dir, b..(b + rows).min(s.batch))));
    }
    tiles
}

/// `LANES` numbers from `at`, 0 where the row of `count` numbers ends.
#[inline(always)]
fn load(row: &[f32], at: usize) -> Lane {
    match row[at..].first_chunk() {
        Some(lane) => *lane,
        None => {
            let mut lane = [0.0; LANES];
            lane[..row.len() - at].copy_from_slice(&row[at..]);
            lane
        }
    }
}

#[inline(always)]
fn store(row: &mut [f32], at: usize, lane: &Lane) {
    let count = (row.len() - at).min(LANES);
    row[at..at + count].copy_from_slice(&lane[..count]);
}

/// Both weight matrices of one model and direction, a block per `LANES` hidden units with its gates side by side.
struct ForwardWeights<const G: usize> {
    input: Panels,
    recurrent: Panels,
    /// By block.
    bias_ih: Vec<[Lane; G]>,
    bias_hh: Vec<[Lane; G]>,
}

impl<const G: usize> ForwardWeights<G> {
    fn pack(s: &Rnn, w: &[f32], m: usize, dir: usize) -> Self {
        let (h, blocks) = (s.hidden, s.hidden.div_ceil(LANES));
        let panels = |start: usize, depth: usize| {
            Panels::pack(depth, blocks, G, |k, block, gate, lane| {
                let j = block * LANES + lane;
                if j < h { w[start + (gate * h + j) * depth + k] } else { 0.0 }
            })
        };
        let bias = |start: usize| {
            let gate = |g: usize, block: usize| load(&w[start + g * h..][..h], block * LANES);
            (0..blocks).map(|block| std::array::from_fn(|g| gate(g, block))).collect()
        };
        ForwardWeights {
            input: panels(s.weight_ih(m, dir), s.input),
            recurrent: panels(s.weight_hh(m, dir), h),
            bias_ih: bias(s.bias_ih(m, dir)),
            bias_hh: bias(s.bias_hh(m, dir)),
        }
    }
}

fn forward_cell<C: LaneCell<G>, const G: usize, const R: usize>(
    isa: Isa,
    s: &Rnn,
    a: RnnForward<Vec<f32>, Vec<u32>>,
) {
    let packed: Vec<ForwardWeights<G>> = (0..s.models * s.dirs)
        .into_par_iter()
        .map(|i| ForwardWeights::pack(s, a.weights, i / s.dirs, i % s.dirs))
        .collect();
    let (y, last, reserve) = (Disjoint::new(a.y), Disjoint::new(a.last), Disjoint::new(a.reserve));
    tiles(s, R).into_par_iter().for_each(|(m, dir, rows)| {
        let weights = &packed[m * s.dirs + dir];
        let lengths = &a.lengths[m * s.batch..];
        let tile = ForwardTile::<C, G, R> {
            s,
            m,
            dir,
            rows,
            weights,
            x: a.x,
            lengths,
            initial: a.initial.map(Vec::as_slice),
            y: &y,
            last: &last,
            reserve: &reserve,
            cell: std::marker::PhantomData,
        };
        isa::run(isa, tile);
    });
}

struct ForwardTile<'a, C, const G: usize, const R: usize> {
    s: &'a Rnn,
    m: usize,
    dir: usize,
    rows: Range<usize>,
    weights: &'a ForwardWeights<G>,
    x: &'a [f32],
    /// Of this model's rows.
    lengths: &'a [u32],
    initial: Option<&'a [f32]>,
    y: &'a Disjoint<'a, f32>,
    last: &'a Disjoint<'a, f32>,
    reserve: &'a Disjoint<'a, f32>,
    cell: std::marker::PhantomData<C>,
}

impl<C: LaneCell<G>, const G: usize, const R: usize> Task for ForwardTile<'_, C, G, R> {
    #[inline(always)]
    fn run<A: Arithmetic>(self) {
        let (s, m, dir) = (self.s, self.m, self.dir);
        let hidden = s.hidden;
        let length = |b: usize| self.lengths[b] as usize;
        let mut state = TileState::load(s, m, dir, &self.rows, self.initial);
        let mut next_h = state.h.clone();
        // What rows that are done, or that do not exist, multiply.
        let zeros = vec![0.0; s.input.max(hidden)];

        for step in 0..self.rows.clone().map(length).max().unwrap_or(0) {
            for block in 0..hidden.div_ceil(LANES) {
                let at = block * LANES;
                for group in self.rows.clone().step_by(R) {
                    let alive = |r: usize| group + r < self.rows.end && step < length(group + r);
                    let local = group - self.rows.start;
                    let inputs = std::array::from_fn(|r| match alive(r) {
                        true => {
                            &self.x[s.x_at(m, s.step(dir, step, length(group + r)), group + r)..][..s.input]
                        }
                        false => &zeros[..s.input],
                    });
                    let previous = std::array::from_fn(|r| match alive(r) {
                        true => &state.h[(local + r) * hidden..][..hidden],
                        false => &zeros[..hidden],
                    });
                    let mut wx = [self.weights.bias_ih[block]; R];
                    multiply::<A, R, G>(inputs, self.weights.input.block(block), &mut wx);
                    let mut rh = [self.weights.bias_hh[block]; R];
                    multiply::<A, R, G>(previous, self.weights.recurrent.block(block), &mut rh);

                    for r in (0..R).filter(|&r| alive(r)) {
                        let b = group + r;
                        let h = load(previous[r], at);
                        let c_row = &mut state.c[(local + r) * hidden..][..hidden];
                        let mut c = load(c_row, at);
                        let (new_h, slots) = C::forward::<A>(&wx[r], &rh[r], &h, &mut c);
                        store(c_row, at, &c);
                        store(&mut next_h[(local + r) * hidden..][..hidden], at, &new_h);
                        let t = s.step(dir, step, length(b));
                        // SAFETY: y, last and reserve are written by the task that owns the row, and by no other.
                        let (y, reserve) = unsafe {
                            let saved = s.reserve_at(m, dir, t, b);
                            let out = s.y_at(m, dir, t, b);
                            (
                                self.y.range(out..out + hidden),
                                self.reserve.range(saved..saved + (G + 1) * hidden),
                            )
                        };
                        store(y, at, &new_h);
                        for (slot, lane) in slots[..=G].iter().enumerate() {
                            store(&mut reserve[slot * hidden..][..hidden], at, lane);
                        }
                    }
                }
            }
            // Rows that were done keep their state.
            for b in self.rows.clone().filter(|&b| step < length(b)) {
                let row = (b - self.rows.start) * hidden..(b - self.rows.start + 1) * hidden;
                state.h[row.clone()].copy_from_slice(&next_h[row]);
            }
        }

        for b in self.rows.clone() {
            for t in length(b)..s.steps {
                let out = s.y_at(m, dir, t, b);
                // SAFETY: as above.
                unsafe { self.y.range(out..out + hidden) }.fill(0.0);
            }
        }
        state.store(s, m, dir, &self.rows, self.last);
    }
}

/// `h` and `c` of a tile's rows, `(rows, H)` each; for a cell without `c` that part stays 0.
struct TileState {
    h: Vec<f32>,
    c: Vec<f32>,
}

impl TileState {
    fn load(s: &Rnn, m: usize, dir: usize, rows: &Range<usize>, from: Option<&[f32]>) -> Self {
        let vector = |v: usize| match from {
            Some(from) if v < s.cell.states() => {
                let start = s.state_at(m, v, dir, rows.start);
                from[start..start + rows.len() * s.hidden].to_vec()
            }
            _ => vec![0.0; rows.len() * s.hidden],
        };
        TileState { h: vector(0), c: vector(1) }
    }

    fn store(&self, s: &Rnn, m: usize, dir: usize, rows: &Range<usize>, to: &Disjoint<f32>) {
        for (v, vector) in [&self.h, &self.c].into_iter().enumerate().take(s.cell.states()) {
            let start = s.state_at(m, v, dir, rows.start);
            // SAFETY: a state's rows are written by the task that owns them, and by no other.
            unsafe { to.range(start..start + vector.len()) }.copy_from_slice(vector);
        }
    }
}

fn backward_cell<C: LaneCell<G>, const G: usize, const R: usize>(
    isa: Isa,
    s: &Rnn,
    a: RnnBackward<Vec<f32>, Vec<u32>>,
) {
    let rows = G * s.hidden;
    let packed: Vec<Panels> = (0..s.models * s.dirs)
        .into_par_iter()
        .map(|i| {
            let w_hh = &a.weights[s.weight_hh(i / s.dirs, i % s.dirs)..][..rows * s.hidden];
            Panels::columns(rows, s.hidden, G, |k, n| w_hh[k * s.hidden + n])
        })
        .collect();
    let mut unused = Vec::new();
    let (reserve, d_initial) =
        (Disjoint::new(a.reserve), a.d_initial.map_or(Disjoint::new(&mut unused), |d| Disjoint::new(d)));
    tiles(s, R).into_par_iter().for_each(|(m, dir, rows)| {
        let weights = &packed[m * s.dirs + dir];
        let tile = BackwardTile::<C, G, R> {
            s,
            m,
            dir,
            rows: rows.clone(),
            weights,
            lengths: &a.lengths[m * s.batch..],
            initial: a.initial.map(Vec::as_slice),
            y: a.y,
            dy: a.dy.map(Vec::as_slice),
            d: TileState::load(s, m, dir, &rows, a.d_last.map(Vec::as_slice)),
            d_initial: &d_initial,
            reserve: &reserve,
            cell: std::marker::PhantomData,
        };
        isa::run(isa, tile);
    });
    let inputs = gradient::Inputs {
        x: a.x,
        y: a.y,
        initial: a.initial.map(Vec::as_slice),
        lengths: a.lengths,
        deltas: a.reserve,
    };
    gradient::weights(isa, s, &inputs, a.d_weights);
    if let Some(dx) = a.dx {
        gradient::inputs::<G, R>(isa, s, a.weights, &inputs, dx);
    }
}

struct BackwardTile<'a, C, const G: usize, const R: usize> {
    s: &'a Rnn,
    m: usize,
    dir: usize,
    rows: Range<usize>,
    /// `W_hh (G*H, H)` in blocks of `G` vectors of columns.
    weights: &'a Panels,
    lengths: &'a [u32],
    initial: Option<&'a [f32]>,
    y: &'a [f32],
    dy: Option<&'a [f32]>,
    /// Gradient by the state, walking back.
    d: TileState,
    /// Empty if nobody asked for it.
    d_initial: &'a Disjoint<'a, f32>,
    /// Slots in, gradients by the gates out.
    reserve: &'a Disjoint<'a, f32>,
    cell: std::marker::PhantomData<C>,
}

impl<C: LaneCell<G>, const G: usize, const R: usize> Task for BackwardTile<'_, C, G, R> {
    #[inline(always)]
    fn run<A: Arithmetic>(mut self) {
        let (s, m, dir, hidden) = (self.s, self.m, self.dir, self.s.hidden);
        let length = |b: usize| self.lengths[b] as usize;
        let zeros = vec![0.0; hidden.max(G * hidden)];
        // `d_rh (rows, G*H)` of the step at hand.
        let mut d_rh = vec![0.0; self.rows.len() * G * hidden];

        for step in (0..self.rows.clone().map(length).max().unwrap_or(0)).rev() {
            for b in self.rows.clone().filter(|&b| step < length(b)) {
                let local = b - self.rows.start;
                let t = s.step(dir, step, length(b));
                let saved = s.reserve_at(m, dir, t, b);
                let size = (G + 1) * hidden;
                // SAFETY: the row's slots belong to this task alone; two different steps do not overlap.
                let slots_row = unsafe { self.reserve.range(saved..saved + size) };
                let (previous_h, previous_c) = match (step.checked_sub(1), self.initial) {
                    (Some(before), _) => {
                        let t = s.step(dir, before, length(b));
                        let saved = s.reserve_at(m, dir, t, b);
                        // SAFETY: as above.
                        let slots = unsafe { self.reserve.range(saved..saved + size) };
                        (&self.y[s.y_at(m, dir, t, b)..][..hidden], &slots[G * hidden..])
                    }
                    (None, Some(initial)) => {
                        let vector = |v: usize| &initial[s.state_at(m, v, dir, b)..][..hidden];
                        (vector(0), if s.cell.states() == 2 { vector(1) } else { &zeros[..hidden] })
                    }
                    (None, None) => (&zeros[..hidden], &zeros[..hidden]),
                };
                let dh_row = &mut self.d.h[local * hidden..][..hidden];
                let dc_row = &mut self.d.c[local * hidden..][..hidden];
                if let Some(dy) = self.dy {
                    let dy = &dy[s.y_at(m, dir, t, b)..][..hidden];
                    dh_row.iter_mut().zip(dy).for_each(|(dh, &dy)| *dh += dy);
                }
                for at in (0..hidden).step_by(LANES) {
                    let mut slots = [[0.0; LANES]; 5];
                    for (slot, lane) in slots[..=G].iter_mut().enumerate() {
                        *lane = load(&slots_row[slot * hidden..][..hidden], at);
                    }
                    let (mut dh, mut dc) = (load(dh_row, at), load(dc_row, at));
                    let (h, c) = (load(previous_h, at), load(previous_c, at));
                    let gates = C::backward::<A>(&mut slots, &h, &c, &mut dh, &mut dc);
                    store(dh_row, at, &dh);
                    store(dc_row, at, &dc);
                    for (gate, lane) in gates.iter().enumerate() {
                        store(&mut d_rh[(local * G + gate) * hidden..][..hidden], at, lane);
                    }
                    // The LSTM's last slot is `c`, which the step before still needs.
                    for (slot, lane) in slots[..=G].iter().enumerate() {
                        store(&mut slots_row[slot * hidden..][..hidden], at, lane);
                    }
                }
            }
            // dh_{s-1} += d_rh W_hh
            for group in self.rows.clone().step_by(R) {
                let alive = |r: usize| group + r < self.rows.end && step < length(group + r);
                let local = group - self.rows.start;
                let deltas = std::array::from_fn(|r| match alive(r) {
                    true => &d_rh[(local + r) * G * hidden..][..G * hidden],
                    false => &zeros[..],
                });
                for (block, at) in (0..hidden).step_by(G * LANES).enumerate() {
                    let mut acc = [[[0.0; LANES]; G]; R];
                    multiply::<A, R, G>(deltas, self.weights.block(block), &mut acc);
                    for r in (0..R).filter(|&r| alive(r)) {
                        let dh = &mut self.d.h[(local + r) * hidden..][..hidden];
                        let sums = acc[r].as_flattened();
                        dh[at..].iter_mut().zip(sums).for_each(|(dh, &sum)| *dh += sum);
                    }
                }
            }
        }
        if !self.d_initial.is_empty() {
            self.d.store(s, m, dir, &self.rows, self.d_initial);
        }
    }
}
