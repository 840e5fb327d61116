//! The cells as pointwise functions of one hidden unit: from the input part `wx[G]` and the recurrent part
//! `rh[G]` of its gates and its previous state to its new state, and back.

use crate::ops::{Cell, Real};

/// The state of one hidden unit: `h`, and `c` for cells that have it.
#[derive(Clone, Copy, Debug)]
pub struct State<F> {
    pub h: F,
    pub c: F,
}

/// Gradients by the gates' two parts and by the previous state, without the part that flows through `rh`.
pub struct CellGradients<F> {
    pub d_wx: [F; 4],
    pub d_rh: [F; 4],
    pub d_previous: State<F>,
}

/// One step of one unit. Returns its new state and the `cell.saved()` numbers that backward needs.
pub fn forward<F: Real>(cell: Cell, wx: [F; 4], rh: [F; 4], previous: State<F>) -> (State<F>, [F; 5]) {
    match cell {
        Cell::Lstm => {
            let i = (wx[0] + rh[0]).sigmoid();
            let f = (wx[1] + rh[1]).sigmoid();
            let g = (wx[2] + rh[2]).tanh();
            let o = (wx[3] + rh[3]).sigmoid();
            let c = f * previous.c + i * g;
            (State { h: o * c.tanh(), c }, [i, f, g, o, c])
        }
        Cell::Gru => {
            let r = (wx[0] + rh[0]).sigmoid();
            let z = (wx[1] + rh[1]).sigmoid();
            let n = (wx[2] + r * rh[2]).tanh();
            let h = (F::one() - z) * n + z * previous.h;
            (State { h, c: F::zero() }, [r, z, n, rh[2], F::zero()])
        }
    }
}

/// The step back: `d` is the gradient by the new state.
pub fn backward<F: Real>(cell: Cell, saved: [F; 5], previous: State<F>, d: State<F>) -> CellGradients<F> {
    let one = F::one();
    match cell {
        Cell::Lstm => {
            let [i, f, g, o, c] = saved;
            let tanh_c = c.tanh();
            let d_c = d.c + d.h * o * (one - tanh_c * tanh_c);
            let d_gates = [
                d_c * g * i * (one - i),
                d_c * previous.c * f * (one - f),
                d_c * i * (one - g * g),
                d.h * tanh_c * o * (one - o),
            ];
            CellGradients { d_wx: d_gates, d_rh: d_gates, d_previous: State { h: F::zero(), c: d_c * f } }
        }
        Cell::Gru => {
            let [r, z, n, rh_n, _] = saved;
            let d_n = d.h * (one - z) * (one - n * n);
            let d_r = d_n * rh_n * r * (one - r);
            let d_z = d.h * (previous.h - n) * z * (one - z);
            CellGradients {
                d_wx: [d_r, d_z, d_n, F::zero()],
                d_rh: [d_r, d_z, d_n * r, F::zero()],
                d_previous: State { h: d.h * z, c: F::zero() },
            }
        }
    }
}
