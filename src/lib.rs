//! Recurrent networks for physiological signals, trained on kernels written for them and evaluated without leaks.

pub mod backend;
pub mod cases;
pub mod check;
pub mod checkpoint;
pub mod cli;
pub mod config;
pub mod data;
pub mod error;
pub mod experiment;
pub mod metrics;
pub mod model;
pub mod progress;
pub mod random;
pub mod reference;
pub mod run;
pub mod spec;
pub mod train;

pub use error::{Error, Fault, Result};
