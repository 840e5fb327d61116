//! Windows that are scaled one by one.
//!
//! Windows of unit length are nearly the same numbers whatever the level of their signals was: what differs from one to the next may
//! be as small as what `f32` rounds. So windows are scaled in `f64`, and the table holds how far they are from one frame, the center,
//! which standardizing takes away again.

use super::normalize::Scale;
use super::sequences::{Dataset, Sequence};
use crate::error::{Error, Result};
use ndarray::{ArcArray2, Array2, s};
use std::ops::Range;

/// Puts the scaled frames of every sequence, one after the other, in the place of the table: windows that overlap no longer share
/// frames. `center` is the mean over all of them if it is open. Any frame would do; nothing but rounding depends on it.
pub fn scale_windows(dataset: &mut Dataset, scale: Scale, center: Option<&[f32]>) -> Result<()> {
    let rows: usize = dataset.sequences.iter().map(|s| s.length as usize).sum();
    u32::try_from(rows).map_err(|_| {
        Error::data(format!("{rows} frames of scaled windows are more than a 32-bit index reaches"))
            .hint("let windows overlap less: a larger `--window-step`")
    })?;
    if dataset.frames.low.len() != dataset.frames.chunks.len() {
        return Err(Error::config(
            "windows are to be scaled, and their frames have lost what f32 rounds away",
        )
        .hint("build the frames with `Values::keep_low`"));
    }
    let (table, sequences) = (&mut dataset.frames, &mut dataset.sequences);
    let width = table.width();
    let chunks = std::mem::take(&mut table.chunks);
    let low = std::mem::take(&mut table.low);
    let parts = parts(sequences, &chunks);

    // A data set is known by what it was cut from, and by its scales as the frames in `f32` have them.
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

    // A chunk at a time, so that the old and the new table are never both whole.
    let mut first = 0;
    for ((start, own), (chunk, low)) in parts.into_iter().zip(chunks.into_iter().zip(low)) {
        let mut numbers = Vec::new();
        for s in &mut sequences[own] {
            let scaled = exact(&chunk, &low, s, start).map(|x| x * s.scale).enumerate();
            numbers.extend(scaled.map(|(i, x)| (x - f64::from(table.center[i % width])) as f32));
            s.first = first;
            first += s.length;
        }
        if !numbers.is_empty() {
            let part = Array2::from_shape_vec((numbers.len() / width, width), numbers).expect("whole frames");
            table.chunks.push(part.into_shared());
        }
    }
    Ok(())
}

/// For each chunk its first row in the whole table and the sequences that read it, which come in the order of their rows.
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

/// The numbers of a sequence's frames, of a chunk whose first row is `start`.
fn frames(chunk: &ArcArray2<f32>, sequence: &Sequence, start: usize) -> impl Iterator<Item = f32> + use<> {
    let from = sequence.first as usize - start;
    // Shared, not copied.
    chunk.clone().slice_move(s![from..from + sequence.length as usize, ..]).into_iter()
}

/// As [`frames`], with what `f32` rounded away.
fn exact(
    chunk: &ArcArray2<f32>,
    low: &ArcArray2<f32>,
    sequence: &Sequence,
    start: usize,
) -> impl Iterator<Item = f64> + use<> {
    let (high, low) = (frames(chunk, sequence, start), frames(low, sequence, start));
    high.zip(low).map(|(high, low)| f64::from(high) + f64::from(low))
}
