//! Cutting the frame table into sequences with labels.

use super::frames::FrameTable;
use super::normalize::Scale;
use super::scaled::scale_windows;
use super::sequences::{BadWindows, Dataset, Labeling, Sequence, WindowSpec};
use crate::error::{Error, Result};

impl Dataset {
    /// Cuts sequences out of every segment and scales them as `window_spec` says. `center` is what is subtracted from scaled frames
    /// where that is not open: a network has learned with one.
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
        let mut dropped = 0;
        let mut shortest = usize::MAX;
        let mut windows = std::collections::HashMap::<(u32, u32), u32>::new();
        for (index, segment) in frames.segments.iter().enumerate() {
            let label = match &labeling {
                Labeling::Unknown => Some(0),
                Labeling::Known(labels) => labels.class(&segment.target)?,
            };
            let Some(label) = label else { continue };
            let length = length.unwrap_or(segment.frames);
            shortest = shortest.min(segment.frames);
            if segment.frames < length {
                continue;
            }
            for from in (0..=segment.frames - length).step_by(step.unwrap_or(length)) {
                let window = windows.entry((segment.subject, segment.trial)).or_default();
                let number = *window;
                *window += 1;
                if segment.bad.iter().any(|bad| bad.start < from + length && from < bad.end) {
                    dropped += 1;
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
                    window: number,
                    predefined_test: segment.predefined_test,
                    samples: samples.start as u32..samples.end as u32,
                });
            }
        }
        if dropped > 0 && bad_windows == BadWindows::Fail {
            return Err(bad(&frames, dropped));
        }
        if sequences.is_empty() {
            return Err(match length {
                Some(length) if dropped == 0 && shortest < length => Error::config(format!(
                    "no window fits: a window has {length} frames, the trials have {shortest}"
                ))
                .hint("choose a shorter `--window`"),
                _ => Error::data(format!("no sequence is left ({dropped} bad windows were left out)")),
            });
        }
        let (class_names, label_rule) = match labeling {
            Labeling::Known(labels) => (labels.classes(own_classes), labels.describe()),
            Labeling::Unknown => (Vec::new(), "not labeled".into()),
        };
        let mut warnings = Vec::new();
        if dropped > 0 {
            let found = frames.defects.join("; ");
            warnings.push(format!(
                "{dropped} bad windows left out ({} defects: {found} ...)",
                frames.defect_count
            ));
        }
        let mut dataset = Dataset {
            frames,
            sequences,
            class_names,
            label_rule,
            shared_stimuli: false,
            warnings,
            hash_before_scaling: None,
        };
        if window_spec.scale != Scale::None {
            scale_windows(&mut dataset, window_spec.scale, center)?;
        }
        Ok(dataset)
    }
}

/// Window length and step in frames; `None` for whole trials.
fn in_frames(frames: &FrameTable, window: &WindowSpec) -> Result<(Option<usize>, Option<usize>)> {
    let Some(length) = window.length else {
        return match window.step {
            None => Ok((None, None)),
            Some(_) => {
                Err(Error::config("`--window-step` without `--window`: a whole trial has no next window"))
            }
        };
    };
    let rate = frames.rate.ok_or_else(|| {
        Error::config("`--window` is in seconds, and these files have no sampling rate")
            .hint("give it with `--rate HZ`, or leave `--window` out to use whole series")
    })?;
    let segment = &frames.segments[0];
    let samples = |seconds: f64| (seconds * rate).round() as usize;
    // Frames whose stretches of signal fit into the window.
    let count = match samples(length).checked_sub(segment.span) {
        Some(rest) => rest / segment.step + 1,
        None => 0,
    };
    let step = match window.step {
        // Far enough that windows do not overlap.
        None => samples(length).div_ceil(segment.step),
        Some(step) if samples(step) % segment.step != 0 => {
            return Err(Error::config(format!(
                "a step of {step} s is no multiple of the frame step, {} s",
                segment.step as f64 / rate
            )));
        }
        Some(step) => samples(step) / segment.step,
    };
    if count == 0 || step == 0 {
        return Err(Error::config(format!(
            "a window of {length} s every {} s is shorter than a frame",
            window.step.unwrap_or(length)
        )));
    }
    Ok((Some(count), Some(step)))
}

fn bad(frames: &FrameTable, windows: usize) -> Error {
    let mut shown = frames.defects.clone();
    if frames.defect_count > shown.len() {
        shown.push(format!("and {} more", frames.defect_count - shown.len()));
    }
    Error::data(format!("{windows} windows hold bad signals: {}", shown.join("; ")))
        .hint("leave those windows out with `--bad-windows drop`, or choose other channels with `--channels`")
}
