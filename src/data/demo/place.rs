//! Which place of the random stream belongs to what: (subject or [`VIDEOS`], trial or kind).

use crate::data::deap::channels::TRIALS;

/// Stands where a subject's number stands, for what all subjects share.
const VIDEOS: u32 = u32::MAX;
const KINDS: u32 = TRIALS as u32;

pub fn video(trial: u32) -> [u32; 2] {
    [VIDEOS, trial]
}

/// Noise and events of one trial.
pub fn trial(subject: u32, trial: u32) -> [u32; 2] {
    [subject, trial]
}

/// The fingerprint of one trial, apart from its noise.
pub fn fingerprint(subject: u32, trial: u32) -> [u32; 2] {
    [subject, KINDS + trial]
}

pub fn subject_ratings(subject: u32) -> [u32; 2] {
    [subject, 2 * KINDS]
}

pub fn subject_body(subject: u32) -> [u32; 2] {
    [subject, 2 * KINDS + 1]
}
