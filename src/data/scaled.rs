//! Scaling each window by itself.
//!
//! Windows of unit norm are almost equal, whatever the level of their signals: they may differ by no more
//! than the rounding error of `f32`. Therefore windows are scaled in `f64`, and the table stores their
//! differences from one common frame, the center. Standardization cancels the center.

use super::normalize::Scale;
use super::sequences::{Dataset, Sequence};
use crate::error::{Error, Result};
use ndarray::{ArcArray2, Array2, s};
use std::ops::Range;

/// Replaces the frame table by the scaled frames of all sequences; overlapping windows no longer share
/// frames.
///
/// `center` defaults to the mean scaled frame. Only rounding depends on it.
pub fn scale_windows(dataset: &mut Dataset, scale: Scale, center: Option<&[f32]>) -> Result<()> {
    let rows: usize = dataset.sequences.iter().map(|s| s.length as usize).sum();
    u32::try_from(rows).map_err(|error| {
        Error::data(format!("{rows} frames of scaled windows are too many for a 32-bit index"))
            .hint("use a larger `window_step`, so that windows overlap less")
            .caused_by(error)
    })?;
    if dataset.frames.low.len() != dataset.frames.chunks.len() {
        return Err(Error::config(
            "scaling windows needs the rounding errors of their frames, which were not stored",
        )
        .hint("build the frames with `Values::keep_low`"));
    }
    let (table, sequences) = (&mut dataset.frames, &mut dataset.sequences);
    let width = table.width();
    let chunks = std::mem::take(&mut table.chunks);
    let low = std::mem::take(&mut table.low);
    let parts = parts(sequences, &chunks);

    // The hash of a data set covers its unscaled frames, and the scales computed from them in `f32`.
    for ((start, own), chunk) in parts.iter().zip(&chunks) {
        for s in &mut sequences[own.clone()] {
            s.scale = scale.of(frames(chunk, s, *start).map(f64::from));
        }
    }
    dataset.hash_before_scaling = Some(dataset.hash());
    let (table, sequences) = (&mut dataset.frames, &mut dataset.sequences);

    let mut sums = vec![0.0; width];
    for ((start, own), (chunk, low)) in parts.iter().zip(chunks.iter().zip(&low)) {
        for s in &mut sequences[own.clone()] {
            s.scale = scale.of(exact(chunk, low, s, *start));
            for (i, x) in exact(chunk, low, s, *start).enumerate() {
                sums[i % width] += x * s.scale;
            }
        }
    }
    let mean = || sums.into_iter().map(|sum| (sum / rows as f64) as f32).collect();
    table.center = center.map_or_else(mean, <[f32]>::to_vec);

    // One chunk at a time, so that the old and the new table never fill the memory together.
    let mut first = 0;
    for ((start, own), (chunk, low)) in parts.into_iter().zip(chunks.into_iter().zip(low)) {
        let mut elements = Vec::new();
        for s in &mut sequences[own] {
            let scaled = exact(&chunk, &low, s, start).map(|x| x * s.scale).enumerate();
            elements.extend(scaled.map(|(i, x)| (x - f64::from(table.center[i % width])) as f32));
            s.first = first;
            first += s.length;
        }
        if !elements.is_empty() {
            let shape = (elements.len() / width, width);
            let part = Array2::from_shape_vec(shape, elements).expect("whole frames");
            table.chunks.push(part.into_shared());
        }
    }
    Ok(())
}

/// For each chunk, its first row in the table and the range of its sequences. Sequences are in the order of
/// their rows.
fn parts(sequences: &[Sequence], chunks: &[ArcArray2<f32>]) -> Vec<(usize, Range<usize>)> {
    let (mut start, mut done) = (0, 0);
    let part = |chunk: &ArcArray2<f32>| {
        let end = start + chunk.nrows();
        let own = sequences[done..].iter().take_while(|s| (s.first as usize) < end).count();
        let part = (start, done..done + own);
        (start, done) = (end, done + own);
        part
    };
    chunks.iter().map(part).collect()
}

/// The elements of a sequence's frames, from a chunk whose first row is `start`.
fn frames(chunk: &ArcArray2<f32>, sequence: &Sequence, start: usize) -> impl Iterator<Item = f32> + use<> {
    let from = sequence.first as usize - start;
    // This clone shares the data.
    chunk.clone().slice_move(s![from..from + sequence.length as usize, ..]).into_iter()
}

/// As [`frames`], with the rounding errors added.
fn exact(
    chunk: &ArcArray2<f32>,
    low: &ArcArray2<f32>,
    sequence: &Sequence,
    start: usize,
) -> impl Iterator<Item = f64> + use<> {
    let (high, low) = (frames(chunk, sequence, start), frames(low, sequence, start));
    high.zip(low).map(|(high, low)| f64::from(high) + f64::from(low))
}
