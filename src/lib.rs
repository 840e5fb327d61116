//! Recurrent networks for physiological signals, trained on kernels written for them and evaluated without leaks.

pub mod data;
pub mod error;
pub mod metrics;
pub mod progress;
pub mod random;

pub use error::{Error, Fault, Result};
