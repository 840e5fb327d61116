//! The settings of the generator.

use serde::{Deserialize, Serialize};

use crate::data::deap::SUBJECTS;
use crate::{Error, Result};

/// The settings of the generator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemoSpec {
    /// Number of subjects, 1 to 32.
    pub subjects: u32,
    /// Seed of the signals and ratings.
    pub seed: u64,
    /// Strength of the effect of the ratings: the difference between the highest and the lowest ratings in
    /// the natural logarithm of the power of the most affected band. Other signals change in proportion. With
    /// 0, the signals hold no class information.
    pub effect: f64,
    /// Standard deviation of the effect between subjects, as a share of `effect`.
    pub effect_sd: f64,
    /// Standard deviation of a trial's fingerprint per channel and band, in the natural logarithm of band
    /// power. With 0, there are no slow differences between trials.
    pub trial_sd: f64,
    /// Standard deviation between subjects, in the same unit.
    pub subject_sd: f64,
    /// Standard deviation of the subjects' shares of high ratings, in log-odds.
    pub prior_sd: f64,
}

impl Default for DemoSpec {
    fn default() -> Self {
        DemoSpec {
            subjects: 8,
            seed: 1,
            effect: 0.16,
            effect_sd: 0.3,
            trial_sd: 0.18,
            subject_sd: 0.5,
            prior_sd: 0.4,
        }
    }
}

impl DemoSpec {
    /// Checks the ranges of the settings.
    ///
    /// # Errors
    ///
    /// `ErrorKind::Config` for more subjects than DEAP has file names, and for a strength or standard
    /// deviation outside 0 to 10.
    pub fn check(&self) -> Result<()> {
        /// Keeps the exponentials of all settings finite. Usual values are a few tenths.
        const LARGEST: f64 = 10.0;
        if !(1..=SUBJECTS).contains(&self.subjects) {
            return Err(Error::config(format!(
                "the number of demo subjects must be 1 to {SUBJECTS}, and is {}",
                self.subjects
            )));
        }
        let settings = [
            ("effect", self.effect),
            ("standard deviation of the effect", self.effect_sd),
            ("standard deviation between trials", self.trial_sd),
            ("standard deviation between subjects", self.subject_sd),
            ("standard deviation of the shares of high ratings", self.prior_sd),
        ];
        match settings.into_iter().find(|(_, value)| !(0.0..=LARGEST).contains(value)) {
            Some((name, value)) => Err(Error::config(format!(
                "the {name} in demo recordings must be 0 to {LARGEST}, and is {value}"
            ))),
            None => Ok(()),
        }
    }
}
