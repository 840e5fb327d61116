//! Backpropagation through time: a task owns a tile of batch rows and runs all its time steps backward.
//!
//! ```text
//! dh, dc = d_last
//! for each step, from each row's last one back:
//!     dh += dy[step]
//!     d_gates, dh, dc = cell_backward(reserve[step], dh, dc)
//!     reserve[step] = d_gates           in place: gradient.rs reads them
//!     dh += d_gates W_hh                the recurrent GEMM, from block to block of columns
//! d_initial = dh, dc
//! ```

use super::super::columns::Columns;
use super::super::device::Cpu;
use super::super::format::{Format, with_format};
use super::super::isa::{self, Task};
use super::super::kernel::{block_rows, groups, multiply, with_rows};
use super::super::memory::{Scratch, carve, carve_numbers, carved};
use super::super::simd::Simd;
use super::cell::{VectorCell, with_cell};
use super::gradient;
use super::layer::{Layer, Tile, for_each_tile, reserve_row_len, tiles};
use crate::backend::disjoint::Disjoint;
use crate::error::Result;
use crate::ops::{Checked, Rnn, RnnBackward, RnnBackwardOperands, Runs};
use std::marker::PhantomData;

impl Runs<RnnBackward> for Cpu {
    fn execute(&self, s: &Rnn, a: RnnBackwardOperands<Self>, _: Checked) -> Result<()> {
        with_format!(self.precision, E => backward::<E>(self, s, a));
        Ok(())
    }
}

fn backward<E: Format>(cpu: &Cpu, s: &Rnn, a: RnnBackwardOperands<Cpu>) {
    let (isa, timeline) = (cpu.isa(), &cpu.timeline);
    let layer = &mut a.layer.memory;
    layer.check(cpu.layout());
    layer.consume(a.lengths);
    let Layer { packed, reserve, scratch, .. } = layer;
    let reserve = bytemuck::cast_slice_mut::<f32, E::Number>(reserve);
    let initial = a.initial.map(Vec::as_slice);
    let d_initial = a.d_initial.map(|d_initial| Disjoint::new(d_initial));
    let shared_reserve = Disjoint::new(reserve);
    timeline.span("rnn backward", s.backward_work(a.dy.is_some()), || {
        for_each_tile(tiles(s), |tile| {
            let pass = Pass::<E> {
                s,
                weights: packed[tile.m * s.dirs + tile.dir].recurrent.as_ref().expect("made for training"),
                lengths: &a.lengths[tile.m * s.batch..][tile.rows.clone()],
                initial,
                y: a.y,
                dy: a.dy.map(Vec::as_slice),
                d_last: a.d_last.map(Vec::as_slice),
                d_initial: d_initial.as_ref(),
                reserve: &shared_reserve,
                scratch,
                tile,
            };
            with_cell!(s.cell, C, G => isa::run(isa, BackwardTile::<E, C, G>(pass, PhantomData)))
        });
    });
    let inputs = gradient::Inputs::<E> { x: a.x, y: a.y, initial, lengths: a.lengths, deltas: reserve };
    timeline.span("weight gradient", s.weight_gradient_work(), || {
        gradient::weights(isa, s, &inputs, scratch, a.d_weights);
    });
    if let Some(dx) = a.dx {
        timeline.span("input gradient", s.input_gradient_work(), || {
            gradient::inputs(isa, s, packed, &inputs, scratch, dx);
        });
    }
}

struct Pass<'a, E: Format> {
    s: &'a Rnn,
    tile: Tile,
    /// `W_hh (G*H, H)`
    weights: &'a Columns,
    /// Of the tile's rows.
    lengths: &'a [u32],
    initial: Option<&'a [f32]>,
    y: &'a [f32],
    dy: Option<&'a [f32]>,
    d_last: Option<&'a [f32]>,
    d_initial: Option<&'a Disjoint<'a, f32>>,
    /// In: the values that forward saved; out: gradients by the gates.
    reserve: &'a Disjoint<'a, E::Number>,
    scratch: &'a Scratch,
}

struct BackwardTile<'a, E: Format, C, const G: usize>(Pass<'a, E>, PhantomData<C>);

/// One row at one step: `h` and `dy` are `hidden` numbers, `dh` and `dc` are `width`, whole blocks of units.
struct Cells<E: Format> {
    /// `(blocks, saved, LANES)`
    reserve: *mut E::Number,
    /// `h` and `c` before the step; from one block of `c`, `LANES` numbers, to the next it is `c_stride`.
    h: *const f32,
    c: *const E::Number,
    c_stride: usize,
    /// Null where only the final state has a gradient.
    dy: *const f32,
    dh: *mut f32,
    dc: *mut f32,
    /// `d_rh (G*H)`, in whole words
    d_rh: *mut E::Number,
}

impl<E: Format, C: VectorCell<G>, const G: usize> Task for BackwardTile<'_, E, C, G> {
    type Format = E;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Pass { s, ref tile, lengths, scratch, .. } = self.0;
        let width = s.hidden.next_multiple_of(S::LANES);
        let (count, gates) = (tile.rows.len(), (G * s.hidden).next_multiple_of(E::PAIR));
        let steps = lengths.iter().max().map_or(0, |&longest| longest as usize);
        let state = count * width;
        let numbers = [count * gates, state].map(|numbers| numbers / E::PAIR);
        let mut borrowed = scratch.borrow(carved([state, state, numbers[0], numbers[1], width]));
        let mut space = borrowed.as_mut();
        let dh = carve(&mut space, state);
        let dc = carve(&mut space, state);
        let d_rh = carve_numbers::<E>(&mut space, count * gates);
        let first_c = carve_numbers::<E>(&mut space, state);
        let zeros = carve(&mut space, width);
        zeros.fill(0.0);
        // An odd row ends with a 0, which stays.
        d_rh.fill(E::round(0.0));
        self.begin(width, dh, dc, first_c);
        // All rows' pointers come from these: to borrow a slice again for a row would end those of the rows
        // before.
        let (row_dh, row_dc, row_d_rh) = (dh.as_mut_ptr(), dc.as_mut_ptr(), d_rh.as_mut_ptr());
        let mut cells = Vec::with_capacity(count);
        for step in (0..steps).rev() {
            cells.clear();
            for row in (0..count).filter(|&row| step < lengths[row] as usize) {
                let (dh, dc) = (row_dh.wrapping_add(row * width), row_dc.wrapping_add(row * width));
                let before = (&*zeros, &first_c[row * width..][..width]);
                cells.push(self.cells::<S>(row, step, before, dh, dc, row_d_rh.wrapping_add(row * gates)));
            }
            // SAFETY: `run`'s caller has `S`'s instructions. `dh` and `dc` have `width` numbers for each of
            // `count` rows, `d_rh` has `gates`, and no slice of them is used before `end`; `cells`
            // checked the bounds of everything else. What is written is of rows of this tile, which this
            // thread runs alone, and rows do not overlap.
            unsafe {
                for row in &cells {
                    self.cell::<S>(row);
                }
                self.recur::<S>(&cells);
            }
        }
        self.end(width, dh, dc);
    }
}

impl<E: Format, C: VectorCell<G>, const G: usize> BackwardTile<'_, E, C, G> {
    /// Loads the gradients by the final states, and `c` before the first step as the reserve has the others.
    #[inline(always)]
    fn begin(&self, width: usize, dh: &mut [f32], dc: &mut [f32], first_c: &mut [E::Number]) {
        let Pass { s, tile, d_last, initial, .. } = &self.0;
        dh.fill(0.0);
        dc.fill(0.0);
        first_c.fill(E::round(0.0));
        if let Some(initial) = initial.filter(|_| s.cell.states() > 1) {
            for (row, b) in tile.rows.clone().enumerate() {
                let from = &initial[s.state_at(tile.m, 1, tile.dir, b)..][..s.hidden];
                for (to, &from) in first_c[row * width..].iter_mut().zip(from) {
                    *to = E::round(from);
                }
            }
        }
        let Some(d_last) = d_last else { return };
        for (row, b) in tile.rows.clone().enumerate() {
            for (vector, d) in [&mut *dh, &mut *dc].into_iter().enumerate().take(s.cell.states()) {
                let from = &d_last[s.state_at(tile.m, vector, tile.dir, b)..][..s.hidden];
                d[row * width..][..s.hidden].copy_from_slice(from);
            }
        }
    }

    /// Stores the gradients by the states before the first step.
    #[inline(always)]
    fn end(&self, width: usize, dh: &[f32], dc: &[f32]) {
        let Pass { s, tile, d_initial, .. } = &self.0;
        let Some(d_initial) = d_initial else { return };
        for (row, b) in tile.rows.clone().enumerate() {
            for (vector, d) in [dh, dc].into_iter().enumerate().take(s.cell.states()) {
                let at = s.state_at(tile.m, vector, tile.dir, b);
                // SAFETY: these numbers are of one model, direction and row, and so of this tile alone, which
                // one thread runs; the slice is gone when the next one is asked for.
                unsafe { d_initial.range(at..at + s.hidden) }.copy_from_slice(&d[row * width..][..s.hidden]);
            }
        }
    }

    #[inline(always)]
    fn cells<S: Simd>(
        &self,
        row: usize,
        step: usize,
        (zeros, first_c): (&[f32], &[E::Number]),
        dh: *mut f32,
        dc: *mut f32,
        d_rh: *mut E::Number,
    ) -> Cells<E> {
        let Pass { s, tile, lengths, initial, y, dy, reserve, .. } = &self.0;
        let (m, dir, b, length) = (tile.m, tile.dir, tile.rows.start + row, lengths[row] as usize);
        let (hidden, saved) = (s.hidden, reserve_row_len(s, S::LANES));
        let reserve_row = |t: usize| {
            let at = s.reserve_row(m, dir, t, b) * saved;
            reserve.pointer(at..at + saved)
        };
        let t = s.step(dir, step, length);
        let first_h = initial.map_or(zeros, |initial| &initial[s.state_at(m, 0, dir, b)..][..hidden]);
        let (h, c, c_stride) = match step.checked_sub(1).map(|before| s.step(dir, before, length)) {
            // For a cell without `c` this is some number that it ignores.
            Some(t) => {
                let h = y[s.y_at(m, dir, t, b)..][..hidden].as_ptr();
                let c = reserve_row(t).wrapping_add(G * S::LANES).cast_const();
                (h, c, (G + 1) * S::LANES)
            }
            None => (first_h.as_ptr(), first_c.as_ptr(), S::LANES),
        };
        Cells {
            reserve: reserve_row(t),
            h,
            c,
            c_stride,
            dy: dy.map_or(std::ptr::null(), |dy| dy[s.y_at(m, dir, t, b)..][..hidden].as_ptr()),
            dh,
            dc,
            d_rh,
        }
    }

    /// The cell backward, for one row.
    ///
    /// # Safety
    /// The processor has `S`'s instructions; the pointers of `row` are to as many numbers as [`Cells`] says,
    /// all initialized, and nobody else touches its reserve, `dh`, `dc` and `d_rh`.
    #[inline(always)]
    unsafe fn cell<S: Simd>(&self, row: &Cells<E>) {
        let hidden = self.0.s.hidden;
        for block in 0..hidden.div_ceil(S::LANES) {
            let at = block * S::LANES;
            let count = hidden - at;
            // SAFETY: `block` is below `width / LANES`, so that its units end within `width` numbers of `dh`
            // and `dc`, what was saved of it within `(G + 1) * width` of the reserve. Of `h`, `dy` and each
            // gate of `d_rh`, which have `hidden` numbers, no more than the `count` that are left are
            // touched, and of `c` a whole block after `block` strides.
            unsafe {
                let reserve = row.reserve.add(block * (G + 1) * S::LANES);
                let mut gates = [S::splat(0.0); G];
                for g in 0..G {
                    gates[g] = E::widen::<S>(reserve.add(g * S::LANES));
                }
                let saved = E::widen::<S>(reserve.add(G * S::LANES));
                let h = S::load_first(row.h.add(at), count);
                let c = E::widen::<S>(row.c.add(block * row.c_stride));
                let (mut dh, mut dc) = (S::load(row.dh.add(at)), S::load(row.dc.add(at)));
                if !row.dy.is_null() {
                    dh = S::add(dh, S::load_first(row.dy.add(at), count));
                }
                let (d_wx, d_rh) = C::backward::<S>(&gates, saved, h, c, &mut dh, &mut dc);
                S::store(row.dh.add(at), dh);
                S::store(row.dc.add(at), dc);
                for g in 0..G {
                    E::store::<S>(reserve.add(g * S::LANES), d_wx[g]);
                    E::store_first::<S>(row.d_rh.add(g * hidden + at), d_rh[g], count);
                    // A part that stays apart takes the place of what was saved; the LSTM's is the `c` of the
                    // next step.
                    if g >= C::CELL.joint_gates() {
                        E::store::<S>(reserve.add(G * S::LANES), d_rh[g]);
                    }
                }
            }
        }
    }

    /// `dh_{s-1} += d_rh W_hh` of all live rows.
    ///
    /// # Safety
    /// The processor has `S`'s instructions; `dh` and `d_rh` of `cells` are to as many numbers as [`Cells`]
    /// says, all initialized, which nobody else touches.
    #[inline(always)]
    unsafe fn recur<S: Simd>(&self, cells: &[Cells<E>]) {
        for (column, vectors) in self.0.weights.blocks() {
            // SAFETY: a block of `blocks` has one to four vectors, so that `N` is `vectors`; the caller
            // vouches for the rest.
            unsafe {
                match vectors {
                    1 => self.recur_block::<S, 1>(column, cells),
                    2 => self.recur_block::<S, 2>(column, cells),
                    3 => self.recur_block::<S, 3>(column, cells),
                    _ => self.recur_block::<S, 4>(column, cells),
                }
            }
        }
    }

    /// # Safety
    /// As of `recur`; at `column` begins a block of the weights that has `N` vectors.
    #[inline(always)]
    unsafe fn recur_block<S: Simd, const N: usize>(&self, column: usize, cells: &[Cells<E>]) {
        for (first, rows) in groups(cells.len(), block_rows::<S, E>(N)) {
            // SAFETY: `first + R <= cells.len()`, and the caller vouches for each of them and for `column`.
            with_rows!(rows, block_rows::<S, E>(N), R => unsafe {
                self.recur_rows::<S, R, N>(column, &cells[first..])
            });
        }
    }

    /// # Safety
    /// As of `recur_block`; there are at least `R` of `cells`.
    #[inline(always)]
    unsafe fn recur_rows<S: Simd, const R: usize, const N: usize>(&self, column: usize, cells: &[Cells<E>]) {
        let Pass { s, weights, .. } = &self.0;
        // SAFETY: the weights have `hidden` columns, so that a block's vectors end within `width`, as `dh`'s
        // do. Its panel is `(G*hidden, N, LANES)` words of the layer's vectors, which `Layer::check` found to
        // be `S`'s, and as deep as `d_rh` is long.
        unsafe {
            let mut sums = [[S::splat(0.0); N]; R];
            let mut rows = [std::ptr::null(); R];
            for r in 0..R {
                rows[r] = cells[r].d_rh.cast_const();
                for n in 0..N {
                    sums[r][n] = S::load(cells[r].dh.add(column + n * S::LANES));
                }
            }
            let sums = multiply::<S, E, R, N>(rows, G * s.hidden, weights.block::<E>(column), sums);
            for r in 0..R {
                for n in 0..N {
                    S::store(cells[r].dh.add(column + n * S::LANES), sums[r][n]);
                }
            }
        }
    }
}
