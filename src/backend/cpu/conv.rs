//! The convolution block: forward with ReLU and pooling as the epilogue of the product, backward as two
//! products of gradients that are expanded from the steps that won.

use super::cache::CACHES;
use super::columns::Columns;
use super::device::Cpu;
use super::format::{Format, Operands, layout, with_format};
use super::isa::{self, Isa, Task};
use super::kernel::{STRIP, block_rows, groups, multiply, outer, with_rows};
use super::memory::Aligned;
use super::simd::Simd;
use crate::backend::disjoint::Disjoint;
use crate::error::Result;
use crate::ops::{Checked, Conv, ConvBackward, ConvBackwardOperands, ConvForward, ConvForwardOperands, Runs};
use rayon::prelude::*;
use std::marker::PhantomData;

/// Weights of model `m` as a matrix whose row `(j, c)`, or `(j, f)` if `by_filter`, is tap `j`. Each tap's
/// rows are whole words.
fn packed<E: Format>(isa: Isa, s: &Conv, weights: &[f32], m: usize, by_filter: bool) -> Columns {
    let (filters, kernel) = (s.spec.filters, s.spec.kernel);
    let (rows, columns) = if by_filter { (filters, s.input) } else { (s.input, filters) };
    let rows = rows.next_multiple_of(E::PAIR);
    let mut matrix = vec![0.0; kernel * rows * columns];
    for (i, &weight) in weights[s.weight(m)..][..filters * s.depth()].iter().enumerate() {
        let (f, c, j) = (i / s.depth(), i / kernel % s.input, i % kernel);
        let (row, column) = if by_filter { (f, c) } else { (c, f) };
        matrix[(j * rows + row) * columns + column] = weight;
    }
    let mut packed = Columns::zeros(kernel * rows, columns, layout(E::PRECISION, isa.lanes()));
    packed.load::<E>(&matrix);
    packed
}

impl Runs<ConvForward> for Cpu {
    /// One task per model and output step, `(B, F)`.
    fn execute(&self, s: &Conv, a: ConvForwardOperands<Self>, _: Checked) -> Result<()> {
        with_format!(self.precision, E => forward::<E>(self.isa(), s, a));
        Ok(())
    }
}

fn forward<E: Format>(isa: Isa, s: &Conv, a: ConvForwardOperands<Cpu>) {
    let filters = s.spec.filters;
    let models: Vec<(Columns, Aligned)> = (0..s.models)
        .map(|m| {
            let mut bias = Aligned::zeros(filters.next_multiple_of(isa.lanes()));
            bias[..filters].copy_from_slice(&a.weights[s.bias(m)..][..filters]);
            (packed::<E>(isa, s, a.weights, m, false), bias)
        })
        .collect();
    let step = s.batch * filters;
    let (y, argmax) = (Disjoint::new(a.y), a.argmax.map(|argmax| Disjoint::new(argmax)));
    (0..s.models * s.out_steps()).into_par_iter().for_each(|i| {
        let (m, t) = (i / s.out_steps(), i % s.out_steps());
        let (weights, bias) = &models[m];
        let lengths = &a.lengths[m * s.batch..][..s.batch];
        // SAFETY: `i` counts steps of models, and is one task's alone; its range is the `i`-th of `step`
        // numbers.
        let own = |buffer: &Disjoint<f32>| unsafe { buffer.range(i * step..(i + 1) * step) }.as_mut_ptr();
        let (y, argmax) = (own(&y), argmax.as_ref().map(own));
        let step = Step { s, m, t, weights, bias, x: a.x, lengths, y, argmax, format: PhantomData::<E> };
        isa::run(isa, step);
    });
}

struct Step<'a, E> {
    s: &'a Conv,
    m: usize,
    /// Of the output.
    t: usize,
    weights: &'a Columns,
    bias: &'a [f32],
    x: &'a [f32],
    lengths: &'a [u32],
    /// `(B, F)`
    y: *mut f32,
    argmax: Option<*mut f32>,
    format: PhantomData<E>,
}

impl<E: Format> Task for Step<'_, E> {
    type Format = E;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Step { s, t, .. } = self;
        let live: Vec<usize> = (0..s.batch).filter(|&b| t < s.spec.steps(self.lengths[b] as usize)).collect();
        if live.len() < s.batch {
            for buffer in std::iter::once(self.y).chain(self.argmax) {
                // SAFETY: `forward` gave this task `batch * filters` numbers of each buffer, which no other
                // task has.
                unsafe { buffer.write_bytes(0, s.batch * s.spec.filters) };
            }
        }
        // Of the live rows at each of the input's steps that the two of the output's pool see.
        let input_steps = 2 * t..2 * t + s.spec.kernel + 1;
        let mut x = Operands::<E>::new();
        for (t, &b) in input_steps.flat_map(|t| live.iter().map(move |b| (t, b))) {
            x.push(&self.x[s.x_at(self.m, t, b)..][..s.input]);
        }
        // SAFETY: `run`'s caller has `S`'s instructions, and each row is a slice of `s.input` numbers.
        let x = unsafe { x.along::<S>(s.input) };
        for (first, vectors) in self.weights.blocks() {
            // SAFETY: `run`'s caller has `S`'s instructions; `blocks` gives one to four vectors, so that `N`
            // is `vectors`. `live` was filled with rows below `batch`, and `x` has the words of each of them
            // at all `kernel + 1` steps.
            unsafe {
                match vectors {
                    1 => self.columns::<S, 1>(first, &live, x),
                    2 => self.columns::<S, 2>(first, &live, x),
                    3 => self.columns::<S, 3>(first, &live, x),
                    _ => self.columns::<S, 4>(first, &live, x),
                }
            }
        }
    }
}

impl<E: Format> Step<'_, E> {
    /// # Safety
    /// The processor has `S`'s instructions, of whose vectors the weights are packed; at `first` begins a
    /// block of them that has `N` vectors. `live` are rows below `batch`, `x (kernel + 1, live rows)` their
    /// words, each of `s.input` numbers, and the step of `y` and `argmax` is the caller's alone.
    #[inline(always)]
    unsafe fn columns<S: Simd, const N: usize>(&self, first: usize, live: &[usize], x: &[*const E::Number]) {
        for (row, rows) in groups(live.len(), block_rows::<S, E>(N)) {
            // SAFETY: `row + R <= live.len()`; the rest is what the caller promises.
            with_rows!(rows, block_rows::<S, E>(N), R => unsafe {
                self.block::<S, R, N>(first, live, row, x)
            });
        }
    }

    /// The `R` live rows from `row` on of `N` vectors of filters from `first` on.
    ///
    /// # Safety
    /// As of `columns`; there are `R` live rows from `row` on.
    #[inline(always)]
    unsafe fn block<S: Simd, const R: usize, const N: usize>(
        &self,
        first: usize,
        live: &[usize],
        row: usize,
        x: &[*const E::Number],
    ) {
        let filters = self.s.spec.filters;
        // SAFETY: `first` and `N` are the caller's word to `filtered` too. Every vector of a block begins
        // below `filters`, of which a row of `y` and of `argmax` has `filters - column` from there on, and
        // no more are stored.
        unsafe {
            let mut z = [[[S::splat(0.0); N]; R]; 2];
            for (step, z) in z.iter_mut().enumerate() {
                *z = self.filtered::<S, R, N>(first, &x[step * live.len() + row..], live.len());
            }
            for r in 0..R {
                for n in 0..N {
                    let column = first + n * S::LANES;
                    let (y, signed) = pool::<S>(z[0][r][n], z[1][r][n]);
                    let (at, count) = (live[row + r] * filters + column, filters - column);
                    S::store_first(self.y.add(at), y, count);
                    if let Some(argmax) = self.argmax {
                        S::store_first(argmax.add(at), signed, count);
                    }
                }
            }
        }
    }

    /// `z` at one step of the input. `x` begins with the words of the `R` rows at that step, and again after
    /// `live` rows with those at the next one.
    ///
    /// # Safety
    /// As of `block`, but for `y` and `argmax`.
    #[inline(always)]
    unsafe fn filtered<S: Simd, const R: usize, const N: usize>(
        &self,
        first: usize,
        x: &[*const E::Number],
        live: usize,
    ) -> [[S::V; N]; R] {
        let Step { s, .. } = *self;
        debug_assert!(self.bias.len() >= first + N * S::LANES);
        // SAFETY: `bias` has `filters` rounded up to whole vectors, as many as the weights have. The block's
        // panel is `(kernel, input, N, LANES)` words, of which tap `j` takes the `j`-th part; every row of
        // `x` is the words of `input` numbers.
        unsafe {
            let mut bias = [S::splat(0.0); N];
            for n in 0..N {
                bias[n] = S::load(self.bias[first + n * S::LANES..].as_ptr());
            }
            let mut z = [bias; R];
            let mut panel = self.weights.block::<E>(first);
            for j in 0..s.spec.kernel {
                let rows = *x[j * live..].first_chunk::<R>().expect("`R` rows of each tap");
                z = multiply::<S, E, R, N>(rows, s.input, panel, z);
                panel = panel.add(s.input.next_multiple_of(E::PAIR) * N * S::LANES);
            }
            z
        }
    }
}

/// Max-pooling of two steps: `y`, and `y` with the argmax as its sign. NaN stays NaN.
///
/// # Safety
/// The processor has `S`'s instructions.
#[inline(always)]
unsafe fn pool<S: Simd>(before: S::V, after: S::V) -> (S::V, S::V) {
    // SAFETY: the caller's processor has `S`'s instructions; no memory is touched.
    unsafe {
        let zero = S::splat(0.0);
        let larger = S::select_less(before, after, after, before);
        let larger = S::select_nan(after, after, larger);
        let y = S::select_less(larger, zero, zero, larger);
        (y, S::select_less(before, after, S::sub(S::splat(-0.0), y), y))
    }
}

impl Runs<ConvBackward> for Cpu {
    /// `dW = sum dz x`, then `dx = W^T dz`.
    fn execute(&self, s: &Conv, a: ConvBackwardOperands<Self>, _: Checked) -> Result<()> {
        let (isa, timeline) = (self.isa(), &self.timeline);
        let precision = self.precision;
        let ConvBackwardOperands { weights, x, lengths, argmax, dy, dx, d_weights } = a;
        let gradient = Gradient { s, lengths, argmax, dy };
        timeline.span("convolution weight gradient", s.weight_gradient_work(), || {
            with_format!(precision, E => weight_gradient::<E>(isa, &gradient, x, d_weights));
        });
        if let Some(dx) = dx {
            timeline.span("convolution input gradient", s.input_gradient_work(), || {
                with_format!(precision, E => input_gradient::<E>(isa, &gradient, weights, dx));
            });
        }
        Ok(())
    }
}

/// The operands that both gradients read.
struct Gradient<'a> {
    s: &'a Conv,
    lengths: &'a [u32],
    argmax: &'a [f32],
    dy: &'a [f32],
}

impl Gradient<'_> {
    /// Steps of the output of row `b`.
    fn steps(&self, m: usize, b: usize) -> usize {
        self.s.spec.steps(self.lengths[m * self.s.batch + b] as usize)
    }

    /// Filters `first ..` of the gradient by `z` at step `step` of row `b`.
    ///
    /// # Safety
    /// The processor has `S`'s instructions.
    #[inline(always)]
    unsafe fn expand<S: Simd>(&self, m: usize, step: usize, b: usize, first: usize, dz: &mut [f32]) {
        let at = self.s.y_at(m, step / 2, b) + first;
        let (argmax, dy) = (&self.argmax[at..][..dz.len()], &self.dy[at..][..dz.len()]);
        for f in (0..dz.len()).step_by(S::LANES) {
            let count = dz.len() - f;
            // SAFETY: the caller's processor has `S`'s instructions; of all three slices `count` numbers are
            // left from `f` on.
            unsafe {
                let signed = S::load_first(argmax.as_ptr().add(f), count);
                let (zero, dy) = (S::splat(0.0), S::load_first(dy.as_ptr().add(f), count));
                let passed = match step.is_multiple_of(2) {
                    true => S::select_less(zero, signed, dy, zero),
                    false => S::select_less(signed, zero, dy, zero),
                };
                S::store_first(dz.as_mut_ptr().add(f), passed, count);
            }
        }
    }
}

/// A task per model, strip of filters and tap.
fn weight_gradient<E: Format>(isa: Isa, gradient: &Gradient, x: &[f32], d_weights: &mut [f32]) {
    let s = gradient.s;
    let (strips, kernel) = (s.spec.filters.div_ceil(STRIP * isa.lanes()), s.spec.kernel);
    let apart = s.weights.keeps_apart(s.models, s.params());
    assert!(apart, "the models' weights overlap");
    let d_weights = &Disjoint::new(d_weights);
    (0..s.models * strips * kernel).into_par_iter().with_max_len(1).for_each(|i| {
        let (m, strip, tap) = (i / (strips * kernel), i / kernel % strips, i % kernel);
        let task = WeightTask { gradient, m, strip, tap, x, d_weights, format: PhantomData::<E> };
        isa::run(isa, task);
    });
}

/// A task per model and step, `(B, C)`.
fn input_gradient<E: Format>(isa: Isa, gradient: &Gradient, weights: &[f32], dx: &mut [f32]) {
    let s = gradient.s;
    let models: Vec<Columns> = (0..s.models).map(|m| packed::<E>(isa, s, weights, m, true)).collect();
    dx[..s.x_len()].par_chunks_mut(s.batch * s.input).enumerate().for_each(|(i, dx)| {
        let (m, t) = (i / s.steps, i % s.steps);
        let task = InputTask { gradient, m, t, weights: &models[m], dx, format: PhantomData::<E> };
        isa::run(isa, task);
    });
}

/// The weights of one tap of `STRIP` vectors of filters.
struct WeightTask<'a, E> {
    gradient: &'a Gradient<'a>,
    m: usize,
    strip: usize,
    tap: usize,
    x: &'a [f32],
    d_weights: &'a Disjoint<'a, f32>,
    format: PhantomData<E>,
}

impl<E: Format> Task for WeightTask<'_, E> {
    type Format = E;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let WeightTask { gradient, m, tap, .. } = self;
        let s = gradient.s;
        let width = STRIP * S::LANES;
        let first = self.strip * width;
        let count = width.min(s.spec.filters - first);
        // A strip of gradients takes half of the first-level cache. Rows come in pairs of steps, so that no
        // word is cut.
        let words = (CACHES.l1 / 2 / size_of::<f32>() / width).max(2).next_multiple_of(2);
        let depth = words * E::PAIR;
        let (mut sums, mut strip) = (Aligned::zeros(s.input * width), Aligned::zeros(words * width));
        let mut bias = vec![0.0; count];
        // Two steps that are to become pairs.
        let mut two_steps = Aligned::zeros(if E::PAIR == 2 { 2 * width } else { 0 });
        let mut x = Operands::<E>::new();
        let mut steps = (0..s.out_steps())
            .flat_map(|t| (0..s.batch).map(move |b| (t, b)))
            .filter(|&(t, b)| t < gradient.steps(m, b));
        loop {
            x.clear();
            for (t, b) in steps.by_ref().take(depth / 2) {
                let to = &mut strip[x.len() / E::PAIR * width..][..2 / E::PAIR * width];
                let dz = if E::PAIR == 2 { &mut *two_steps } else { &mut *to };
                let (before, after) = dz.split_at_mut(width);
                for (step, dz) in [(2 * t, before), (2 * t + 1, after)] {
                    let dz = &mut dz[..count];
                    // SAFETY: `run`'s caller has `S`'s instructions; of both slices `count - f` numbers are
                    // left from `f` on.
                    unsafe {
                        gradient.expand::<S>(m, step, b, first, dz);
                        for f in (0..count).step_by(S::LANES) {
                            let dz = S::load_first(dz.as_ptr().add(f), count - f);
                            let sum = S::add(S::load_first(bias.as_ptr().add(f), count - f), dz);
                            S::store_first(bias.as_mut_ptr().add(f), sum, count - f);
                        }
                    }
                    x.push(&self.x[s.x_at(m, step + tap, b)..][..s.input]);
                }
                if E::PAIR == 2 {
                    // SAFETY: `run`'s caller has `S`'s instructions.
                    unsafe { store_pairs::<S, E>(bytemuck::cast_slice_mut(to), &two_steps) };
                }
            }
            if x.len() == 0 {
                break;
            }
            // SAFETY: `run`'s caller has `S`'s instructions, and each row is a slice of `s.input` numbers.
            let x = unsafe { x.across::<S>(s.input) };
            for (channel, channels) in groups(s.input, const { block_rows::<S, E>(STRIP) }) {
                let sums = sums[channel * width..].as_mut_ptr();
                // SAFETY: `run`'s caller has `S`'s instructions. Each row is of `s.input` words, and there
                // are at most `words`, as many as the strip has; `channel + R <= s.input`, and `sums` has
                // `width` numbers for each channel.
                with_rows!(channels, block_rows::<S, E>(STRIP), R => unsafe {
                    outer::<S, E, R, STRIP>(x, channel, strip.as_ptr().cast(), [0, 1, 2, 3], sums)
                });
            }
        }
        for f in 0..count {
            let weight = s.weight(m) + (first + f) * s.depth() + tap;
            for c in 0..s.input {
                let at = weight + c * s.spec.kernel;
                // SAFETY: `pointer` checked the bounds. Tasks share out models, strips of filters and taps:
                // no other one has this tap of this filter, and `weight_gradient` made sure that the models
                // lie apart.
                unsafe { *self.d_weights.pointer(at..at + 1) = sums[c * width + f] };
            }
            if tap == 0 {
                let at = s.bias(m) + first + f;
                // SAFETY: `pointer` checked the bounds, and of the tasks of a filter only that of the first
                // tap is here; the models lie apart.
                unsafe { *self.d_weights.pointer(at..at + 1) = bias[f] };
            }
        }
    }
}

/// Stores two steps of `dz (2, STRIP, LANES)` as pairs, `(STRIP, LANES)` words.
///
/// # Safety
/// The processor has `S`'s instructions.
#[inline(always)]
unsafe fn store_pairs<S: Simd, E: Format>(to: &mut [E::Number], dz: &[f32]) {
    let (first, second) = dz.split_at(STRIP * S::LANES);
    for at in (0..STRIP * S::LANES).step_by(S::LANES) {
        let (first, second) = (&first[at..][..S::LANES], &second[at..][..S::LANES]);
        let to = &mut to[2 * at..][..2 * S::LANES];
        // SAFETY: all three slices are of a vector's length; the caller has `S`'s instructions.
        unsafe {
            let (first, second) = (S::load(first.as_ptr()), S::load(second.as_ptr()));
            E::store_words::<S>(to.as_mut_ptr(), first, second);
        }
    }
}

/// `dx (B, C)` of one step: all taps' gradients side by side, times the weights.
struct InputTask<'a, E> {
    gradient: &'a Gradient<'a>,
    m: usize,
    t: usize,
    weights: &'a Columns,
    dx: &'a mut [f32],
    format: PhantomData<E>,
}

impl<E: Format> Task for InputTask<'_, E> {
    type Format = E;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let InputTask { gradient, m, t, .. } = self;
        let s = gradient.s;
        let filters = s.spec.filters.next_multiple_of(E::PAIR);
        let depth = s.spec.kernel * filters;
        let lengths = &gradient.lengths[m * s.batch..][..s.batch];
        let live: Vec<usize> = (0..s.batch).filter(|&b| t < lengths[b] as usize).collect();
        if live.len() < s.batch {
            self.dx.fill(0.0);
        }
        let mut deltas = vec![0.0; live.len() * depth];
        for (deltas, &b) in deltas.chunks_exact_mut(depth).zip(&live) {
            for (tap, dz) in deltas.chunks_exact_mut(filters).enumerate() {
                if let Some(step) = t.checked_sub(tap).filter(|step| step / 2 < gradient.steps(m, b)) {
                    // SAFETY: `run`'s caller has `S`'s instructions.
                    unsafe { gradient.expand::<S>(m, step, b, 0, &mut dz[..s.spec.filters]) };
                }
            }
        }
        let mut rows = Operands::<E>::new();
        deltas.chunks_exact(depth).for_each(|row| rows.push(row));
        // SAFETY: `run`'s caller has `S`'s instructions, and each row is a slice of `depth` numbers.
        let deltas = unsafe { rows.along::<S>(depth) };
        let (weights, dx) = (self.weights, self.dx.as_mut_ptr());
        let rows = InputRows::<E> { s, depth, deltas, live: &live, weights, dx };
        for (first, vectors) in self.weights.blocks() {
            // SAFETY: `run`'s caller has `S`'s instructions; `blocks` gives one to four vectors, so that `N`
            // is `vectors`. `self.dx` is this task's own `batch * input` numbers, and live rows are below
            // `batch`.
            unsafe {
                match vectors {
                    1 => rows.columns::<S, 1>(first),
                    2 => rows.columns::<S, 2>(first),
                    3 => rows.columns::<S, 3>(first),
                    _ => rows.columns::<S, 4>(first),
                }
            }
        }
    }
}

/// The live rows of a step of `dx`.
struct InputRows<'a, E: Format> {
    s: &'a Conv,
    /// `k * F`, each tap's filters in whole words
    depth: usize,
    /// Of each live row the words of `depth` numbers.
    deltas: &'a [*const E::Number],
    live: &'a [usize],
    weights: &'a Columns,
    /// `(B, C)`
    dx: *mut f32,
}

impl<E: Format> InputRows<'_, E> {
    /// # Safety
    /// The processor has `S`'s instructions, of whose vectors the weights are packed; at `first` begins a
    /// block of them that has `N` vectors. `dx` is the first of `batch * input` numbers that nobody else
    /// touches, with a row for each of `live`.
    #[inline(always)]
    unsafe fn columns<S: Simd, const N: usize>(&self, first: usize) {
        for (row, rows) in groups(self.live.len(), block_rows::<S, E>(N)) {
            // SAFETY: `row + R <= live.len()`; the rest is what the caller promises.
            with_rows!(rows, block_rows::<S, E>(N), R => unsafe { self.block::<S, R, N>(first, row) });
        }
    }

    /// # Safety
    /// As of `columns`; there are `R` live rows from `row` on.
    #[inline(always)]
    unsafe fn block<S: Simd, const R: usize, const N: usize>(&self, first: usize, row: usize) {
        let InputRows { s, depth, deltas, live, dx, .. } = *self;
        // SAFETY: each row is the words of `depth` numbers, as many as the weights are deep. Every vector of
        // a block begins below `s.input`, of which a row of `dx` has `s.input - column` from there on, and no
        // more are stored.
        unsafe {
            let rows = *deltas[row..].first_chunk::<R>().expect("`R` rows from `row` on");
            let zeros = [[S::splat(0.0); N]; R];
            let sums = multiply::<S, E, R, N>(rows, depth, self.weights.block::<E>(first), zeros);
            for r in 0..R {
                for n in 0..N {
                    let column = first + n * S::LANES;
                    S::store_first(dx.add(live[row + r] * s.input + column), sums[r][n], s.input - column);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::Fp32;
    use super::super::isa::Isa;
    use super::super::simd::MAX_LANES;
    use super::*;
    use crate::ops::Precision;

    /// Both results of `pool`.
    struct Pool {
        before: [f32; MAX_LANES],
        after: [f32; MAX_LANES],
    }

    impl Task for Pool {
        type Format = Fp32;
        type Output = Vec<(f32, f32)>;

        #[inline(always)]
        unsafe fn run<S: Simd>(self) -> Vec<(f32, f32)> {
            let (mut y, mut signed) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
            // SAFETY: `run`'s caller has `S`'s instructions; each array has room for the vector of any path.
            unsafe {
                let found = pool::<S>(S::load(self.before.as_ptr()), S::load(self.after.as_ptr()));
                S::store(y.as_mut_ptr(), found.0);
                S::store(signed.as_mut_ptr(), found.1);
            }
            y.into_iter().zip(signed).take(S::LANES).collect()
        }
    }

    #[test]
    fn pooling_has_the_bits_of_the_reference_on_every_path() {
        let numbers = [1.0, 2.5, -1.0, 0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e-45];
        for isa in Isa::available_in(Precision::Fp32) {
            for (before, after) in numbers.into_iter().flat_map(|a| numbers.map(|b| (a, b))) {
                let larger = if before < after || after.is_nan() { after } else { before };
                let y = if larger < 0.0 { 0.0 } else { larger };
                let right = (y, if before < after { -y } else { y });
                let task = Pool { before: [before; MAX_LANES], after: [after; MAX_LANES] };
                let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                for found in isa::run(isa, task) {
                    let holds = same(found.0, right.0) && same(found.1, right.1);
                    assert!(holds, "{}: {before}, {after}: {found:?}, expected {right:?}", isa.name());
                }
            }
        }
    }
}
