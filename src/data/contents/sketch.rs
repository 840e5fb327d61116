//! The sketch of a series: enough of its samples to find it again.

use super::marks::{Mark, marks};
use super::patches::{Patch, patches};
use super::resolution::{changes, sample};
use super::rows::{bits, hashes};

/// A series of fewer rows is taken across its channels.
const FEWEST_ROWS: usize = 3;

/// Enough of the samples of a series to find it again: a trial, or a window that another program cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch {
    /// The blake3 hash of the samples as `f32`, in the order `(channels, rows)`.
    pub hash: [u8; 32],
    /// The number of channels.
    pub channels: usize,
    /// The number of rows: samples a channel.
    pub rows: usize,
    /// Whether the rows are the channels of a series of one or two samples.
    pub is_across: bool,
    /// The number of rows that differ from the one before and repeat no earlier stretch, about.
    pub(super) novel: usize,
    pub(super) marks: Vec<Mark>,
    pub(super) changes: [Vec<u32>; 2],
    pub(super) patches: Vec<Patch>,
}

impl Sketch {
    /// The sketch of a series `(channels, rows)`, one slice a channel. One or two rows are taken across their
    /// channels, which then are the rows: features of a whole window are a series of their own.
    pub fn of(channels: &[&[f64]]) -> Self {
        let rows = channels.first().map_or(0, |channel| channel.len());
        if rows >= FEWEST_ROWS || channels.len() <= rows {
            return Sketch::along_rows(channels, false);
        }
        let across: Vec<Vec<f64>> =
            (0..rows).map(|row| channels.iter().map(|channel| channel[row]).collect()).collect();
        let across: Vec<&[f64]> = across.iter().map(Vec::as_slice).collect();
        Sketch::along_rows(&across, true)
    }

    fn along_rows(channels: &[&[f64]], is_across: bool) -> Self {
        let rows = channels.first().map_or(0, |channel| channel.len());
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(channels.len() as u64).to_le_bytes());
        let mut samples = Vec::with_capacity(rows);
        for channel in channels {
            samples.clear();
            samples.extend(channel.iter().map(|&sample| bits(sample).to_le()));
            hasher.update(bytemuck::cast_slice(&samples));
        }
        let row_hashes = hashes(channels.iter().copied(), rows);
        let changes = changes(channels);
        let (marks, novel) = marks(&row_hashes, &changes, channels.len());
        Sketch {
            hash: hasher.finalize().into(),
            channels: channels.len(),
            rows,
            is_across,
            novel,
            marks,
            changes: sample(channels, &changes),
            patches: patches(channels),
        }
    }
}
