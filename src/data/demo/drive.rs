//! The effect of the class on a trial: its strength and its onset.

use crate::data::deap::channels::BASELINE;

/// The strength of the effect of valence and arousal in a trial: from -1 (low) to 1 (high), times the
/// subject's effect.
#[derive(Clone, Copy)]
pub struct Drive {
    /// The strength for valence.
    pub valence: f64,
    /// The strength for arousal.
    pub arousal: f64,
}

/// The share of the effect at `sample`: 0 before the stimulus, rising to 1 within a quarter of a second.
pub fn onset(sample: usize) -> f64 {
    const RISE: f64 = 32.0;
    (sample.saturating_sub(BASELINE) as f64 / RISE).min(1.0)
}
