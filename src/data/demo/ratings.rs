//! The ratings: each is the sum of a part of the video, a part of the subject, and noise.

use crate::data::deap::channels::TRIALS;
use crate::random::{Random, Stream};

use super::counters;
use super::spec::DemoSpec;

/// The distribution of a rating, in units of the standard deviation of its noise.
struct Scale {
    /// Mean, which determines the share of high ratings.
    mean: f64,
    /// Standard deviation between videos, which determines how much the subjects agree.
    video_sd: f64,
}

/// Valence, arousal, dominance, liking. The shares of ratings above 5 are close to those of DEAP (.55, .58,
/// .61, .66). The majority vote of the other subjects is correct about as often as in DEAP (valence .76,
/// arousal .65).
const SCALES: [Scale; 4] = [
    Scale { mean: 0.2, video_sd: 1.0 },
    Scale { mean: 0.2, video_sd: 0.45 },
    Scale { mean: 0.3, video_sd: 0.4 },
    Scale { mean: 0.45, video_sd: 0.4 },
];

/// Standard deviation of the noise, on the rating scale from 1 to 9.
const NOISE_SD: f64 = 1.6;

/// The share of ratings that are exactly 5.
const UNDECIDED: f64 = 0.02;

/// Log-odds per standard deviation of a normal: 1.702 makes the logistic and the normal distribution function
/// agree within .01 (Camilli 1994).
const LOG_ODDS: f64 = 1.702;

impl DemoSpec {
    /// The ratings of subject `index` for each video: valence, arousal, dominance and liking, with two
    /// decimals.
    pub fn ratings(&self, index: u32) -> [[f64; 4]; TRIALS] {
        let mut own = Random::new(self.seed, Stream::Demo, counters::subject_ratings(index));
        let bias: [f64; 4] = std::array::from_fn(|_| self.prior_sd / LOG_ODDS * own.normal());
        std::array::from_fn(|trial| {
            let mut video = Random::new(self.seed, Stream::Demo, counters::video(trial as u32));
            std::array::from_fn(|kind| {
                let Scale { mean, video_sd } = SCALES[kind];
                let opinion = mean + video_sd * video.normal() + bias[kind] + own.normal();
                let undecided = own.uniform() < UNDECIDED;
                let rating = if undecided { 5.0 } else { 5.0 + NOISE_SD * opinion };
                (rating.clamp(1.0, 9.0) * 100.0).round() / 100.0
            })
        })
    }
}
