//! The learning rate from update to update.

use serde::{Deserialize, Serialize};

/// Shape of the learning rate after warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The peak rate throughout.
    Constant,
    /// Half a cosine, from the peak rate down to 0 (Loshchilov and Hutter 2017).
    Cosine,
}

impl Schedule {
    /// The rate of update `update` (from 1) of `total`: it rises linearly to the full rate at update
    /// `warmup`, or is full at the first one without warm-up, and decays from there on.
    pub fn rate(self, full: f64, update: u64, warmup: f64, total: u64) -> f64 {
        let done = update as f64;
        if done < warmup {
            return full * done / warmup;
        }
        match self {
            Schedule::Constant => full,
            Schedule::Cosine => {
                let peak = warmup.max(1.0);
                // One more than the updates that are left: the last one has a rate, too.
                let share = (done - peak) / (total as f64 - peak + 1.0);
                full * 0.5 * (1.0 + (std::f64::consts::PI * share.min(1.0)).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_rises_then_falls_and_constant_stays() {
        let rate = |schedule: Schedule, update| schedule.rate(0.1, update, 10.0, 100);
        assert_eq!(rate(Schedule::Constant, 5), 0.05);
        assert_eq!(rate(Schedule::Constant, 10), 0.1);
        assert_eq!(rate(Schedule::Constant, 100), 0.1);
        // Full once, where warm-up ends; then ever lower, half-way at half of the full rate, and never 0.
        assert_eq!(rate(Schedule::Cosine, 10), 0.1);
        assert!((10..100).all(|update| rate(Schedule::Cosine, update + 1) < rate(Schedule::Cosine, update)));
        let around = rate(Schedule::Cosine, 55) + rate(Schedule::Cosine, 56);
        assert!((around - 0.1).abs() < 1e-12, "{around}");
        assert!(rate(Schedule::Cosine, 100) < 1e-4 && rate(Schedule::Cosine, 100) > 0.0);
        assert_eq!(Schedule::Cosine.rate(0.1, 1, 0.0, 100), 0.1);
        assert!(Schedule::Cosine.rate(0.1, 2, 0.0, 100) < 0.1);
        // Warm-up need not end with an update, and may last as long as training.
        assert_eq!(Schedule::Cosine.rate(0.1, 2, 2.5, 100), 0.1 * 2.0 / 2.5);
        assert!(Schedule::Cosine.rate(0.1, 3, 2.5, 100) < 0.1);
        assert_eq!(Schedule::Cosine.rate(0.1, 100, 100.0, 100), 0.1);
    }
}
