//! Recurrent networks for physiological signals, trained on kernels written for them and evaluated without leaks.

pub mod backend;
pub mod cases;
pub mod check;
pub mod data;
pub mod error;
pub mod model;
pub mod progress;
pub mod random;
pub mod reference;
pub mod spec;

pub use error::{Error, Fault, Result};
