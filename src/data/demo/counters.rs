//! The RNG counters of the generator: (subject or [`VIDEOS`], trial or purpose).

use crate::data::deap::channels::TRIALS;

/// Replaces the number of a subject in the counters of values that all subjects share.
const VIDEOS: u32 = u32::MAX;
/// The first counter that is not a trial.
const PURPOSES: u32 = TRIALS as u32;

/// The part of the ratings that belongs to the video.
pub fn video(trial: u32) -> [u32; 2] {
    [VIDEOS, trial]
}

/// Noise and events of one trial.
pub fn trial(subject: u32, trial: u32) -> [u32; 2] {
    [subject, trial]
}

/// The slow differences of one trial from others.
pub fn fingerprint(subject: u32, trial: u32) -> [u32; 2] {
    [subject, PURPOSES + trial]
}

/// The part of the ratings that belongs to the subject.
pub fn subject_ratings(subject: u32) -> [u32; 2] {
    [subject, 2 * PURPOSES]
}

/// The constants of a subject's signals.
pub fn subject_body(subject: u32) -> [u32; 2] {
    [subject, 2 * PURPOSES + 1]
}
