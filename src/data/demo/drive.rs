//! What the class does to a trial: how strongly, and from when on.

use crate::data::deap::channels::BASELINE;

/// How strongly a trial moves its subject, each from -1 (low) to 1 (high), times the subject's effect.
#[derive(Clone, Copy)]
pub struct Drive {
    pub valence: f64,
    pub arousal: f64,
}

/// How much of the class effect is there at `sample`: nothing before the stimulus, all of it a quarter of a second after.
pub fn onset(sample: usize) -> f64 {
    const RISE: f64 = 32.0;
    (sample.saturating_sub(BASELINE) as f64 / RISE).min(1.0)
}
