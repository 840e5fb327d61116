//! Checks a backend against the equations: its distance from the `f64` reference against a derived
//! bound, and the reference's own gradients against finite differences.
//!
//! The cases of all operations are in one table, [`cases`], which tests, `engine check` and the benches run.

mod bound;
mod buffers;
mod case;
pub mod cases;
mod conformance;
mod gradients;
mod pass;
mod tensors;

pub use bound::{Deviation, Judged, Outcome, bound, distance};
pub use case::Case;
pub use cases::AnyCase;
pub use conformance::{conformance, conformance_of, verdict};
pub use gradients::{gradients, gradients_of};
pub use pass::{ConvPass, RnnPass};
pub use tensors::{Outputs, Tensors};
