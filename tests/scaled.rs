//! Windows of unit length, standardized: the inputs of a network against the same pipeline in `f64`.

use crate::support::synthetic::{LABELS, RATE, raw_frames};
use engine::backend::Backend;
use engine::backend::cpu::Cpu;
use engine::data::frames::{FrameTable, SubjectFrames, Values};
use engine::data::grouping::Grouping;
use engine::data::normalize::Scale;
use engine::data::recording::{Channel, Modality, Recording, Target, Trial};
use engine::data::sequences::{BadWindows, Dataset, Labeling, WindowSpec};
use engine::data::split::{SplitKind, SplitSpec, Train};
use engine::data::stats::Stats;
use engine::ops::{Device, Gather, GatherOperands};
use engine::random::{Random, Stream};

const SAMPLES: usize = 96;
const TRIALS: usize = 6;
const WINDOW: usize = 16;
/// The levels of the channels and their amplitudes: an EEG, a skin conductance in ohms, one below zero, and
/// one that drifts.
const CHANNELS: [(f64, f64); 4] = [(0.0, 10.0), (1.2e5, 3.0), (-3.1e6, 40.0), (8.0e4, 1.0)];

fn recording(subject: u32) -> Recording {
    let mut random = Random::new(11, Stream::Check, [subject, 0]);
    let mut samples = Vec::new();
    for trial in 0..TRIALS {
        for (c, (level, moves)) in CHANNELS.into_iter().enumerate() {
            // Subjects and trials have levels of their own.
            let level = level * (1.0 + 0.1 * f64::from(subject) + 0.02 * trial as f64);
            let drift = if c == 3 { level * 1e-3 } else { 0.0 };
            samples.extend(
                (0..SAMPLES).map(|t| level + drift * t as f64 / SAMPLES as f64 + moves * random.normal()),
            );
        }
    }
    let trial = |trial: usize| Trial {
        trial: trial as u32,
        stimulus: trial as u32,
        offset: trial * CHANNELS.len() * SAMPLES,
        length: SAMPLES,
        baseline: 0,
        target: Target::Ratings([if trial.is_multiple_of(2) { 3.0 } else { 7.0 }; 4]),
        predefined_test: false,
    };
    Recording {
        subject: format!("s{subject:02}"),
        rate: Some(RATE),
        channels: (0..CHANNELS.len())
            .map(|c| Channel { name: format!("c{c}"), modality: Modality::Other })
            .collect(),
        trials: (0..TRIALS).map(trial).collect(),
        samples,
        hash: subject.to_string(),
    }
}

fn dataset(recordings: &[Recording], step: usize, center: Option<&[f32]>) -> Dataset {
    let spec = raw_frames();
    let values = Values { keep_low: true, ..Values::default() };
    let channels: Vec<usize> = (0..CHANNELS.len()).collect();
    let frames = recordings.iter().map(|r| SubjectFrames::build(r, &spec, &channels, None, values).unwrap());
    let table = FrameTable::assemble(frames.collect()).unwrap();
    let window =
        WindowSpec { length: Some(WINDOW as f64 / RATE), step: Some(step as f64 / RATE), scale: Scale::L2 };
    let cut = Dataset::cut(table, &window, Labeling::Known(&LABELS), &[], BadWindows::Fail, center).unwrap();
    Dataset { grouping: Grouping::KNOWN, ..cut }
}

/// All windows `(N, T, D)` with unit norm, computed directly from the samples.
fn by_hand(recordings: &[Recording], step: usize) -> Vec<Vec<f64>> {
    let mut windows = Vec::new();
    for recording in recordings {
        for trial in 0..TRIALS {
            let signal = recording.signal(trial);
            for from in (0..=SAMPLES - WINDOW).step_by(step) {
                let number = |i: usize| signal[[i % CHANNELS.len(), from + i / CHANNELS.len()]];
                let window: Vec<f64> = (0..WINDOW * CHANNELS.len()).map(number).collect();
                let norm = window.iter().map(|x| x * x).sum::<f64>().sqrt();
                windows.push(window.into_iter().map(|x| x / norm).collect());
            }
        }
    }
    windows
}

/// The inputs `(N, T, D)` as the CPU gathers them.
fn gathered(data: &Dataset, stats: &Stats) -> Vec<Vec<f32>> {
    let cpu = Cpu::new();
    let (n, width) = (data.sequences.len(), CHANNELS.len());
    let s = Gather { models: 1, batch: n, steps: WINDOW, features: width, stat_steps: stats.steps(width) };
    let frames = cpu.frames(&data.frames.chunks).unwrap();
    let first: Vec<u32> = data.sequences.iter().map(|s| s.first).collect();
    let mut x = vec![f32::NAN; n * WINDOW * width];
    let operands = GatherOperands {
        frames: &frames,
        first: &first,
        lengths: &vec![WINDOW as u32; n],
        stats: &stats.flat(),
        x: &mut x,
    };
    cpu.run::<Gather>(&s, operands).unwrap();
    let row = |b: usize| (0..WINDOW).flat_map(|t| x[(t * n + b) * width..][..width].to_vec()).collect();
    (0..n).map(row).collect()
}

/// Standardized windows, with statistics per time step or over all time steps.
fn standardized(windows: &[Vec<f64>], train: &[u32], by_step: bool) -> Vec<Vec<f64>> {
    let len = WINDOW * CHANNELS.len();
    let group = |i: usize| if by_step { i } else { i % CHANNELS.len() };
    let average = |value: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
        let (mut sums, mut counts) = (vec![0.0; len], vec![0.0; len]);
        for &w in train {
            for (i, &x) in windows[w as usize].iter().enumerate() {
                sums[group(i)] += value(group(i), x);
                counts[group(i)] += 1.0;
            }
        }
        sums.into_iter().zip(counts).map(|(sum, count)| sum / f64::max(count, 1.0)).collect()
    };
    let mean = average(&|_, x| x);
    let variance = average(&|i, x| (x - mean[i]).powi(2));
    let number = |(i, &x): (usize, &f64)| (x - mean[group(i)]) / variance[group(i)].sqrt();
    windows.iter().map(|window| window.iter().enumerate().map(number).collect()).collect()
}

#[test]
fn inputs_of_every_channel_are_within_a_hundred_thousandth_deviation_of_f64() {
    let recordings = [recording(0), recording(1), recording(2)];
    for step in [WINDOW, 5] {
        let data = dataset(&recordings, step, None);
        let windows = by_hand(&recordings, step);
        assert_eq!(windows.len(), data.sequences.len());
        let split = SplitSpec { kind: SplitKind::Subject, folds: None, validation: 0.0, seed: 1 };
        let split = split.build(&data).unwrap();
        let train = split.folds()[0].train();
        type Fit = fn(&Dataset, Train) -> Stats;
        for (by_step, fit) in [(false, Stats::fit as Fit), (true, Stats::fit_steps)] {
            let truth = standardized(&windows, train.sequences(), by_step);
            let found = gathered(&data, &fit(&data, train));
            for (w, (found, truth)) in found.iter().zip(&truth).enumerate() {
                for (i, (found, truth)) in found.iter().zip(truth).enumerate() {
                    let error = (f64::from(*found) - truth).abs();
                    let bound = 1e-5 + 2e-7 * truth.abs();
                    let channel = i % CHANNELS.len();
                    assert!(error <= bound, "window {w} channel {channel}: {found}, expected {truth}");
                }
            }
        }
    }
}

/// With the center of a trained network, a new recording alone gives the same bits.
#[test]
fn a_recording_by_itself_has_the_same_bits_under_the_same_center() {
    let recordings = [recording(0), recording(1)];
    let all = dataset(&recordings, WINDOW, None);
    assert!(all.frames.center.iter().all(|&x| x != 0.0));
    let alone = dataset(&recordings[1..], WINDOW, Some(&all.frames.center));
    let rows = alone.frames.chunks[0].nrows();
    assert_eq!(all.frames.rows(rows, rows), alone.frames.rows(0, rows));
}

#[test]
fn a_window_of_zeros_is_not_changed() {
    assert_eq!(Scale::L2.of([0.0, 0.0].into_iter()), 1.0);
    assert_eq!(Scale::None.of([3.0, 4.0].into_iter()), 1.0);
    assert!((Scale::L2.of([3.0, 4.0].into_iter()) - 0.2).abs() < 1e-15);
}
