//! The windows, and the arrays that describe their axes: channels, modalities, rate.

use super::fields::{CHANNELS, Field, MODALITIES, RATE, WINDOWS};
use super::files::Files;
use super::layout::{Layout, looks_exchanged};
use crate::data::electrodes::is_electrode;
use crate::data::npy::{Array, Values};
use crate::data::recording::{Channel, Modality};
use crate::error::{Error, Result};
use std::collections::BTreeSet;

/// The most numbers by which the level and the spread of a channel are judged.
const SAMPLE: usize = 4096;
/// A factor that scatters successive numbers (Knuth's, 2^64 over the golden ratio).
const SCATTER: u64 = 0x9E37_79B9_7F4A_7C15;
/// The most that rounding to `f32` may be of a channel's standard deviation.
const MOST_ROUNDING: f64 = 0.01;

/// The samples in the order of the file.
pub struct Samples {
    /// (N, T, C)
    pub shape: [usize; 3],
    /// Distances in the order (N, T, C).
    strides: [usize; 3],
    values: Values,
    /// The shape as it is in the file.
    stored: [usize; 3],
}

impl Samples {
    pub fn read(files: &Files, layout: Layout) -> Result<Samples> {
        let Some(Array { shape, strides, values }) = files.array(&WINDOWS)? else {
            return Err(Error::data("is missing")
                .hint("save it with np.savez(FILE, windows=..., labels=...)")
                .at(files.place(&WINDOWS)));
        };
        let stored = check(&shape, &values, layout).map_err(|e| e.at(files.place(&WINDOWS)))?;
        let strides = [strides[0], strides[1], strides[2]];
        let samples = Samples { shape: layout.ntc(stored), strides: layout.ntc(strides), values, stored };
        samples.check_resolution().map_err(|e| e.at(files.place(&WINDOWS)))?;
        Ok(samples)
    }

    /// Refuses channels whose changes drown in the rounding to `f32`: far from zero and nearly constant, or
    /// all very small.
    fn check_resolution(&self) -> Result<()> {
        let [windows, steps, width] = self.shape;
        if matches!(self.values, Values::Float32(_)) {
            return Ok(());
        }
        let all = windows * steps;
        // A part of the numbers tells a channel's level and spread; a stride would meet the same steps of
        // windows.
        let place =
            |i: usize| if all <= SAMPLE { i } else { (i as u64).wrapping_mul(SCATTER) as usize % all };
        for channel in 0..width {
            let number = |i: usize| self.values.number(self.at(place(i) / steps, place(i) % steps, channel));
            let numbers: Vec<f64> = (0..all.min(SAMPLE)).filter_map(number).collect();
            let level = numbers.iter().fold(0.0f64, |level, number| level.max(number.abs()));
            let count = numbers.len().max(1) as f64;
            let mean = numbers.iter().sum::<f64>() / count;
            let spread = (numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / count).sqrt();
            let rounding = (level * 0.5 * f64::from(f32::EPSILON)).max(0.5 * f64::from(f32::from_bits(1)));
            if level.is_finite() && spread > 0.0 && rounding > MOST_ROUNDING * spread {
                return Err(Error::data(format!(
                    "channel {channel} goes up to {level:e} with a standard deviation of {spread:e}, and float32, in which frames \
                     are kept, cannot tell such numbers apart"
                ))
                .hint("subtract the mean of each channel before, or choose another unit"));
            }
        }
        Ok(())
    }

    pub fn place(&self, files: &Files) -> String {
        files.place(&WINDOWS)
    }

    fn at(&self, window: usize, step: usize, channel: usize) -> usize {
        window * self.strides[0] + step * self.strides[1] + channel * self.strides[2]
    }

    /// The time steps of a window before those at its end in which all channels are NaN. All of a window that
    /// is nothing but NaN: it is bad, not empty.
    pub fn unpadded(&self, window: usize) -> usize {
        let [_, steps, width] = self.shape;
        let is_nan = |step: usize| match &self.values {
            Values::Float32(values) => (0..width).all(|c| values[self.at(window, step, c)].is_nan()),
            Values::Float64(values) => (0..width).all(|c| values[self.at(window, step, c)].is_nan()),
            _ => false,
        };
        (0..steps).rev().find(|&step| !is_nan(step)).map_or(steps, |last| last + 1)
    }

    /// Appends the first `length` steps of a window as `(channels, length)`.
    pub fn append(&self, window: usize, length: usize, samples: &mut Vec<f64>) -> Result<()> {
        for channel in 0..self.shape[2] {
            // Most arrays are so, and none of their numbers is refused.
            if let Values::Float32(values) = &self.values {
                samples.extend((0..length).map(|step| f64::from(values[self.at(window, step, channel)])));
                continue;
            }
            for step in 0..length {
                let sample = self.values.number(self.at(window, step, channel));
                let sample = sample.ok_or_else(|| {
                    Error::data(format!(
                        "window {window}, step {step}, channel {channel}: an integer beyond 2^53, which float64 would \
                         round"
                    ))
                })?;
                // A frame is `f32`.
                if sample.is_finite() && (sample as f32).is_infinite() {
                    return Err(Error::data(format!("{sample:e} is beyond the range of float32")));
                }
                samples.push(sample);
            }
        }
        Ok(())
    }
}

/// The shape of the windows, which must be numbers of three axes.
fn check(shape: &[usize], values: &Values, layout: Layout) -> Result<[usize; 3]> {
    if let Values::Text(_) = values {
        return Err(Error::data("text, expected numbers").hint("convert it with `.astype(np.float32)`"));
    }
    match *shape {
        [_, _, _] if values.is_empty() => Err(Error::data(format!("shape {shape:?} holds nothing"))),
        [n, second, third] => Ok([n, second, third]),
        _ => {
            let axes = layout.axes();
            let error = Error::data(format!("shape {shape:?}, expected {axes}"));
            Err(match shape.len() {
                2 => error.hint(format!(
                    "the axes are windows, time steps and channels: windows of one channel are `X[:, :, None]`, and one \
                     window of several channels needs a first axis of length 1, `X[None]`; {axes} is the order"
                )),
                _ => error.hint("the axes are windows, time steps and channels"),
            })
        }
    }
}

/// The channels, and a warning where the axes of the windows look exchanged.
pub fn channels(
    files: &Files,
    samples: &Samples,
    layout: Option<Layout>,
) -> Result<(Vec<Channel>, Vec<String>)> {
    let names = texts(files, &CHANNELS, samples, layout)?;
    let modalities = texts(files, &MODALITIES, samples, layout)?;
    let [_, steps, width] = samples.shape;
    let is_described = names.is_some() || modalities.is_some();
    let warnings = match layout.is_none() && !is_described && looks_exchanged(steps, width) {
        true => vec![exchanged(samples)],
        false => Vec::new(),
    };
    let names = match names {
        Some(names) if names.iter().collect::<BTreeSet<_>>().len() < width => {
            return Err(Error::data("lists a name twice").at(files.place(&CHANNELS)));
        }
        Some(names) => names,
        None => (0..width).map(|i| format!("ch{i}")).collect(),
    };
    let modalities = match modalities {
        Some(words) => words
            .iter()
            .map(|word| modality(word))
            .collect::<Result<_>>()
            .map_err(|e| e.at(files.place(&MODALITIES)))?,
        None if names.iter().all(|name| is_electrode(name)) => vec![Modality::Eeg; width],
        None => vec![Modality::Other; width],
    };
    let channel = |(name, modality)| Channel { name, modality };
    Ok((names.into_iter().zip(modalities).map(channel).collect(), warnings))
}

fn exchanged(samples: &Samples) -> String {
    let [_, steps, width] = samples.shape;
    format!(
        "windows of shape {:?} are read as {} with {steps} time steps and {width} channels. If the time steps come last, \
         give `layout = nct`; give `layout = ntc` or an array \"channels\" if this is right",
        samples.stored,
        Layout::Ntc.axes()
    )
}

fn modality(word: &str) -> Result<Modality> {
    let plain = word.trim().to_lowercase();
    Modality::ALL.into_iter().find(|modality| modality.name() == plain).ok_or_else(|| {
        let known = Modality::ALL.map(Modality::name).join(", ");
        Error::data(format!("{word:?}, expected one of {known}"))
    })
}

/// One text per channel. An array that fits the other axis shows that the two are exchanged.
fn texts(
    files: &Files,
    field: &Field,
    samples: &Samples,
    layout: Option<Layout>,
) -> Result<Option<Vec<String>>> {
    let Some(Array { shape, values, .. }) = files.array(field)? else { return Ok(None) };
    let [_, steps, width] = samples.shape;
    let layout = layout.unwrap_or_default();
    let error = match values {
        _ if shape != [width] => {
            let error = Error::data(format!(
                "shape {shape:?}, expected ({width},), one element per channel: windows of shape {:?} are read as {}",
                samples.stored,
                layout.axes()
            ));
            match shape == [steps] {
                true => error.hint(format!(
                    "it fits the other axis, so the windows are {}: use `layout = {}`",
                    layout.other().axes(),
                    layout.other().name()
                )),
                false => error,
            }
        }
        Values::Text(texts) => return Ok(Some(texts)),
        other => Error::data(format!("{}, expected text", other.kind())),
    };
    Err(error.at(files.place(field)))
}

/// The sampling rate in Hz.
pub fn rate(files: &Files) -> Result<Option<f64>> {
    let Some(Array { values, .. }) = files.array(&RATE)? else { return Ok(None) };
    let rate = match values {
        Values::Float32(_) | Values::Float64(_) | Values::Integer(_) if values.len() == 1 => values.number(0),
        _ => None,
    };
    match rate {
        Some(rate) if rate.is_finite() && rate > 0.0 => Ok(Some(rate)),
        _ => Err(Error::data("expected one positive number, the sampling rate in Hz").at(files.place(&RATE))),
    }
}
