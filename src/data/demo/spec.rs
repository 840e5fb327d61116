//! The knobs of the generator.

use serde::{Deserialize, Serialize};

use crate::data::deap::SUBJECTS;
use crate::{Error, Result};

/// The knobs of the generator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemoSpec {
    /// How many subjects, 1 to 32.
    pub subjects: u32,
    pub seed: u64,
    /// By how much the highest ratings differ from the lowest in the natural log of the power of the band that moves
    /// most, and as a share of it everywhere else; 0 leaves no class information anywhere.
    pub effect: f64,
    /// Standard deviation of the subjects' own effects, as a share of `effect`.
    pub effect_sd: f64,
    /// Standard deviation of a trial's fingerprint per channel and band, in natural-log units of band power; 0 leaves no
    /// slow difference between trials in any channel.
    pub trial_sd: f64,
    /// The same between subjects.
    pub subject_sd: f64,
    /// Standard deviation, in log-odds, of the subjects' own share of high ratings.
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
    /// # Errors
    ///
    /// `ErrorKind::Config` for a number of subjects that DEAP's file names cannot hold and for a knob below 0 or above 10.
    pub fn check(&self) -> Result<()> {
        /// Keeps the exponentials of all knobs finite; a few tenths are usual.
        const LARGEST: f64 = 10.0;
        if !(1..=SUBJECTS).contains(&self.subjects) {
            return Err(Error::config(format!("{} demo subjects, expected 1 to {SUBJECTS}", self.subjects)));
        }
        let knobs = [
            ("effect", self.effect),
            ("effect_sd", self.effect_sd),
            ("trial_sd", self.trial_sd),
            ("subject_sd", self.subject_sd),
            ("prior_sd", self.prior_sd),
        ];
        match knobs.into_iter().find(|(_, value)| !(0.0..=LARGEST).contains(value)) {
            Some((name, value)) => {
                Err(Error::config(format!("demo {name} is {value}, expected 0 to {LARGEST}")))
            }
            None => Ok(()),
        }
    }
}
