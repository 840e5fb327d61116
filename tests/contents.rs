//! Series that share samples are found, and no others: the rates that docs/evaluation.md states.

use crate::support::synthetic::{Sizes, raw_frames, recordings};
use engine::data::contents::{Contents, KnownTrial, Likeness, Sketch, TrainedContents};
use engine::data::frames::{FrameKind, FrameSpec, FrameTable, SubjectFrames, Values};
use engine::data::recording::Recording;
use engine::random::{Random, Stream};
use std::f64::consts::TAU;
use std::time::Instant;

/// Series `(series, channels, rows)`.
type Data = Vec<Vec<Vec<f64>>>;

/// Makes a channel of a series of its random numbers.
type Maker = dyn Fn(&mut Random) -> Vec<f64>;

fn data(seed: u32, series: u32, channels: u32, signal: &dyn Fn(&mut Random) -> Vec<f64>) -> Data {
    let channel = |s, c| signal(&mut Random::new(u64::from(seed), Stream::Demo, [s, c]));
    (0..series).map(|s| (0..channels).map(|c| channel(s, c)).collect()).collect()
}

fn sketch(series: &[Vec<f64>]) -> Sketch {
    Sketch::of(&series.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn contents(data: &[Vec<Vec<f64>>]) -> Contents {
    Contents::of(&data.iter().map(|series| sketch(series)).collect::<Vec<_>>())
}

fn map(data: &[Vec<Vec<f64>>], mut change: impl FnMut(f64) -> f64) -> Data {
    let channel =
        |channel: &Vec<f64>, change: &mut dyn FnMut(f64) -> f64| channel.iter().map(|&x| change(x)).collect();
    data.iter().map(|series| series.iter().map(|c| channel(c, &mut change)).collect()).collect()
}

fn white(rows: usize) -> impl Fn(&mut Random) -> Vec<f64> {
    move |random| (0..rows).map(|_| random.normal()).collect()
}

fn brown(rows: usize, keep: f64) -> impl Fn(&mut Random) -> Vec<f64> {
    move |random| {
        let mut level = 0.0;
        let step = |_| {
            level = keep * level + random.normal();
            level
        };
        (0..rows).map(step).collect()
    }
}

/// Three slow waves over the whole series.
fn drift(rows: usize, levels: f64) -> impl Fn(&mut Random) -> Vec<f64> {
    move |random| {
        let waves: [[f64; 3]; 3] = std::array::from_fn(|_| {
            [random.uniform() + 0.2, 3.0 * random.uniform() + 0.2, TAU * random.uniform()]
        });
        let at = |t: usize| {
            let x = t as f64 / rows as f64;
            waves.iter().map(|[size, speed, phase]| size * (TAU * speed * x + phase).sin()).sum::<f64>()
        };
        (0..rows).map(|t| if levels > 0.0 { (at(t) * levels).round() / levels } else { at(t) }).collect()
    }
}

fn rounded(signal: impl Fn(&mut Random) -> Vec<f64>, step: f64) -> impl Fn(&mut Random) -> Vec<f64> {
    move |random| signal(random).into_iter().map(|x| (x / step).round() * step).collect()
}

/// Signals of few levels, slow ones, and ones that repeat: no two series of them are called copies.
#[test]
fn independent_series_are_never_copies() {
    let choice = |levels: f64, rows: usize| {
        move |random: &mut Random| -> Vec<f64> {
            (0..rows).map(|_| (random.uniform() * levels).floor()).collect()
        }
    };
    let square = |random: &mut Random| -> Vec<f64> {
        let phase = (random.uniform() * 16.0).floor();
        (0..128).map(|t| f64::from(u8::from((f64::from(t) + phase) % 16.0 < 8.0))).collect()
    };
    let triangle = |random: &mut Random| -> Vec<f64> {
        let phase = (random.uniform() * 32.0).floor();
        (0..256).map(|t| ((f64::from(t) + phase) % 32.0 - 16.0).abs()).collect()
    };
    let sine = |random: &mut Random| -> Vec<f64> {
        let (phase, speed) = (random.uniform(), [4.0, 8.0, 10.0][(random.uniform() * 3.0) as usize]);
        (0..256).map(|t| (TAU * (f64::from(t) * speed / 128.0 + phase)).sin()).collect()
    };
    let ramp = |random: &mut Random| -> Vec<f64> {
        let slope = random.normal();
        (0..128).map(|t| slope * f64::from(t)).collect()
    };
    let clock = |_: &mut Random| -> Vec<f64> { (0..128).map(f64::from).collect() };
    let spike = |random: &mut Random| -> Vec<f64> {
        let at = (random.uniform() * 120.0) as usize;
        (0..128).map(|t| f64::from(u8::from(t == at)) - f64::from(u8::from(t == at + 1))).collect()
    };
    let beat = |random: &mut Random| -> Vec<f64> {
        let size = 0.9 + 0.2 * random.uniform();
        let shape = |t: f64| {
            (-0.5 * ((t - 60.0) / 4.0).powi(2)).exp() - 0.3 * (-0.5 * ((t - 75.0) / 6.0).powi(2)).exp()
        };
        (0..140).map(|t| size * shape(f64::from(t)) + 0.005 * random.normal()).collect()
    };
    // Responses of one shape, as skin conductance has them.
    let responses = |random: &mut Random| -> Vec<f64> {
        let shape = |t: f64| (-t / 30.0).exp() - (-t / 6.0).exp();
        let mut signal = vec![0.0; 256];
        for from in -120..256 {
            let size = if random.uniform() < 0.02 { 0.2 + random.uniform() } else { continue };
            for t in from.max(0)..256 {
                signal[t as usize] += size * shape(f64::from(t - from));
            }
        }
        signal
    };
    // Each value follows from the one before, but for rare shocks.
    let leaky = |random: &mut Random| -> Vec<f64> {
        let mut level = (random.uniform() * 4096.0).floor();
        let step = |_| {
            let shock = if random.uniform() < 0.05 { (random.uniform() * 4096.0).floor() } else { 0.0 };
            level = (0.93 * level).floor() + shock;
            level
        };
        (0..128).map(step).collect()
    };
    let templates = data(7, 12, 1, &white(128));
    let class = move |random: &mut Random| -> Vec<f64> {
        let template = &templates[(random.uniform() * 12.0) as usize][0];
        let size = 0.8 + 0.4 * random.uniform();
        template.iter().map(|x| size * x + 0.01 * random.normal()).collect()
    };
    let padded = |random: &mut Random| -> Vec<f64> {
        let length = 5.0 + 50.0 * random.uniform();
        (0..64).map(|t| if f64::from(t) < length { random.normal() } else { 0.0 }).collect()
    };
    let signals: Vec<(&str, u32, Box<Maker>)> = vec![
        ("constant", 4, Box::new(|_| vec![1.0; 64])),
        ("two levels", 1, Box::new(choice(2.0, 128))),
        ("four levels", 1, Box::new(choice(4.0, 32))),
        ("four levels, 3 channels", 3, Box::new(choice(4.0, 32))),
        ("17 levels, 8 x 8", 8, Box::new(choice(17.0, 8))),
        ("white", 3, Box::new(white(16))),
        ("short", 2, Box::new(white(4))),
        ("one row", 8, Box::new(white(1))),
        ("Brownian", 1, Box::new(brown(128, 1.0))),
        ("Brownian of integers", 1, Box::new(rounded(brown(256, 1.0), 1.0))),
        ("sensor of integers", 1, Box::new(rounded(brown(200, 0.9), 2.0))),
        ("sensor with a gain", 3, Box::new(rounded(brown(200, 0.9), 0.0298))),
        ("drift", 1, Box::new(drift(256, 0.0))),
        ("drift of 8 levels", 1, Box::new(drift(256, 8.0))),
        ("drift of 50 levels", 1, Box::new(drift(128, 50.0))),
        ("drift of 200 levels", 1, Box::new(drift(512, 200.0))),
        ("drift of 2000 levels, 3 channels", 3, Box::new(drift(256, 2000.0))),
        ("square wave", 1, Box::new(square)),
        ("triangle wave", 1, Box::new(triangle)),
        ("sines", 1, Box::new(sine)),
        ("ramps", 1, Box::new(ramp)),
        ("a clock", 1, Box::new(clock)),
        ("spikes", 1, Box::new(spike)),
        ("heartbeats", 1, Box::new(beat)),
        ("responses of one shape", 1, Box::new(responses)),
        ("integers with a leak", 1, Box::new(leaky)),
        ("12 templates", 1, Box::new(class)),
        ("padded", 2, Box::new(padded)),
        ("EEG", 8, Box::new(brown(256, 0.95))),
    ];
    for (name, channels, signal) in signals {
        let Contents { equal, shared, .. } = contents(&data(1, 1000, channels, &*signal));
        assert!(equal.is_empty(), "{name}: {equal:?}");
        assert!(shared.is_empty(), "{name}: {} false copies, {:?}", shared.len(), shared.first());
    }
}

/// The data, and a copy of its first half in another order.
fn with_copy(data: &Data, change: impl FnOnce(&[Vec<Vec<f64>>]) -> Data) -> Data {
    let half = data.len() / 2;
    let mut copy = change(&data[..half]);
    copy.reverse();
    [data.clone(), copy].concat()
}

/// The number of copies that are found, of `half`; nothing else may be.
#[track_caller]
fn found(name: &str, data: &Data, likeness: Likeness) -> usize {
    let series = data.len() as u32;
    let (half, original) = (series / 3, series / 3 * 2);
    let Contents { equal, shared, .. } = contents(data);
    let right = |pair: [u32; 2]| pair[0] < half && pair[1] == original + half - 1 - pair[0];
    for shared in &shared {
        assert!(right(shared.series) && shared.likeness == likeness, "{name}: {shared:?}");
    }
    let mut pairs: Vec<[u32; 2]> = shared.iter().map(|shared| shared.series).collect();
    for group in equal {
        let pair = [group[0], group[1]];
        assert!(group.len() == 2 && right(pair) && likeness == Likeness::Same, "{name}: {group:?}");
        pairs.push(pair);
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs.len()
}

/// The share of copies that must be found: the same, another scale, another sign and level, and noise of
/// .0001, .001 and .01 of the deviation.
#[test]
fn copies_are_found_whatever_was_done_to_them() {
    type Case = (&'static str, u32, Box<Maker>, [usize; 6]);
    let signals: [Case; 8] = [
        ("white, 64 x 1", 1, Box::new(white(64)), [100, 100, 100, 100, 98, 95]),
        ("white, 16 x 1", 1, Box::new(white(16)), [100, 98, 98, 98, 95, 85]),
        ("white, 12 x 3", 3, Box::new(white(12)), [100, 100, 100, 98, 95, 85]),
        ("Brownian, 128 x 1", 1, Box::new(brown(128, 1.0)), [100, 100, 100, 98, 95, 40]),
        ("Brownian, 128 x 8", 8, Box::new(brown(128, 1.0)), [100, 100, 100, 98, 95, 50]),
        ("EEG, 512 x 8", 8, Box::new(brown(512, 0.95)), [100, 100, 100, 100, 98, 98]),
        (
            "EEG of integers, 512 x 8",
            8,
            Box::new(rounded(brown(512, 0.95), 0.05)),
            [100, 100, 100, 100, 98, 98],
        ),
        ("drift of 64 levels, 256 x 1", 1, Box::new(drift(256, 64.0)), [40, 0, 0, 0, 0, 0]),
    ];
    for (name, channels, signal, least) in signals {
        let data = data(2, 200, channels, &*signal);
        let all = || data.iter().flatten().flatten();
        let deviation = (all().map(|x| x * x).sum::<f64>() / all().count() as f64).sqrt();
        let mut random = Random::new(9, Stream::Demo, [0, 0]);
        let mut noisy = |share: f64| -> Data {
            with_copy(&data, |copied| map(copied, |x| x + share * deviation * random.normal()))
        };
        let noisy = [noisy(1e-4), noisy(1e-3), noisy(1e-2)];
        let exact = with_copy(&data, <[_]>::to_vec);
        let scaled = with_copy(&data, |copied| map(copied, |x| 1.1 * x));
        let turned = with_copy(&data, |copied| map(copied, |x| 2.0 - 3.7 * x));
        let counts: Vec<usize> = std::iter::once(found(name, &exact, Likeness::Same))
            .chain(
                [&scaled, &turned].into_iter().chain(&noisy).map(|copy| found(name, copy, Likeness::Similar)),
            )
            .collect();
        println!("{name}: {counts:?} % of the copies");
        assert!(
            counts.iter().zip(least).all(|(&count, least)| count >= least),
            "{name}: {counts:?}, expected {least:?}"
        );
    }
}

/// The second half of a series at the start of another.
#[test]
fn stretches_are_found_wherever_they_are() {
    for (name, channels, rows) in [("white", 1, 64), ("features", 32, 12), ("long", 2, 4000)] {
        let data = data(3, 120, channels, &white(rows));
        let half = rows / 2;
        let moved = |copied: &[Vec<Vec<f64>>], noise: f64| -> Data {
            let mut random = Random::new(10, Stream::Demo, [0, 0]);
            let channel = |c: &Vec<f64>, random: &mut Random| -> Vec<f64> {
                let kept: Vec<f64> = c[half..].iter().map(|x| x + noise * random.normal()).collect();
                kept.into_iter().chain((0..half).map(|_| random.normal())).collect()
            };
            copied.iter().map(|series| series.iter().map(|c| channel(c, &mut random)).collect()).collect()
        };
        let exact = with_copy(&data, |copied| moved(copied, 0.0));
        assert_eq!(found(name, &exact, Likeness::Same), 60, "{name}");
        for shared in contents(&exact).shared {
            assert_eq!(shared.at[0] - shared.at[1], half as u32, "{name}: {shared:?}");
            assert!(shared.rows as usize <= half && 2 * shared.rows as usize >= half, "{name}: {shared:?}");
        }
        if rows >= 64 {
            let near = with_copy(&data, |copied| moved(copied, 1e-3));
            let found = found(name, &near, Likeness::Similar);
            println!("{name}: {found} of 60 stretches with noise");
            assert!(found >= if rows > 64 { 57 } else { 36 }, "{name}: {found} of 60");
        }
    }
}

/// A manifest finds its trials again: whole, in part, cut into windows, in another order.
#[test]
fn trained_trials_are_known_again() {
    let data = data(4, 40, 4, &brown(2048, 0.95));
    let sketches: Vec<Sketch> = data.iter().map(|series| sketch(series)).collect();
    let trained = TrainedContents::of(sketches[..30].iter().enumerate().map(|(i, s)| ("s01", i as u32, s)));
    let text = serde_json::to_string(&trained).unwrap();
    let trained: TrainedContents = serde_json::from_str(&text).unwrap();
    assert!(text.len() < 30 * 500, "{} bytes for 30 trials", text.len());
    let KnownTrial { subject, trial, .. } = &trained.trials[3];
    assert_eq!((subject.as_str(), *trial), ("s01", 3));

    let (trials, holders) = trained.found_in(&sketches);
    assert_eq!((trials.len(), holders.into_iter().collect::<Vec<_>>()), (30, (0..30).collect()));
    let cut = |series: &Vec<Vec<f64>>, from: usize, length: usize| -> Vec<Vec<f64>> {
        series.iter().map(|channel| channel[from..from + length].to_vec()).collect()
    };
    let windows: Vec<Sketch> = (0..10)
        .flat_map(|i| (0..16).map(move |w| (i, w)))
        .map(|(i, w)| sketch(&cut(&data[i], 128 * w, 128)))
        .collect();
    assert_eq!(trained.found_in(&windows).0.len(), 10);
    let halves: Vec<Sketch> = data[20..40].iter().map(|series| sketch(&cut(series, 700, 1024))).collect();
    let (trials, holders) = trained.found_in(&halves);
    assert_eq!((trials.into_iter().collect::<Vec<_>>(), holders.len()), ((20..30).collect(), 10));
    let others: Vec<Sketch> = data[30..].iter().map(|series| sketch(series)).collect();
    assert_eq!(trained.found_in(&others), Default::default());
}

/// A part of DEAP's full size, so that the whole would take about 2 s on two cores at most. The bound leaves
/// room for a busy machine.
#[test]
fn the_audit_of_deap_takes_seconds() {
    let trials = 16;
    let data = data(5, trials, 32, &brown(8064, 0.95));
    let start = Instant::now();
    let sketches: Vec<Sketch> = data.iter().map(|series| sketch(series)).collect();
    let each = start.elapsed().as_secs_f64() / f64::from(trials);
    let many: Vec<Sketch> = sketches.iter().cycle().take(1280).cloned().collect();
    let start = Instant::now();
    Contents::of(&many);
    let whole = each * 1280.0 / 2.0 + start.elapsed().as_secs_f64();
    assert!(whole < 8.0, "{whole:.1} s on two cores");
    println!("the audit of DEAP takes about {whole:.2} s on two cores");
}

#[test]
fn only_frames_that_are_the_samples_have_sketches_later() {
    let sizes = Sizes { subjects: 1, trials: 3, channels: 3, samples: 24, effect: 1.0 };
    let recording = recordings(sizes).remove(0);
    let samples = |of: fn(f64) -> f64| Recording {
        samples: recording.samples.iter().map(|&sample| of(sample)).collect(),
        ..recording.clone()
    };
    let (single, double) = (samples(|x| f64::from(x as f32)), samples(|x| f64::from(x as f32) + 1e-12));
    let raw = raw_frames();
    let sketches = |recording: &Recording, channels: &[usize], spec: &FrameSpec, values| {
        let frames = SubjectFrames::build(recording, spec, channels, None, values)?;
        FrameTable::assemble(vec![frames]).map(|table| table.sketches.to_vec())
    };
    let later = Values { sketch_later: true, ..Values::default() };
    for channels in [vec![0, 1, 2], vec![2, 0]] {
        let now = sketches(&single, &channels, &raw, Values::default()).unwrap();
        assert_eq!(sketches(&single, &channels, &raw, later).unwrap(), now);
    }
    let power = FrameSpec { kind: FrameKind::Bandpower, ..raw.clone() };
    let mut with_baseline = single.clone();
    with_baseline.trials[1].baseline = 4;
    for (recording, spec, values) in [
        (&double, &raw, later),
        (&with_baseline, &raw, later),
        (&single, &power, later),
        (&single, &raw, Values { standardize: true, ..later }),
        (&single, &raw, Values { keep_low: true, ..later }),
    ] {
        let error = sketches(recording, &[0, 1, 2], spec, values).unwrap_err();
        assert!(error.to_string().contains("are not the samples of whole trials"), "{error}");
    }
}
