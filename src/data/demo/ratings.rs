//! What the subjects say: a rating is the video's part, the subject's own part and noise.

use crate::data::deap::channels::TRIALS;
use crate::random::{Random, Stream};

use super::place;
use super::spec::DemoSpec;

/// One of the four ratings, on a scale where the noise within a subject and a video has standard deviation 1.
struct Scale {
    /// Mean, which sets the share of high ratings.
    mean: f64,
    /// Standard deviation between videos, which sets how far the subjects agree.
    video_sd: f64,
}

/// Valence, arousal, dominance, liking: the share of ratings above 5 is close to DEAP's .55, .58, .61, .66, and the
/// majority of the other subjects is right about as often as there (valence .76, arousal .65).
const SCALES: [Scale; 4] = [
    Scale { mean: 0.2, video_sd: 1.0 },
    Scale { mean: 0.2, video_sd: 0.45 },
    Scale { mean: 0.3, video_sd: 0.4 },
    Scale { mean: 0.45, video_sd: 0.4 },
];

/// A unit of the scale in ratings, which run from 1 to 9.
const SPREAD: f64 = 1.6;

/// The share of ratings that are exactly 5.
const UNDECIDED: f64 = 0.02;

/// Log-odds per standard deviation of a normal: 1.702 makes the logistic and the normal distribution function agree
/// within .01 (Camilli 1994).
const LOG_ODDS: f64 = 1.702;

impl DemoSpec {
    /// What subject `index` says of each video: valence, arousal, dominance, liking, with two decimals.
    pub fn ratings(&self, index: u32) -> [[f64; 4]; TRIALS] {
        let mut own = Random::new(self.seed, Stream::Demo, place::subject_ratings(index));
        let bias: [f64; 4] = std::array::from_fn(|_| self.prior_sd / LOG_ODDS * own.normal());
        std::array::from_fn(|trial| {
            let mut video = Random::new(self.seed, Stream::Demo, place::video(trial as u32));
            std::array::from_fn(|kind| {
                let Scale { mean, video_sd } = SCALES[kind];
                let opinion = mean + video_sd * video.normal() + bias[kind] + own.normal();
                let undecided = own.uniform() < UNDECIDED;
                let rating = if undecided { 5.0 } else { 5.0 + SPREAD * opinion };
                (rating.clamp(1.0, 9.0) * 100.0).round() / 100.0
            })
        })
    }
}
