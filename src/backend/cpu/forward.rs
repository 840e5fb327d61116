//! Forward: a task owns a tile of batch rows and runs all its steps, with no synchronisation. The input product is taken
//! for several steps at once, so that the weights are read once for many rows; the gate maths follows the recurrent
//! product while its sums are still at hand.

use super::cache::CACHES;
use super::cell::{Gru, Lstm, VectorCell};
use super::isa::{self, Isa, Task};
use super::kernel::{block_rows, groups, multiply, with_rows};
use super::layer::{Layer, Tile, for_each_tile, reserve_row_len, tiles};
use super::memory::{Scratch, carve, carved};
use super::pack::Gates;
use super::simd::Simd;
use crate::backend::disjoint::Disjoint;
use crate::spec::{Cell, Rnn, RnnForward};
use std::marker::PhantomData;

pub fn forward(isa: Isa, s: &Rnn, a: RnnForward<Layer, Vec<f32>, Vec<u32>>) {
    let Layer { packed, reserve, scratch } = a.layer;
    assert!(!a.keep || !reserve.is_empty(), "a layer made for inference keeps nothing");
    let (y, last) = (Disjoint::new(a.y), Disjoint::new(a.last));
    let reserve = a.keep.then(|| Disjoint::new(reserve));
    for_each_tile(tiles(s), |tile| {
        let pass = Pass {
            s,
            weights: &packed[tile.m * s.dirs + tile.dir].gates,
            x: a.x,
            lengths: &a.lengths[tile.m * s.batch..][tile.rows.clone()],
            initial: a.initial.map(Vec::as_slice),
            y: &y,
            last: &last,
            reserve: reserve.as_ref(),
            scratch,
            tile,
        };
        match s.cell {
            Cell::Lstm => isa::run(isa, ForwardTile::<Lstm, 4>(pass, PhantomData)),
            Cell::Gru => isa::run(isa, ForwardTile::<Gru, 3>(pass, PhantomData)),
        }
    });
}

struct Pass<'a> {
    s: &'a Rnn,
    tile: Tile,
    weights: &'a Gates,
    x: &'a [f32],
    /// Of the tile's rows.
    lengths: &'a [u32],
    initial: Option<&'a [f32]>,
    y: &'a Disjoint<'a, f32>,
    last: &'a Disjoint<'a, f32>,
    reserve: Option<&'a Disjoint<'a, f32>>,
    scratch: &'a Scratch,
}

struct ForwardTile<'a, C, const G: usize>(Pass<'a>, PhantomData<C>);

/// One row at one step.
struct Cells {
    /// Input parts of the gates, `(blocks, G, LANES)`.
    wx: *const f32,
    h: *const f32,
    next_h: *mut f32,
    c: *mut f32,
    y: *mut f32,
    /// `(blocks, saved, LANES)`, or null if nothing is kept.
    reserve: *mut f32,
}

impl<C: VectorCell<G>, const G: usize> Task for ForwardTile<'_, C, G> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Pass { s, ref tile, lengths, scratch, .. } = self.0;
        let width = s.hidden.next_multiple_of(S::LANES);
        let count = tile.rows.len();
        let steps = lengths.iter().max().map_or(0, |&longest| longest as usize);
        let chunk = chunk_steps(count * G * width, steps);
        let state = count * width;
        let len = carved([state, state, state, chunk * count * G * width]);
        let mut borrowed = scratch.borrow(len);
        let mut space = borrowed.as_mut();
        let mut h = carve(&mut space, state);
        let mut next_h = carve(&mut space, state);
        let c = carve(&mut space, state);
        let wx = carve(&mut space, chunk * count * G * width);
        self.begin(width, h, c);
        let mut cells = Vec::with_capacity(count);
        for first in (0..steps).step_by(chunk) {
            let chunk = first..(first + chunk).min(steps);
            // SAFETY: `run`'s caller has `S`'s instructions.
            unsafe { self.project::<S>(chunk.clone(), wx) };
            let mut wx = wx.as_ptr();
            for step in chunk {
                cells.clear();
                for row in (0..count).filter(|&row| step < lengths[row] as usize) {
                    let (y, reserve) = self.outputs::<S>(row, step);
                    let at = row * width;
                    let (h, next_h) = (h[at..].as_ptr(), next_h[at..].as_mut_ptr());
                    cells.push(Cells { wx, h, next_h, c: c[at..].as_mut_ptr(), y, reserve });
                    wx = wx.wrapping_add(G * width);
                }
                // SAFETY: as above; every row's numbers are its own.
                unsafe { self.recur::<S>(&cells) };
                for row in (0..count).filter(|&row| step + 1 == lengths[row] as usize) {
                    self.finish(row, &next_h[row * width..], &c[row * width..]);
                }
                std::mem::swap(&mut h, &mut next_h);
            }
        }
    }
}

/// Steps whose input parts, of `step_len` numbers each, are made at once: they must stay in the second-level cache.
fn chunk_steps(step_len: usize, steps: usize) -> usize {
    (CACHES.l2 / 4 / (size_of::<f32>() * step_len)).clamp(1, steps.max(1))
}

impl<C: VectorCell<G>, const G: usize> ForwardTile<'_, C, G> {
    /// Loads the tile's states. A row without steps is finished before it begins.
    #[inline(always)]
    fn begin(&self, width: usize, h: &mut [f32], c: &mut [f32]) {
        let Pass { s, tile, lengths, initial, .. } = &self.0;
        h.fill(0.0);
        c.fill(0.0);
        for (row, b) in tile.rows.clone().enumerate() {
            if let Some(initial) = initial {
                for (vector, state) in [&mut *h, &mut *c].into_iter().enumerate().take(s.cell.states()) {
                    let from = &initial[s.state_at(tile.m, vector, tile.dir, b)..][..s.hidden];
                    state[row * width..][..s.hidden].copy_from_slice(from);
                }
            }
            if lengths[row] == 0 {
                self.finish(row, &h[row * width..], &c[row * width..]);
            }
            for t in lengths[row] as usize..s.steps {
                let at = s.y_at(tile.m, tile.dir, t, b);
                // SAFETY: a row of `y` belongs to the one tile with the row.
                unsafe { self.0.y.range(at..at + s.hidden) }.fill(0.0);
            }
        }
    }

    /// Where row `row` of the tile leaves its step's output and what is kept of it.
    #[inline(always)]
    fn outputs<S: Simd>(&self, row: usize, step: usize) -> (*mut f32, *mut f32) {
        let Pass { s, tile, lengths, y, reserve, .. } = &self.0;
        let (m, dir, b) = (tile.m, tile.dir, tile.rows.start + row);
        let t = s.step(dir, step, lengths[row] as usize);
        let at = s.y_at(m, dir, t, b);
        let saved = reserve_row_len(s, S::LANES);
        let kept = s.reserve_row(m, dir, t, b) * saved;
        // SAFETY: a row of `y` and of the reserve belongs to the one tile with the row.
        unsafe {
            let y = y.range(at..at + s.hidden).as_mut_ptr();
            let reserve = reserve.map_or(std::ptr::null_mut(), |r| r.range(kept..kept + saved).as_mut_ptr());
            (y, reserve)
        }
    }

    /// Stores the final state of row `row` of the tile.
    #[inline(always)]
    fn finish(&self, row: usize, h: &[f32], c: &[f32]) {
        let Pass { s, tile, last, .. } = &self.0;
        for (vector, state) in [h, c].into_iter().enumerate().take(s.cell.states()) {
            let at = s.state_at(tile.m, vector, tile.dir, tile.rows.start + row);
            // SAFETY: a row of a state belongs to the one tile with the row.
            unsafe { last.range(at..at + s.hidden) }.copy_from_slice(&state[..s.hidden]);
        }
    }

    /// `wx = W_ih x + bias` of every live row of several steps, one after the other.
    #[inline(always)]
    unsafe fn project<S: Simd>(&self, steps: std::ops::Range<usize>, wx: &mut [f32]) {
        let Pass { s, tile, lengths, x, .. } = &self.0;
        let mut inputs = Vec::with_capacity(steps.len() * lengths.len());
        for step in steps {
            for (row, b) in tile.rows.clone().enumerate().filter(|&(row, _)| step < lengths[row] as usize) {
                let t = s.step(tile.dir, step, lengths[row] as usize);
                inputs.push(x[s.x_at(tile.m, t, b)..][..s.input].as_ptr());
            }
        }
        let width = s.hidden.next_multiple_of(S::LANES);
        assert!(inputs.len() * G * width <= wx.len());
        for block in 0..width / S::LANES {
            for (first, rows) in groups(inputs.len(), block_rows(S::REGISTERS, G)) {
                let wx = &mut wx[(first * width + block * S::LANES) * G..];
                // SAFETY: in bounds by the assertion.
                with_rows!(rows, block_rows(S::REGISTERS, G), R => unsafe {
                    self.project_block::<S, R>(block, &inputs[first..], wx.as_mut_ptr())
                });
            }
        }
    }

    #[inline(always)]
    unsafe fn project_block<S: Simd, const R: usize>(
        &self,
        block: usize,
        inputs: &[*const f32],
        wx: *mut f32,
    ) {
        let Pass { s, weights, .. } = &self.0;
        let width = s.hidden.next_multiple_of(S::LANES);
        unsafe {
            let mut bias = [S::splat(0.0); G];
            for g in 0..G {
                bias[g] = S::load(weights.bias[(block * G + g) * S::LANES..].as_ptr());
            }
            let mut rows = [std::ptr::null(); R];
            rows.copy_from_slice(&inputs[..R]);
            let sums = multiply::<S, R, G>(rows, s.input, weights.input_block(s, block), [bias; R]);
            for r in 0..R {
                for g in 0..G {
                    S::store(wx.add(r * G * width + g * S::LANES), sums[r][g]);
                }
            }
        }
    }

    /// One step of all live rows: the recurrent product and the cell.
    #[inline(always)]
    unsafe fn recur<S: Simd>(&self, cells: &[Cells]) {
        for block in 0..self.0.s.hidden.div_ceil(S::LANES) {
            for (first, rows) in groups(cells.len(), block_rows(S::REGISTERS, G)) {
                with_rows!(rows, block_rows(S::REGISTERS, G), R => unsafe {
                    self.recur_block::<S, R>(block, &cells[first..])
                });
            }
        }
    }

    #[inline(always)]
    unsafe fn recur_block<S: Simd, const R: usize>(&self, block: usize, cells: &[Cells]) {
        let Pass { s, weights, .. } = &self.0;
        let at = block * S::LANES;
        let count = s.hidden - at;
        unsafe {
            let mut sums = [[S::splat(0.0); G]; R];
            let mut rows = [std::ptr::null(); R];
            for r in 0..R {
                rows[r] = cells[r].h;
                for g in 0..G {
                    sums[r][g] = S::load(match g < C::JOINT {
                        true => cells[r].wx.add((block * G + g) * S::LANES),
                        false => weights.recurrent_bias[(block * G + g) * S::LANES..].as_ptr(),
                    });
                }
            }
            let sums = multiply::<S, R, G>(rows, s.hidden, weights.recurrent_block(s, block), sums);
            for (r, sums) in sums.iter().enumerate() {
                let row = &cells[r];
                let mut c = S::load(row.c.add(at));
                let wx = row.wx.add(block * G * S::LANES);
                let (h, gates, kept) = C::forward::<S>(sums, wx, S::load(row.h.add(at)), &mut c);
                S::store(row.c.add(at), c);
                S::store(row.next_h.add(at), h);
                S::store_first(row.y.add(at), h, count);
                if !row.reserve.is_null() {
                    let reserve = row.reserve.add(block * (G + 1) * S::LANES);
                    for g in 0..G {
                        S::store(reserve.add(g * S::LANES), gates[g]);
                    }
                    S::store(reserve.add(G * S::LANES), kept);
                }
            }
        }
    }
}
