//! The recurrent layer: register-blocked kernels over packed weights.
//!
//! How the forward pass is blocked, from the whole layer down to the registers:
//!
//! ```text
//! layer       M models x dirs directions x B rows x T time steps x H units x G gates
//!   |           layer.rs cuts it into tiles; tiles run in parallel and never meet
//! tile        some rows of one model and direction, all time steps            (`Tile`, `ForwardTile`)
//!   |
//!   |   time --------------------------------------------------------->
//!   |   +-------- chunk --------+-------- chunk --------+----             (`Space::chunk`: fits into L2)
//!   |   | wx = W_ih x + b, one  | wx of the next chunk  |                 (`project`)
//!   |   | GEMM for all its steps|                       |
//!   |   +----+----+----+----+---+----+----+----+----+---+----
//!   |   | s0 | s1 | s2 | s3 |     each step needs h of the step before    (`recur`)
//!   |
//! step        live rows x H units: blocks of LANES units, one after the other
//!   |
//!   |             units -->  | block 0 | block 1 | block 2 |              a block is one vector of each gate
//!   |   rows  R rows         |  acc    |         |         |              (`groups`, `block_rows`)
//!   |     |   R rows         |         |         |         |
//!   |     v
//! block       R rows x G gates x LANES units: R * G accumulators in registers (`recur_block`, `multiply`)
//!               acc[r][g] += h[r][k] * W_hh[k][g]   for k in 0..H, then the cell as the epilogue
//! ```
//!
//! With several threads and few tiles, a [`team`] of threads shares the blocks of units of one tile and meets
//! after each time step. `backward.rs` runs the same tiles backward in time; `gradient.rs` then computes the
//! weight and input gradients of all time steps as large GEMMs.

mod backward;
mod cell;
mod forward;
mod gradient;
mod layer;
mod load;
mod pack;
mod team;

pub use layer::Layer;

#[cfg(test)]
mod tests {
    use super::super::{Cpu, Isa};
    use crate::check::{self, cases::RnnCase};
    use crate::ops::{Cell, Precision, RnnSize};

    /// In these tests borrowed work space is NaN. Rows of odd length end within a pair.
    #[test]
    fn no_task_reads_what_another_one_left() {
        for precision in [Precision::Fp32, Precision::Bf16] {
            for isa in Isa::available_in(precision) {
                for (cell, hidden) in Cell::ALL.into_iter().flat_map(|cell| [(cell, 7), (cell, 33)]) {
                    let size = RnnSize { batch: 6, steps: 5, input: 3, hidden };
                    let case = RnnCase { ragged: true, initial: true, ..RnnCase::new(cell, 2, size) };
                    let outcome = check::conformance(&Cpu::with(isa, precision), &case).unwrap();
                    assert!(outcome.holds(), "{} in {}: {outcome:?}", isa.name(), precision.name());
                }
            }
        }
    }
}
