//! Small data sets made in memory, through the same path as any other.

use engine::data::frames::{Baseline, FrameKind, FrameSpec, FrameTable, SubjectFrames, Values};
use engine::data::grouping::Grouping;
use engine::data::labels::{LabelScheme, Labels, RatingScale, TieRule};
use engine::data::normalize::Scale;
use engine::data::recording::{Channel, Modality, Recording, Target, Trial};
use engine::data::sequences::{BadWindows, Dataset, Labeling, WindowSpec};
use engine::random::{Random, Stream};

pub const RATE: f64 = 8.0;
pub const LABELS: Labels = Labels {
    scheme: LabelScheme::Valence,
    scale: Some(RatingScale::NINE),
    threshold: 5.0,
    rule: TieRule::Above,
    dead_zone: 0.0,
};

/// The sizes of a data set, and the effect of the class.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub subjects: u32,
    pub trials: u32,
    pub channels: usize,
    /// Samples per trial.
    pub samples: usize,
    /// Added to every sample of class 1.
    pub effect: f32,
}

/// Trial `t` of subject `s` is of class `(s + t) % 2`.
pub fn recordings(sizes: Sizes) -> Vec<Recording> {
    (0..sizes.subjects)
        .map(|s| {
            let mut random = Random::new(5, Stream::Demo, [s, 77]);
            let block = sizes.channels * sizes.samples;
            let class = |t: u32| (s + t) % 2;
            let samples = (0..sizes.trials)
                .flat_map(|t| std::iter::repeat_n(t, block))
                .map(|t| f64::from(random.normal() as f32 + sizes.effect * class(t) as f32))
                .collect();
            let channel = |c: usize| Channel { name: format!("c{c}"), modality: Modality::Eeg };
            let trial = |t: u32| Trial {
                trial: t,
                stimulus: t,
                offset: t as usize * block,
                length: sizes.samples,
                baseline: 0,
                target: Target::Ratings([if class(t) == 1 { 7.0 } else { 3.0 }, 2.0, 2.0, 2.0]),
                predefined_test: t % 4 == 3,
            };
            Recording {
                subject: format!("s{:02}", s + 1),
                rate: Some(RATE),
                channels: (0..sizes.channels).map(channel).collect(),
                trials: (0..sizes.trials).map(trial).collect(),
                samples,
                hash: format!("hash of s{s}"),
            }
        })
        .collect()
}

/// Frames that are samples.
pub fn raw_frames() -> FrameSpec {
    FrameSpec {
        kind: FrameKind::Raw,
        length: 1.0,
        step: 1.0,
        baseline: Baseline::Drop,
        bands: Vec::new(),
        features: None,
    }
}

/// Raw frames of those recordings, in windows of `window` samples every `step`.
pub fn cut(recordings: &[Recording], window: usize, step: usize) -> engine::Result<Dataset> {
    let spec = raw_frames();
    let frames = recordings
        .iter()
        .map(|r| {
            SubjectFrames::build(
                r,
                &spec,
                &(0..r.channels.len()).collect::<Vec<_>>(),
                None,
                Values::default(),
            )
        })
        .collect::<engine::Result<Vec<_>>>()?;
    let window =
        WindowSpec { length: Some(window as f64 / RATE), step: Some(step as f64 / RATE), scale: Scale::None };
    let table = FrameTable::assemble(frames)?;
    let mut dataset = Dataset::cut(table, &window, Labeling::Known(&LABELS), &[], BadWindows::Fail, None)?;
    dataset.grouping = Grouping::KNOWN;
    Ok(dataset)
}

/// Four windows of six steps per trial.
pub fn dataset(subjects: u32, trials: u32, effect: f32) -> Dataset {
    cut(&recordings(Sizes { subjects, trials, channels: 3, samples: 24, effect }), 6, 6).unwrap()
}
