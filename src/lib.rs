//! Recurrent networks for physiological signals, trained on kernels written for them and evaluated without
//! leaks.
//!
//! ```text
//! s01.dat --data--> Recording --frames--> FrameTable --cut--> sequences --split (groups)--> folds
//!    --gather--> x (M,T,B,D) --conv, rnn--> y --pool, linear--> logits --loss--> losses
//!    --the same stages backward--> gradients --optimizer--> weights
//!    --evaluate--> predictions --metrics--> scores
//! ```
//!
//! `M`, the models, is the leading axis of every buffer: all folds of a cross-validation train in the same
//! calls, and each ends with the bits that it would have alone. Every command takes this one path.
//!
//! A module uses those on lower floors only, and never one on its own floor:
//!
//! | floor | modules |
//! |---|---|
//! | 11 | [`cli`]: the only place that prints |
//! | 10 | [`ablation`] which signals help; [`sweep`] many settings and seeds |
//! | 9 | [`reproduce`] the original study; [`compare`](mod@compare) finished runs |
//! | 8 | [`report`] a run's page |
//! | 7 | [`experiment`] from configuration to scores |
//! | 6 | [`config`] every option; [`run`] the files of a run |
//! | 5 | [`train`] the loop; [`check`] devices against the equations, and the table of cases |
//! | 4 | [`model`] networks in device memory; [`profile`] |
//! | 3 | [`backend`] the devices; [`data`] from files to folds; [`metrics`] |
//! | 2 | [`reference`](mod@reference) the equations |
//! | 1 | [`ops`] the operations; [`memory`] of this machine |
//! | 0 | [`random`]; [`error`]; [`progress`]; [`shell`] words; [`staged`] files; [`word`] |
//!
//! A layer on its own, backward included, checked against the equations in `f64`:
//!
//! ```
//! use engine::{backend::cpu::Cpu, check, check::cases::RnnCase, ops::{Cell, RnnSize}};
//!
//! // A bidirectional LSTM.
//! let case = RnnCase::new(Cell::Lstm, 2, RnnSize { batch: 3, steps: 10, input: 5, hidden: 8 });
//! let outcome = check::conformance(&Cpu::new(), &case)?;
//! assert!(outcome.holds(), "{outcome:?}");
//! # Ok::<(), engine::Error>(())
//! ```
//!
//! Frames of a recording as [`ndarray`] views:
//!
//! ```
//! use engine::config::Config;
//! use engine::experiment::Experiment;
//! use engine::progress::Silent;
//!
//! let mut config = Config::default();
//! config.demo.demo_subjects = 2;
//! let experiment = Experiment::prepare(config, &Silent)?;
//! let sequence = &experiment.dataset.sequences[0];
//! let frames = experiment.dataset.frames.rows(sequence.first as usize, sequence.length as usize);
//! assert_eq!(frames.dim(), (7, 32 * 4)); // (T, channels x bands)
//! # Ok::<(), engine::Error>(())
//! ```

#[cfg(feature = "cli")]
pub mod ablation;
pub mod backend;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compare;
pub mod config;
pub mod data;
pub mod error;
pub mod experiment;
pub mod memory;
pub mod metrics;
pub mod model;
pub mod ops;
pub mod profile;
pub mod progress;
pub mod random;
pub mod reference;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "cli")]
pub mod reproduce;
pub mod run;
pub mod shell;
pub mod staged;
#[cfg(feature = "cli")]
pub mod sweep;
pub mod train;
pub mod word;

pub use error::{Error, ErrorKind, Result};
