//! The learning rate from update to update.

use serde::{Deserialize, Serialize};

/// Shape of the learning rate after warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    Constant,
    /// Half a cosine from the full rate down to 0 (Loshchilov and Hutter 2017).
    Cosine,
}

impl Schedule {
    /// The rate of update `update` (from 1) of `total`, of which the first `warmup` rise linearly.
    pub fn rate(self, full: f64, update: u64, warmup: f64, total: u64) -> f64 {
        let done = update as f64;
        if done < warmup {
            return full * done / warmup;
        }
        match self {
            Schedule::Constant => full,
            Schedule::Cosine => {
                let share = (done - 1.0 - warmup).max(0.0) / (total as f64 - warmup).max(1.0);
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
        assert_eq!(rate(Schedule::Cosine, 11), 0.1);
        assert!((rate(Schedule::Cosine, 56) - 0.05).abs() < 1e-12);
        assert!(rate(Schedule::Cosine, 100) < 1e-4 && rate(Schedule::Cosine, 100) > 0.0);
        assert_eq!(Schedule::Cosine.rate(0.1, 1, 0.0, 100), 0.1);
    }
}
