//! The kinds of frames, and the frames of one trial.

use crate::data::bands::Band;
use crate::data::features::FeatureSpec;
use crate::data::recording::{Channel, Modality, Target};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// The contents of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum FrameKind {
    /// One sample of every channel.
    Raw,
    /// Natural logarithm of the power, per channel and frequency band.
    Bandpower,
    /// Differential entropy in nats, per channel and frequency band: half the logarithm of the power plus a
    /// constant.
    DifferentialEntropy,
    /// Features by modality: entropy, Hjorth's parameters and asymmetry of EEG, blinks, muscle activity, skin
    /// conductance, heart rate, breathing, temperature.
    Features,
}

/// The use of the baseline, the seconds before the stimulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// Leave the baseline out.
    Drop,
    /// Use the baseline as part of the trial.
    Include,
    /// Leave the baseline out, and subtract its mean frame from every frame of the trial (not for raw
    /// frames).
    Correct,
}

/// How signals become frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameSpec {
    /// The contents of a frame.
    pub kind: FrameKind,
    /// Length of a frame in seconds; raw frames ignore it.
    pub length: f64,
    /// Time from the start of one frame to the start of the next, in seconds; raw frames ignore it.
    pub step: f64,
    /// The use of the seconds before the stimulus.
    pub baseline: Baseline,
    /// The frequency bands of a frame of band power, entropy or features; raw frames ignore them.
    pub bands: Vec<Band>,
    /// The features by modality; `None` for frames of another kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureSpec>,
}

impl FrameSpec {
    /// Refuses the band power of signals that change over seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with the channel.
    pub fn check_channels<'a>(&self, channels: impl IntoIterator<Item = &'a Channel>) -> Result<()> {
        use Modality::{Gsr, Pleth, Resp, Temp};
        if matches!(self.kind, FrameKind::Raw | FrameKind::Features) {
            return Ok(());
        }
        match channels.into_iter().find(|channel| [Gsr, Resp, Pleth, Temp].contains(&channel.modality)) {
            None => Ok(()),
            Some(channel) => Err(Error::config(format!(
                "the channel {} is of the modality {}, whose signal changes over seconds: its power in frequency \
                 bands of EEG would be noise",
                channel.name,
                channel.modality.name()
            ))
            .hint(
                "use `frame_kind = features`, `channels = eeg,eog,emg`, or the samples themselves with `frame_kind = \
                 raw`",
            )),
        }
    }
}

/// Consecutive frames of one trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Index into [`FrameTable::subjects`](super::FrameTable::subjects).
    pub subject: u32,
    /// Number of the trial within its subject.
    pub trial: u32,
    /// Number of its stimulus, as in [`Trial`](crate::data::recording::Trial).
    pub stimulus: u32,
    /// Row of the first frame in the table.
    pub first: usize,
    /// Number of frames.
    pub frames: usize,
    /// The rating or class of the trial.
    pub target: Target,
    /// Whether the trial belongs to the TEST part of an archive.
    pub predefined_test: bool,
    /// First sample of the first frame, within the trial. Frame `i` covers `span` samples from `start + i *
    /// step`.
    pub start: usize,
    /// Samples from the start of one frame to the start of the next.
    pub step: usize,
    /// Samples of a frame.
    pub span: usize,
    /// Whether the mean frame of the trial's baseline was subtracted. Every frame then depends on the
    /// baseline.
    pub corrected: bool,
    /// Samples of the trial on which all frames depend, besides their own.
    pub context: Option<Range<usize>>,
    /// Ranges of frames, counted within the segment, with a value that is not finite.
    pub bad: Vec<Range<usize>>,
    /// Whether a channel is constant over the trial.
    pub flat: bool,
}

/// A channel of a trial that carries no signal, or values that are no numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Name of the subject.
    pub subject: String,
    /// Number of the trial within its subject.
    pub trial: u32,
    /// Name of the channel.
    pub channel: String,
    /// Frames with a value that is not finite; 0 for a channel that is only constant.
    pub not_finite: usize,
    /// The reason, if it is known.
    pub why: Option<String>,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Defect { subject, trial, channel, not_finite, why } = self;
        write!(f, "{subject} trial {trial} channel {channel}")?;
        match (not_finite, why) {
            (0, _) => write!(f, " is flat"),
            (frames, None) => write!(f, " has {frames} frames that are not finite"),
            (frames, Some(why)) => write!(f, ": {why} ({frames} frames)"),
        }
    }
}

impl Segment {
    /// The samples of the trial that a range of frames covers, or depends on.
    pub fn samples(&self, frames: Range<usize>) -> Range<usize> {
        let own =
            self.start + frames.start * self.step..self.start + (frames.end - 1) * self.step + self.span;
        match &self.context {
            None => own,
            Some(context) => own.start.min(context.start)..own.end.max(context.end),
        }
    }
}
