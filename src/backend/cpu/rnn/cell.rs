//! The cells on vectors of hidden units; the equations are those of `reference/cell.rs`.

use super::super::activation::{sigmoid, tanh};
use super::super::simd::Simd;
use crate::ops::Cell;

/// A cell with `G` gates.
pub trait VectorCell<const G: usize>: Send + Sync {
    /// Whose equations these are.
    const CELL: Cell;
    /// Of what backward leaves, in the order of the reserve: the gradients by the gates' input and recurrent
    /// parts.
    const INPUT_SLOTS: [usize; G] = slots(Self::CELL, false);
    const RECURRENT_SLOTS: [usize; G] = slots(Self::CELL, true);

    /// From the gates (the recurrent part alone past the joint ones, the input part then in `wx`) and the
    /// previous `h` to the new `h`; `c` is carried. Also the gates' values and the number that is saved
    /// besides.
    ///
    /// # Safety
    /// The processor has `S`'s instructions, and `wx` is the first of `G * LANES` initialized numbers.
    unsafe fn forward<S: Simd>(
        sums: &[S::V; G],
        wx: *const f32,
        h: S::V,
        c: &mut S::V,
    ) -> (S::V, [S::V; G], S::V);

    /// From what forward saved to the gradients by the gates' input and recurrent parts. `dh` and `dc` come
    /// in as gradients by the new state and leave as those by the previous one, without what flows through
    /// the recurrent product.
    ///
    /// # Safety
    /// The processor has `S`'s instructions.
    unsafe fn backward<S: Simd>(
        gates: &[S::V; G],
        saved: S::V,
        h: S::V,
        c: S::V,
        dh: &mut S::V,
        dc: &mut S::V,
    ) -> ([S::V; G], [S::V; G]);
}

const fn slots<const G: usize>(cell: Cell, recurrent: bool) -> [usize; G] {
    let mut slots = [0; G];
    let mut gate = 0;
    while gate < G {
        slots[gate] = if recurrent { cell.recurrent_slot(gate) } else { gate };
        gate += 1;
    }
    slots
}

pub struct Lstm;

impl VectorCell<4> for Lstm {
    const CELL: Cell = Cell::Lstm;

    #[inline(always)]
    unsafe fn forward<S: Simd>(
        sums: &[S::V; 4],
        _: *const f32,
        _: S::V,
        c: &mut S::V,
    ) -> (S::V, [S::V; 4], S::V) {
        // SAFETY: the caller's processor has `S`'s instructions; no memory but the vectors passed is touched.
        unsafe {
            let i = sigmoid::<S>(sums[0]);
            let f = sigmoid::<S>(sums[1]);
            let g = tanh::<S>(sums[2]);
            let o = sigmoid::<S>(sums[3]);
            *c = S::mul_add(f, *c, S::mul(i, g));
            let h = S::mul(o, tanh::<S>(*c));
            (h, [i, f, g, o], *c)
        }
    }

    #[inline(always)]
    unsafe fn backward<S: Simd>(
        &[i, f, g, o]: &[S::V; 4],
        new_c: S::V,
        _: S::V,
        c: S::V,
        dh: &mut S::V,
        dc: &mut S::V,
    ) -> ([S::V; 4], [S::V; 4]) {
        // SAFETY: the caller's processor has `S`'s instructions; no memory but the vectors passed is touched.
        unsafe {
            let one = S::splat(1.0);
            let tanh_c = tanh::<S>(new_c);
            let d_c = S::mul_add(S::mul(*dh, o), S::neg_mul_add(tanh_c, tanh_c, one), *dc);
            let d_i = S::mul(S::mul(d_c, g), S::neg_mul_add(i, i, i));
            let d_f = S::mul(S::mul(d_c, c), S::neg_mul_add(f, f, f));
            let d_g = S::mul(S::mul(d_c, i), S::neg_mul_add(g, g, one));
            let d_o = S::mul(S::mul(*dh, tanh_c), S::neg_mul_add(o, o, o));
            *dc = S::mul(d_c, f);
            *dh = S::splat(0.0);
            let d = [d_i, d_f, d_g, d_o];
            (d, d)
        }
    }
}

pub struct Gru;

impl VectorCell<3> for Gru {
    const CELL: Cell = Cell::Gru;

    #[inline(always)]
    unsafe fn forward<S: Simd>(
        sums: &[S::V; 3],
        wx: *const f32,
        h: S::V,
        _: &mut S::V,
    ) -> (S::V, [S::V; 3], S::V) {
        // SAFETY: the caller's processor has `S`'s instructions, and the third of `wx`'s `G = 3` vectors is
        // read.
        unsafe {
            let r = sigmoid::<S>(sums[0]);
            let z = sigmoid::<S>(sums[1]);
            let n = tanh::<S>(S::mul_add(r, sums[2], S::load(wx.add(2 * S::LANES))));
            let new_h = S::mul_add(z, h, S::mul(S::sub(S::splat(1.0), z), n));
            (new_h, [r, z, n], sums[2])
        }
    }

    #[inline(always)]
    unsafe fn backward<S: Simd>(
        &[r, z, n]: &[S::V; 3],
        rh_n: S::V,
        h: S::V,
        _: S::V,
        dh: &mut S::V,
        _: &mut S::V,
    ) -> ([S::V; 3], [S::V; 3]) {
        // SAFETY: the caller's processor has `S`'s instructions; no memory but the vectors passed is touched.
        unsafe {
            let one = S::splat(1.0);
            let d_n = S::mul(S::mul(*dh, S::sub(one, z)), S::neg_mul_add(n, n, one));
            let d_r = S::mul(S::mul(d_n, rh_n), S::neg_mul_add(r, r, r));
            let d_z = S::mul(S::mul(*dh, S::sub(h, n)), S::neg_mul_add(z, z, z));
            *dh = S::mul(*dh, z);
            ([d_r, d_z, d_n], [d_r, d_z, S::mul(d_n, r)])
        }
    }
}

/// Evaluates an expression with the type `$C` of a cell's equations and its number of gates `$G`, whichever
/// cell it is: the one place that goes from the cell to its kernels.
macro_rules! with_cell {
    ($cell:expr, $C:ident, $G:ident => $work:expr) => {
        with_cell!(@all [Lstm, Gru] $cell, $C, $G => $work)
    };
    (@all [$($name:ident),*] $cell:expr, $C:ident, $G:ident => $work:expr) => {
        match $cell {
            $($crate::ops::Cell::$name => {
                type $C = $crate::backend::cpu::rnn::cell::$name;
                const $G: usize = $crate::ops::Cell::$name.gates();
                $work
            })*
        }
    };
}
pub(super) use with_cell;
