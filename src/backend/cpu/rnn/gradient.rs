//! Gradients by the weights and by the input, after the time loop, as large GEMMs over all steps and rows.
//!
//! ```text
//! for each part of the hidden units (a task), in one fixed order of steps and rows:
//!     gather a piece of live (step, row) pairs:  x, the h before, the gate gradients
//!     dW_ih += d_wx x^T;  dW_hh += d_rh h^T;  db += d_gates      sums of outer products (`outer`)
//! for each step (a task):
//!     dx = sum over directions of d_wx W_ih                      rows times a panel (`multiply`)
//! ```

use super::super::cache::CACHES;
use super::super::format::{Format, Operands};
use super::super::isa::{self, Isa, Task};
use super::super::kernel::{STRIP, block_rows, groups, multiply, outer, with_rows};
use super::super::memory::{Scratch, carve, carve_numbers, carved};
use super::super::simd::Simd;
use super::cell::{VectorCell, with_cell};
use super::layer::reserve_row_len;
use super::pack::Packed;
use crate::backend::disjoint::Disjoint;
use crate::ops::Rnn;
use rayon::prelude::*;
use std::marker::PhantomData;
use std::ops::Range;

/// The operands of both gradients.
pub struct Inputs<'a, E: Format> {
    pub x: &'a [f32],
    pub y: &'a [f32],
    pub initial: Option<&'a [f32]>,
    /// `(M, B)`
    pub lengths: &'a [u32],
    /// The reserve after the backward time loop: gradients by the gates.
    pub deltas: &'a [E::Number],
}

/// `dW_ih = sum d_wx x^T`, `dW_hh = sum d_rh h_{s-1}^T` and the bias gradients, for every model and
/// direction.
///
/// The sum runs over steps and rows in one fixed order, whatever the number of threads: tasks share the
/// hidden units.
pub fn weights<E: Format>(isa: Isa, s: &Rnn, inputs: &Inputs<E>, scratch: &Scratch, d_weights: &mut [f32]) {
    // A strip of the gradients by the gates takes half of the first-level cache.
    let words = CACHES.l1 / 2 / size_of::<f32>() / (STRIP * isa.lanes());
    weights_in_strips(isa, s, inputs, scratch, d_weights, words.max(1));
}

/// As [`weights`], so many words of the depth at once, which change no bit.
fn weights_in_strips<E: Format>(
    isa: Isa,
    s: &Rnn,
    inputs: &Inputs<E>,
    scratch: &Scratch,
    d_weights: &mut [f32],
    words: usize,
) {
    let apart = s.weights.keeps_apart(s.models, s.params());
    assert!(apart, "the models' weights overlap");
    // Without a bias vector a direction's `bias_ih` would be the weights of what follows, which another task
    // writes.
    assert!(s.biases > 0, "a recurrent layer without a bias vector");
    let d_weights = Disjoint::new(d_weights);
    let blocks = s.hidden.div_ceil(isa.lanes());
    let sequences = s.models * s.dirs;
    let parts = parts(sequences, blocks);
    (0..sequences * parts).into_par_iter().with_max_len(1).for_each(|task| {
        let (sequence, part) = (task / parts, task % parts);
        let (m, dir) = (sequence / s.dirs, sequence % s.dirs);
        let blocks = part * blocks / parts..(part + 1) * blocks / parts;
        let pass = Pass { s, inputs, m, dir, blocks, words, scratch, d_weights: &d_weights };
        with_cell!(s.cell, C, G => isa::run(isa, WeightTask::<E, C, G>(pass, PhantomData)));
    });
}

/// Into how many tasks the blocks of one model and direction are cut: as few as keep all threads busy to the
/// end.
fn parts(sequences: usize, blocks: usize) -> usize {
    let threads = rayon::current_num_threads();
    (1..=blocks).find(|parts| (sequences * parts).is_multiple_of(threads)).unwrap_or(blocks)
}

struct Pass<'a, E: Format> {
    s: &'a Rnn,
    inputs: &'a Inputs<'a, E>,
    m: usize,
    dir: usize,
    /// Of hidden units.
    blocks: Range<usize>,
    /// Of a strip.
    words: usize,
    scratch: &'a Scratch,
    d_weights: &'a Disjoint<'a, f32>,
}

struct WeightTask<'a, E: Format, C, const G: usize>(Pass<'a, E>, PhantomData<C>);

/// Some live steps: the words of their inputs and previous outputs, across steps, and their gradients by the
/// gates.
struct Piece<'a, E: Format> {
    x: &'a [*const E::Number],
    h: &'a [*const E::Number],
    deltas: &'a [*const E::Number],
}

impl<E: Format, C: VectorCell<G>, const G: usize> Task for WeightTask<'_, E, C, G> {
    type Format = E;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Pass { s, inputs, m, dir, ref blocks, words, scratch, .. } = self.0;
        // Only the last strip may end within a pair.
        let depth = words * E::PAIR;
        let columns = s.input + s.hidden;
        let block_len = columns * G * S::LANES;
        let bias_len = STRIP * S::LANES;
        let lens = [blocks.len() * block_len, blocks.len() * bias_len, words * bias_len, s.hidden];
        let mut borrowed = scratch.borrow(carved(lens));
        let mut space = borrowed.as_mut();
        let sums = carve(&mut space, lens[0]);
        let bias = carve(&mut space, lens[1]);
        let strip = carve_numbers::<E>(&mut space, lens[2] * E::PAIR);
        let zeros = carve(&mut space, lens[3]);
        sums.fill(0.0);
        bias.fill(0.0);
        zeros.fill(0.0);
        // Of some live steps: their inputs, previous outputs and gradients by the gates.
        let (mut x, mut h) = (Operands::<E>::new(), Operands::<E>::new());
        let mut deltas = Vec::with_capacity(depth);
        let saved = reserve_row_len(s, S::LANES);
        let lengths = &inputs.lengths[m * s.batch..][..s.batch];
        let live = |t: usize, b: usize| t < lengths[b] as usize;
        let mut steps =
            (0..s.steps).flat_map(|t| (0..s.batch).map(move |b| (t, b))).filter(|&(t, b)| live(t, b));
        loop {
            x.clear();
            h.clear();
            deltas.clear();
            for (t, b) in steps.by_ref().take(depth) {
                x.push(&inputs.x[s.x_at(m, t, b)..][..s.input]);
                h.push(self.previous(t, b, lengths[b] as usize, zeros));
                deltas.push(inputs.deltas[s.reserve_row(m, dir, t, b) * saved..][..saved].as_ptr());
            }
            if deltas.is_empty() {
                break;
            }
            // SAFETY: `run`'s caller has `S`'s instructions; the rows were just taken from slices of
            // `s.input` and `s.hidden` numbers.
            let (x, h) = unsafe { (x.across::<S>(s.input), h.across::<S>(s.hidden)) };
            let piece = Piece { x, h, deltas: &deltas };
            for (i, block) in blocks.clone().enumerate() {
                let sums = &mut sums[i * block_len..][..block_len];
                // SAFETY: `run`'s caller has `S`'s instructions. Each row of the piece was taken from a slice
                // of `s.input`, `s.hidden` or `saved` numbers that nobody writes, at most `depth` of each: as
                // many as the strip has words for. `sums` is `block_len` numbers, and of `bias` at least
                // `bias_len` are left.
                unsafe { self.add::<S>(&piece, block, strip, sums, &mut bias[i * bias_len..]) };
            }
        }
        for (i, block) in blocks.clone().enumerate() {
            self.store::<S>(block, &sums[i * block_len..][..block_len], &bias[i * bias_len..][..bias_len]);
        }
    }
}

impl<E: Format, C: VectorCell<G>, const G: usize> WeightTask<'_, E, C, G> {
    /// `h` before input step `t` of row `b`, in the direction's own order.
    #[inline(always)]
    fn previous<'a>(&'a self, t: usize, b: usize, length: usize, zeros: &'a [f32]) -> &'a [f32] {
        let Pass { s, inputs, m, dir, .. } = self.0;
        let before = if dir == 0 { t.checked_sub(1) } else { Some(t + 1).filter(|&t| t < length) };
        match (before, inputs.initial) {
            (Some(t), _) => &inputs.y[s.y_at(m, dir, t, b)..][..s.hidden],
            (None, Some(initial)) => &initial[s.state_at(m, 0, dir, b)..][..s.hidden],
            (None, None) => zeros,
        }
    }

    /// Adds the products of a piece to the sums of one block, `(D + H, G, LANES)`, and of its biases,
    /// `(STRIP, LANES)`.
    ///
    /// # Safety
    /// The processor has `S`'s instructions; `block` is one of the blocks of units. The piece's `x` are to
    /// `s.input` initialized words each, its `h` to `s.hidden`, its `deltas` to a row of the reserve, and
    /// nobody writes those. `strip` has `STRIP * LANES` words for each `PAIR` of deltas, `sums` and `bias`
    /// have all of the block.
    #[inline(always)]
    unsafe fn add<S: Simd>(
        &self,
        piece: &Piece<E>,
        block: usize,
        strip: &mut [E::Number],
        sums: &mut [f32],
        bias: &mut [f32],
    ) {
        let Pass { s, .. } = self.0;
        let depth = piece.deltas.len();
        let words = depth.div_ceil(E::PAIR);
        debug_assert!(piece.x.len() == words && piece.h.len() == words);
        debug_assert!(strip.len() >= words * STRIP * S::LANES * E::PAIR && bias.len() >= STRIP * S::LANES);
        let row_len = reserve_row_len(s, S::LANES);
        let at = block * s.cell.saved() * S::LANES;
        debug_assert_eq!(sums.len(), (s.input + s.hidden) * G * S::LANES);
        // SAFETY: a block keeps `G + 1 >= STRIP` vectors, so that `STRIP` of them end within a row of
        // `blocks` such; `to` moves on by `STRIP` vectors of words for each `PAIR` of deltas. `outer` then
        // reads just these; its `first + R` is at most `s.input` or `s.hidden`, and so within a row of `x` or
        // `h` and within `input` or `recurrent`, where each has `G` vectors. The cells' slots are below
        // `STRIP`.
        unsafe {
            let mut totals = [S::splat(0.0); STRIP];
            for slot in 0..STRIP {
                totals[slot] = S::load(bias[slot * S::LANES..].as_ptr());
            }
            let mut to = strip.as_mut_ptr();
            for rows in piece.deltas.chunks(E::PAIR) {
                // The same block of the next piece, which lies there if no row is shorter than the others.
                for row in rows {
                    for slot in 0..STRIP / E::PAIR {
                        S::prefetch(
                            row.wrapping_add(at + depth * row_len + slot * S::LANES * E::PAIR).cast(),
                        );
                    }
                }
                for slot in 0..STRIP {
                    let first = E::widen::<S>(rows[0].add(at + slot * S::LANES));
                    totals[slot] = S::add(totals[slot], first);
                    let second = match rows.get(1) {
                        Some(row) => E::widen::<S>(row.add(at + slot * S::LANES)),
                        None => S::splat(0.0),
                    };
                    if E::PAIR == 2 {
                        totals[slot] = S::add(totals[slot], second);
                    }
                    E::store_words::<S>(to.add(slot * S::LANES * E::PAIR), first, second);
                }
                to = to.add(STRIP * S::LANES * E::PAIR);
            }
            for slot in 0..STRIP {
                S::store(bias[slot * S::LANES..].as_mut_ptr(), totals[slot]);
            }
            let (input, recurrent) = sums.split_at_mut(s.input * G * S::LANES);
            let most = const { block_rows::<S, E>(G) };
            for (first, rows) in groups(s.input, most) {
                let sums = input[first * G * S::LANES..].as_mut_ptr();
                with_rows!(rows, block_rows::<S, E>(G), R => {
                    outer::<S, E, R, G>(piece.x, first, strip.as_ptr(), C::INPUT_SLOTS, sums)
                });
            }
            for (first, rows) in groups(s.hidden, most) {
                let sums = recurrent[first * G * S::LANES..].as_mut_ptr();
                with_rows!(rows, block_rows::<S, E>(G), R => {
                    outer::<S, E, R, G>(piece.h, first, strip.as_ptr(), C::RECURRENT_SLOTS, sums)
                });
            }
        }
    }

    /// Brings the sums of one block into the order of the parameters.
    #[inline(always)]
    fn store<S: Simd>(&self, block: usize, sums: &[f32], bias: &[f32]) {
        let Pass { s, m, dir, d_weights, .. } = self.0;
        let (input, recurrent) = sums.split_at(s.input * G * S::LANES);
        let units = S::LANES.min(s.hidden - block * S::LANES);
        for gate in 0..G {
            for lane in 0..units {
                let row = gate * s.hidden + block * S::LANES + lane;
                // SAFETY: a row of a matrix is of one model, direction, gate and hidden unit, and tasks share
                // out models, directions and blocks of units: no other task has it. `weights` made sure that
                // the models lie apart, and that a direction ends where the next begins. Here one slice is
                // gone before the next is asked for.
                let write = |start: usize, len: usize| unsafe { d_weights.range(start..start + len) };
                let matrices =
                    [(input, s.weight_ih(m, dir), s.input), (recurrent, s.weight_hh(m, dir), s.hidden)];
                for (sums, start, columns) in matrices {
                    let to = write(start + row * columns, columns);
                    for (column, to) in to.iter_mut().enumerate() {
                        *to = sums[(column * G + gate) * S::LANES + lane];
                    }
                }
                write(s.bias_ih(m, dir) + row, 1)[0] = bias[C::INPUT_SLOTS[gate] * S::LANES + lane];
                if let Some(bias_hh) = s.bias_hh(m, dir) {
                    write(bias_hh + row, 1)[0] = bias[C::RECURRENT_SLOTS[gate] * S::LANES + lane];
                }
            }
        }
    }
}

/// `dx = sum over directions of d_wx W_ih`; 0 where a row has no step.
pub fn inputs<E: Format>(
    isa: Isa,
    s: &Rnn,
    packed: &[Packed],
    inputs: &Inputs<E>,
    scratch: &Scratch,
    dx: &mut [f32],
) {
    // One task per (model, step): a contiguous `(B, D)`.
    dx[..s.x_len()].par_chunks_mut(s.batch * s.input).enumerate().for_each(|(i, dx)| {
        let (m, t) = (i / s.steps, i % s.steps);
        let weights = &packed[m * s.dirs..][..s.dirs];
        isa::run(isa, InputTask::<E> { s, inputs, m, t, weights, scratch, dx });
    });
}

struct InputTask<'a, E: Format> {
    s: &'a Rnn,
    inputs: &'a Inputs<'a, E>,
    m: usize,
    t: usize,
    /// By direction.
    weights: &'a [Packed],
    scratch: &'a Scratch,
    dx: &'a mut [f32],
}

impl<E: Format> Task for InputTask<'_, E> {
    type Format = E;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let InputTask { s, inputs, m, t, weights, scratch, .. } = self;
        let lengths = &inputs.lengths[m * s.batch..][..s.batch];
        let live: Vec<usize> = (0..s.batch).filter(|&b| t < lengths[b] as usize).collect();
        if live.len() < s.batch {
            self.dx.fill(0.0);
        }
        // `d_wx (dirs, live rows, G*H)` in whole words, in the order of the parameters.
        let gates = (s.cell.gates() * s.hidden).next_multiple_of(E::PAIR);
        let mut borrowed = scratch.borrow(carved([s.dirs * live.len() * gates / E::PAIR]));
        let deltas = carve_numbers::<E>(&mut borrowed.as_mut(), s.dirs * live.len() * gates);
        for (to, (dir, &b)) in
            deltas.chunks_exact_mut(gates).zip((0..s.dirs).flat_map(|dir| live.iter().map(move |b| (dir, b))))
        {
            let saved = reserve_row_len(s, S::LANES);
            let row = &inputs.deltas[s.reserve_row(m, dir, t, b) * saved..][..saved];
            // An odd row ends with a 0.
            to[s.cell.gates() * s.hidden..].fill(E::round(0.0));
            for (block, slots) in row.chunks_exact(s.cell.saved() * S::LANES).enumerate() {
                let at = block * S::LANES;
                let count = S::LANES.min(s.hidden - at);
                for (gate, slot) in slots.chunks_exact(S::LANES).take(s.cell.gates()).enumerate() {
                    to[gate * s.hidden + at..][..count].copy_from_slice(&slot[..count]);
                }
            }
        }
        let columns = |dir: usize| weights[dir].input.as_ref().expect("made for this gradient");
        for (column, vectors) in columns(0).blocks() {
            let panels = [columns(0).block::<E>(column), columns(s.dirs - 1).block::<E>(column)];
            let block = InputBlock::<E> { s, column, panels, deltas, live: &live, dx: self.dx.as_mut_ptr() };
            // SAFETY: `run`'s caller has `S`'s instructions. `blocks` gives one to four vectors, so that `N`
            // is `vectors`, for both directions alike: their panels have the same sizes, and the layer's
            // vectors are `S`'s, as `Layer::check` found. `self.dx` is this task's own `batch * input`
            // numbers, and live rows are below `batch`.
            unsafe {
                match vectors {
                    1 => block.run::<S, 1>(),
                    2 => block.run::<S, 2>(),
                    3 => block.run::<S, 3>(),
                    _ => block.run::<S, 4>(),
                }
            }
        }
    }
}

/// Some columns of `dx` at one step.
struct InputBlock<'a, E: Format> {
    s: &'a Rnn,
    column: usize,
    /// By direction.
    panels: [*const E::Number; 2],
    /// `(dirs, live rows, G*H)`, each row in whole words
    deltas: &'a [E::Number],
    live: &'a [usize],
    /// `(B, D)`
    dx: *mut f32,
}

impl<E: Format> InputBlock<'_, E> {
    /// # Safety
    /// The processor has `S`'s instructions. Each direction's panel is the first of `(G*H, N, LANES)`
    /// words, and all `N` vectors from `column` on begin below `s.input`. `dx` is the first of `batch *
    /// input` numbers that nobody else touches, with a row for each of `live`.
    #[inline(always)]
    unsafe fn run<S: Simd, const N: usize>(&self) {
        for (first, rows) in groups(self.live.len(), block_rows::<S, E>(N)) {
            // SAFETY: `first + R <= live.len()`; the rest is what the caller promises.
            with_rows!(rows, block_rows::<S, E>(N), R => unsafe { self.rows::<S, R, N>(first) });
        }
    }

    /// # Safety
    /// As of `run`; there are `R` live rows from `first` on.
    #[inline(always)]
    unsafe fn rows<S: Simd, const R: usize, const N: usize>(&self, first: usize) {
        let InputBlock { s, column, panels, deltas, live, dx } = *self;
        let gates = (s.cell.gates() * s.hidden).next_multiple_of(E::PAIR);
        // SAFETY: each row is a slice of `gates` numbers, as many as the panels are deep. A row of `dx` has
        // `s.input - at` numbers from column `at` on, and no more are stored; `live` names rows below
        // `batch`, each once.
        unsafe {
            let mut sums = [[S::splat(0.0); N]; R];
            for dir in 0..s.dirs {
                let mut rows = [std::ptr::null(); R];
                for r in 0..R {
                    rows[r] = deltas[(dir * live.len() + first + r) * gates..][..gates].as_ptr();
                }
                sums = multiply::<S, E, R, N>(rows, gates, panels[dir], sums);
            }
            for r in 0..R {
                for n in 0..N {
                    let at = column + n * S::LANES;
                    S::store_first(dx.add(live[first + r] * s.input + at), sums[r][n], s.input - at);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::format::{Bf16, Fp32, layout};
    use super::*;
    use crate::ops::{Cell, Precision, Purpose, RnnSize};
    use crate::random::{Random, Stream};

    /// Rows of unequal length, of which an odd number are live; odd sizes.
    const LENGTHS: [u32; 5] = [9, 4, 0, 7, 1];

    fn layer(cell: Cell) -> Rnn {
        let s = Rnn { dirs: 2, ..Rnn::one(cell, RnnSize { batch: 5, steps: 9, input: 3, hidden: 21 }) };
        Rnn { weights: crate::ops::Slab { stride: s.params(), ..s.weights }, ..s }
    }

    /// `dW` and `dx` of numbers that `bf16` holds.
    fn gradients<E: Format>(isa: Isa, cell: Cell, words: usize) -> (Vec<f32>, Vec<f32>) {
        let s = layer(cell);
        let mut random = Random::new(1, Stream::Check, [0, 0]);
        let mut normal = |len: usize| -> Vec<f32> {
            let exact = |x: f64| f32::from_bits((x as f32).to_bits() & 0xffff_0000);
            (0..len).map(|_| exact(random.normal())).collect()
        };
        let (x, y, weights) = (normal(s.x_len()), normal(s.y_len()), normal(s.params()));
        let deltas = normal(s.dirs * s.steps * s.batch * reserve_row_len(&s, isa.lanes()));
        let deltas: Vec<E::Number> = deltas.into_iter().map(E::round).collect();
        let operands = Inputs::<E> { x: &x, y: &y, initial: None, lengths: &LENGTHS, deltas: &deltas };
        let scratch = Scratch::default();
        let mut d_weights = vec![0.0; s.params()];
        weights_in_strips(isa, &s, &operands, &scratch, &mut d_weights, words);
        let purpose = Purpose::Training { input_gradient: true };
        let mut packed: Vec<Packed> =
            (0..s.dirs).map(|_| Packed::zeros(&s, purpose, layout(E::PRECISION, isa.lanes()))).collect();
        packed.iter_mut().enumerate().for_each(|(dir, packed)| packed.load::<E>(&s, &weights, 0, dir));
        let mut dx = vec![f32::NAN; s.x_len()];
        inputs(isa, &s, &packed, &operands, &scratch, &mut dx);
        (d_weights, dx)
    }

    #[test]
    fn the_length_of_a_strip_changes_no_bit() {
        for cell in Cell::ALL {
            for isa in Isa::available() {
                let whole = gradients::<Fp32>(isa, cell, 1000);
                assert!([1, 2, 5].iter().all(|&words| gradients::<Fp32>(isa, cell, words) == whole));
            }
            for isa in Isa::available_in(Precision::Bf16) {
                let whole = gradients::<Bf16>(isa, cell, 1000);
                assert!([1, 2, 5].iter().all(|&words| gradients::<Bf16>(isa, cell, words) == whole));
            }
        }
    }

    /// Operands that `bf16` holds lose nothing. Sums of at most 168 products of numbers of size 1 differ by
    /// their order in `f32` alone, and a wrong one by far more.
    #[test]
    fn gradients_in_bf16_are_those_in_f32_where_operands_are_exact() {
        for cell in Cell::ALL {
            for isa in Isa::available_in(Precision::Bf16) {
                let (fp32, bf16) = (gradients::<Fp32>(isa, cell, 7), gradients::<Bf16>(isa, cell, 7));
                for (fp32, bf16) in [(fp32.0, bf16.0), (fp32.1, bf16.1)] {
                    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-4;
                    assert!(fp32.iter().zip(&bf16).all(near), "{cell:?} on {}", isa.name());
                    assert!(fp32.iter().any(|x| *x != 0.0));
                }
            }
        }
    }
}
