//! Features by modality: what the literature measures in each kind of signal.
//!
//! Fast signals (EEG, EMG, slow eye movements) are measured frame by frame. Slow ones are filtered and
//! searched for events once per trial, and each frame has the quantities of a window around it.

pub mod eeg;
pub mod emg;
pub mod eog;
mod family;
pub mod filter;
pub mod gsr;
mod measure;
pub mod moments;
pub mod peaks;
mod plan;
pub mod pulse;
pub mod resp;
pub mod temp;

pub use family::{Family, FeatureSpec, GsrUnit};
pub use measure::{InFrames, InWindows, Quantity, Value};
pub use plan::{Cut, Measured, Plan};
