//! The cells on vectors of hidden units; the equations are those of `reference/cell.rs`.

use super::activation::{sigmoid, tanh};
use super::isa::Arithmetic;
use super::panel::{LANES, Lane};

/// A cell with `G` gates. Slots are what forward keeps for backward.
pub trait LaneCell<const G: usize>: Send + Sync {
    /// From both parts of the gates and the previous `h` to the new `h`; `c` is carried. Also the `G + 1` slots.
    fn forward<A: Arithmetic>(wx: &[Lane; G], rh: &[Lane; G], h: &Lane, c: &mut Lane) -> (Lane, [Lane; 5]);

    /// Turns the slots into gradients, in place: `d_wx` in slots `0..G`; returns `d_rh`. `dh` and `dc` come in as
    /// gradients by the new state and leave as those by the previous one, without what flows through `rh`.
    fn backward<A: Arithmetic>(
        slots: &mut [Lane; 5],
        h: &Lane,
        c: &Lane,
        dh: &mut Lane,
        dc: &mut Lane,
    ) -> [Lane; G];
}

pub struct Lstm;

impl LaneCell<4> for Lstm {
    #[inline(always)]
    fn forward<A: Arithmetic>(wx: &[Lane; 4], rh: &[Lane; 4], _: &Lane, c: &mut Lane) -> (Lane, [Lane; 5]) {
        let mut h = [0.0; LANES];
        let mut slots = [[0.0; LANES]; 5];
        for l in 0..LANES {
            let i = sigmoid::<A>(wx[0][l] + rh[0][l]);
            let f = sigmoid::<A>(wx[1][l] + rh[1][l]);
            let g = tanh::<A>(wx[2][l] + rh[2][l]);
            let o = sigmoid::<A>(wx[3][l] + rh[3][l]);
            c[l] = A::mul_add(f, c[l], i * g);
            h[l] = o * tanh::<A>(c[l]);
            (slots[0][l], slots[1][l], slots[2][l], slots[3][l], slots[4][l]) = (i, f, g, o, c[l]);
        }
        (h, slots)
    }

    #[inline(always)]
    fn backward<A: Arithmetic>(
        slots: &mut [Lane; 5],
        _: &Lane,
        c: &Lane,
        dh: &mut Lane,
        dc: &mut Lane,
    ) -> [Lane; 4] {
        for l in 0..LANES {
            let [i, f, g, o, new_c] = [slots[0][l], slots[1][l], slots[2][l], slots[3][l], slots[4][l]];
            let tanh_c = tanh::<A>(new_c);
            let d_c = A::mul_add(dh[l] * o, 1.0 - tanh_c * tanh_c, dc[l]);
            slots[0][l] = d_c * g * i * (1.0 - i);
            slots[1][l] = d_c * c[l] * f * (1.0 - f);
            slots[2][l] = d_c * i * (1.0 - g * g);
            slots[3][l] = dh[l] * tanh_c * o * (1.0 - o);
            dc[l] = d_c * f;
            dh[l] = 0.0;
        }
        [slots[0], slots[1], slots[2], slots[3]]
    }
}

pub struct Gru;

impl LaneCell<3> for Gru {
    #[inline(always)]
    fn forward<A: Arithmetic>(wx: &[Lane; 3], rh: &[Lane; 3], h: &Lane, _: &mut Lane) -> (Lane, [Lane; 5]) {
        let mut new_h = [0.0; LANES];
        let mut slots = [[0.0; LANES]; 5];
        for l in 0..LANES {
            let r = sigmoid::<A>(wx[0][l] + rh[0][l]);
            let z = sigmoid::<A>(wx[1][l] + rh[1][l]);
            let n = tanh::<A>(A::mul_add(r, rh[2][l], wx[2][l]));
            new_h[l] = A::mul_add(z, h[l], (1.0 - z) * n);
            (slots[0][l], slots[1][l], slots[2][l], slots[3][l]) = (r, z, n, rh[2][l]);
        }
        (new_h, slots)
    }

    #[inline(always)]
    fn backward<A: Arithmetic>(
        slots: &mut [Lane; 5],
        h: &Lane,
        _: &Lane,
        dh: &mut Lane,
        _: &mut Lane,
    ) -> [Lane; 3] {
        for l in 0..LANES {
            let [r, z, n, rh_n] = [slots[0][l], slots[1][l], slots[2][l], slots[3][l]];
            let d_n = dh[l] * (1.0 - z) * (1.0 - n * n);
            slots[0][l] = d_n * rh_n * r * (1.0 - r);
            slots[1][l] = dh[l] * (h[l] - n) * z * (1.0 - z);
            slots[2][l] = d_n;
            slots[3][l] = d_n * r;
            dh[l] *= z;
        }
        [slots[0], slots[1], slots[3]]
    }
}
