//! Cutting the frame table into labeled sequences.

use super::cases::{Case, Ledger, Rule};
use super::contents::LazyContents;
use super::frames::{Defect, FrameTable};
use super::grouping::Grouping;
use super::normalize::Scale;
use super::recording::Target;
use super::scaled::scale_windows;
use super::sequences::{BadWindows, Dataset, Labeling, Sequence, WindowSpec};
use crate::error::{Error, Result};
use std::sync::Arc;

impl Dataset {
    /// Cuts every segment into sequences, and scales them as `window_spec` says.
    ///
    /// The grouping of the data set is unknown until the caller sets it, and copies are not allowed.
    ///
    /// `center` is the frame to subtract from scaled frames. It is `None` before training and the center of
    /// the training data for a trained network.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if no window fits or labels and data do not match,
    /// [`ErrorKind::Data`](crate::ErrorKind::Data) for bad windows unless `bad_windows` drops them.
    pub fn cut(
        frames: FrameTable,
        window_spec: &WindowSpec,
        labeling: Labeling,
        own_classes: &[String],
        bad_windows: BadWindows,
        center: Option<&[f32]>,
    ) -> Result<Self> {
        let (length, step) = in_frames(&frames, window_spec)?;
        let mut sequences = Vec::new();
        let mut cases = Vec::with_capacity(frames.segments.len());
        let (mut bad, mut not_finite) = (0, false);
        let mut windows = std::collections::HashMap::<(u32, u32), u32>::new();
        let is_labeled = frames.segments.iter().any(|segment| segment.target != Target::Unknown);
        for (index, segment) in frames.segments.iter().enumerate() {
            let label = match &labeling {
                Labeling::Unknown => Some(0),
                // Some of the cases have a label, or else all of them are refused.
                Labeling::Known(_) if is_labeled && segment.target == Target::Unknown => {
                    cases.push(Case { label: None, left_out: Some(Rule::NoLabel) });
                    continue;
                }
                Labeling::Known(labels) => labels.class(&segment.target)?,
            };
            let Some(label) = label else {
                cases.push(Case { label: None, left_out: Some(Rule::DeadZone) });
                continue;
            };
            let length = length.unwrap_or(segment.frames);
            if segment.frames < length || length == 0 {
                cases.push(Case { label: Some(label), left_out: Some(Rule::TooShort) });
                continue;
            }
            let before = sequences.len();
            for from in (0..=segment.frames - length).step_by(step.unwrap_or(length)) {
                let window = windows.entry((segment.subject, segment.trial)).or_default();
                let number = *window;
                *window += 1;
                let broken = segment.bad.iter().any(|bad| bad.start < from + length && from < bad.end);
                if broken || (segment.flat && bad_windows != BadWindows::Keep) {
                    bad += 1;
                    not_finite |= broken;
                    continue;
                }
                let samples = segment.samples(from..from + length);
                sequences.push(Sequence {
                    segment: index as u32,
                    first: (segment.first + from) as u32,
                    length: length as u32,
                    scale: 1.0,
                    label,
                    subject: segment.subject,
                    trial: segment.trial,
                    stimulus: segment.stimulus,
                    window: number,
                    predefined_test: segment.predefined_test,
                    samples: samples.start as u32..samples.end as u32,
                });
            }
            let is_used = sequences.len() > before;
            cases.push(Case { label: Some(label), left_out: (!is_used).then_some(Rule::BadSignals) });
        }
        if bad > 0 && bad_windows != BadWindows::Drop {
            return Err(bad_signals(&frames, bad, bad_windows, not_finite));
        }
        if sequences.is_empty() {
            let longest = frames.segments.iter().map(|segment| segment.frames).max().unwrap_or(0);
            return Err(match length {
                _ if longest == 0 => Error::config(format!(
                    "a frame of {} samples is longer than the longest trial",
                    frames.segments[0].span
                ))
                .hint("use a smaller `frame_length`, or `frame_kind = raw`"),
                Some(length) if longest < length => Error::config(format!(
                    "no window fits: a window has {length} frames, and the longest trial has {longest}"
                ))
                .hint("use a shorter `window`"),
                _ => {
                    let ledger = Ledger::of(&frames, &[], &cases, bad);
                    Error::data(format!("no case remains: {}", ledger.describe()))
                }
            });
        }
        let (class_names, label_rule) = match labeling {
            Labeling::Known(labels) => (labels.classes(own_classes), labels.describe()),
            Labeling::Unknown => (Vec::new(), "not labeled".into()),
        };
        let mut warnings = Vec::new();
        if bad > 0 {
            let found: Vec<String> = frames.defects.iter().map(Defect::to_string).collect();
            warnings.push(format!(
                "{bad} bad windows left out ({} defects: {} ...)",
                frames.defect_count,
                found.join("; ")
            ));
        }
        let mut dataset = Dataset {
            contents: Arc::new(LazyContents::of(&frames.sketches)),
            allows_copies: false,
            frames,
            sequences,
            class_names,
            label_rule,
            grouping: Grouping::UNKNOWN,
            cases,
            bad_windows: bad,
            warnings,
            hash_before_scaling: None,
        };
        if window_spec.scale != Scale::None {
            scale_windows(&mut dataset, window_spec.scale, center)?;
        }
        Ok(dataset)
    }
}

/// The length of a window and the window step in frames; `None` for whole trials.
fn in_frames(frames: &FrameTable, window: &WindowSpec) -> Result<(Option<usize>, Option<usize>)> {
    let Some(length) = window.length else {
        return match window.step {
            None => Ok((None, None)),
            Some(_) => Err(Error::config(
                "a window step without a window length: whole trials are not cut into windows",
            )
            .hint("give the length as `window`")),
        };
    };
    let rate = frames.rate.ok_or_else(|| {
        Error::config("the window length is in seconds, and these files have no sampling rate")
            .hint("give the rate as `rate`, or leave `window` out to use whole series")
    })?;
    let segment = &frames.segments[0];
    let samples = |seconds: f64| (seconds * rate).round() as usize;
    // The number of frames that lie completely inside the window.
    let count = match samples(length).checked_sub(segment.span) {
        Some(rest) => rest / segment.step + 1,
        None => 0,
    };
    let step = match window.step {
        // The smallest step without overlap.
        None => samples(length).div_ceil(segment.step),
        Some(step) if samples(step) % segment.step != 0 => {
            return Err(Error::config(format!(
                "a window step of {step} s is not a multiple of the frame step of {} s",
                segment.step as f64 / rate
            ))
            .hint("change `window_step` or `frame_step`"));
        }
        Some(step) => samples(step) / segment.step,
    };
    if count == 0 || step == 0 {
        return Err(Error::config(format!(
            "a window of {length} s, or its step of {} s, is shorter than a frame",
            window.step.unwrap_or(length)
        )));
    }
    Ok((Some(count), Some(step)))
}

/// The error of windows with bad signals that are not to be left out.
fn bad_signals(frames: &FrameTable, windows: usize, bad_windows: BadWindows, not_finite: bool) -> Error {
    let listed = |defect: &&Defect| defect.not_finite > 0 || bad_windows != BadWindows::Keep;
    let mut shown: Vec<String> = frames.defects.iter().filter(listed).map(Defect::to_string).collect();
    if frames.defect_count > shown.len() {
        shown.push(format!("{} defects in all", frames.defect_count));
    }
    // A reason that is known is no missing value.
    let is_missing = frames.defects.iter().any(|defect| defect.not_finite > 0 && defect.why.is_none());
    let keep = match (not_finite, is_missing) {
        (true, true) => "fill missing values in before, since nothing is imputed here; ",
        (true, false) if frames.segments.iter().any(|segment| segment.corrected) => {
            "if this is so before the stimulus alone, leave that time out with `baseline = drop`; "
        }
        (true, false) => "",
        (false, _) => "keep windows with a constant channel as they are with `bad_windows = keep`; ",
    };
    Error::data(format!("{windows} windows hold bad signals: {}", shown.join("; "))).hint(format!(
        "{keep}leave those windows out (of files: `bad_windows = drop`), or choose other channels (`channels`)"
    ))
}
