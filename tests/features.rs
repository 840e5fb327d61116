//! Features by modality: those of real records equal the answers of NeuroKit2 and SciPy; planted physiology
//! is found, and none where none is; frames keep to their trial; bad signals are said.

use crate::support::arrays::{array, integers, samples, texts};
use crate::support::golden::assert_close;
use crate::support::program::{engine, folder};
use engine::data::bandpower::{BandPower, differential_entropy};
use engine::data::bands::default_bands;
use engine::data::demo::{DemoSpec, read_subject};
use engine::data::features::moments::{deviation, mean, slope_per_minute};
use engine::data::features::{Family, FeatureSpec, GsrUnit, InFrames, eeg, emg, eog, gsr, pulse, resp, temp};
use engine::data::frames::{Baseline, FrameKind, FrameSpec, FrameTable, SubjectFrames, Values};
use engine::data::recording::{Channel, Modality, Recording, Target, Trial};
use engine::random::{Random, Stream};
use engine::run::{FoldCheckpoint, Manifest};
use serde_json::Value;
use std::f64::consts::TAU;
use std::sync::LazyLock;

const RATE: f64 = 128.0;

/// Records, and what NeuroKit2 and SciPy answer: `golden/README.md`.
static GOLDEN: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_slice(&std::fs::read("tests/golden/features.json").unwrap()).unwrap());

/// A record in its unit.
fn record(name: &str) -> Vec<f64> {
    let record = &GOLDEN["signals"][name];
    let scale = record["scale"].as_f64().unwrap();
    numbers(&record["samples"]).into_iter().map(|sample| sample * scale).collect()
}

/// Numbers of a list, NaN for null.
fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
}

fn indices(list: &Value) -> Vec<usize> {
    list.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as usize).collect()
}

/// Two signals agree at every 32nd sample, to 1e-6 of the largest.
#[track_caller]
fn assert_alike(what: &str, found: &[f64], expected: &Value) {
    let expected = numbers(expected);
    let found: Vec<f64> = found.iter().step_by(32).copied().collect();
    let largest = expected.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    let scaled = |x: &[f64]| x.iter().map(|x| x / largest).collect::<Vec<f64>>();
    assert_close(what, &scaled(&found), &scaled(&expected), 1e-6);
}

/// A line of the comparison in docs/features.md; the values must agree to 1e-6.
#[track_caller]
fn compare(record: &str, what: &str, unit: &str, found: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    println!(
        "| {record} | {what} | {unit} | {found:.6} | {expected:.6} | {:.1e} |",
        (found - expected).abs()
    );
    assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{record} {what}: {found}, not {expected}");
}

#[test]
fn beats_and_heart_rate_are_the_references() {
    for name in ["bvp", "bvp_moved"] {
        let expected = &GOLDEN["pulse"][name];
        let pulse = pulse::Pulse::of(&record(name), RATE);
        assert_alike(name, &pulse.clean, &expected["clean"]);
        assert_eq!(pulse.peaks, indices(&expected["peaks"]), "{name}");
        assert_close(name, &pulse.beats, &numbers(&expected["vertex"]["peaks"]), 1e-6);
        let kept: Vec<bool> =
            indices(&expected["vertex"]["kept"]).into_iter().map(|kept| kept == 1).collect();
        assert_eq!(pulse.kept, kept, "{name}");
        let all = vec![true; kept.len()];
        for (what, kept) in [("plain", &all), ("corrected", &kept)] {
            let heart = pulse::heart(&pulse.intervals, kept);
            let of = &expected["vertex"][what];
            compare(name, &format!("heart rate, {what}"), "1/min", heart.rate, &of["rate"]);
            compare(name, &format!("SDNN, {what}"), "ms", heart.sdnn, &of["sdnn"]);
            compare(name, &format!("RMSSD, {what}"), "ms", heart.rmssd, &of["rmssd"]);
        }
    }
    // Of the same record at its own 1000 Hz: 128 Hz is enough.
    let native = &GOLDEN["pulse"]["bvp"]["at_1000_hz"];
    let pulse = pulse::Pulse::of(&record("bvp"), RATE);
    let milliseconds = |beat: &f64| beat / RATE * 1000.0;
    let theirs = numbers(&native["peaks"]);
    let is_found = |&&beat: &&f64| pulse.beats.iter().any(|own| (milliseconds(own) - beat).abs() <= 20.0);
    let found = theirs.iter().filter(is_found).count();
    assert!(found as f64 >= 0.98 * theirs.len() as f64, "{found} of {}", theirs.len());
    let heart = pulse::heart(&pulse.intervals, &pulse.kept);
    let near = |found: f64, of: &str, bound: f64| {
        let expected = native["corrected"][of].as_f64().unwrap();
        println!(
            "| bvp at 1000 Hz | {of}, corrected | | {found:.6} | {expected:.6} | {:.1e} |",
            (found - expected).abs()
        );
        assert!((found / expected - 1.0).abs() < bound, "{of}: {found}, not {expected}");
    };
    near(heart.rate, "rate", 0.01);
    near(heart.sdnn, "sdnn", 0.01);
    near(heart.rmssd, "rmssd", 0.01);
}

#[test]
fn skin_conductance_is_the_references() {
    for name in ["eda", "eda_heat"] {
        let expected = &GOLDEN["eda"][name];
        let skin = gsr::Skin::of(&record(name), RATE);
        assert_alike(name, &skin.clean, &expected["clean"]);
        assert_alike(name, &skin.tonic, &expected["tonic"]);
        assert_alike(name, &skin.phasic, &expected["phasic"]);
        compare(name, "tonic level", "uS", mean(&skin.tonic), &expected["tonic_mean"]);
        compare(name, "tonic slope", "uS/min", slope_per_minute(&skin.tonic, RATE), &expected["tonic_slope"]);
        let minutes = skin.tonic.len() as f64 / RATE / 60.0;
        for (least, of) in [(0.05, "above_0.05_uS"), (0.01, "above_0.01_uS")] {
            let expected = &expected[of];
            let found = gsr::responses(&skin.phasic, least);
            let samples = |of: fn(&gsr::Response) -> usize| found.iter().map(of).collect::<Vec<usize>>();
            assert_eq!(samples(|response| response.peak), indices(&expected["peaks"]), "{name}");
            assert_eq!(samples(|response| response.onset), indices(&expected["onsets"]), "{name}");
            let amplitudes: Vec<f64> = found.iter().map(|response| response.amplitude).collect();
            assert_close(name, &amplitudes, &numbers(&expected["amplitudes"]), 1e-6);
            compare(
                name,
                &format!("responses of {least} uS"),
                "1/min",
                found.len() as f64 / minutes,
                &expected["per_minute"],
            );
            compare(
                name,
                &format!("their amplitude, {least} uS"),
                "uS",
                mean(&amplitudes),
                &expected["mean_amplitude"],
            );
        }
        assert_eq!(skin.responses, gsr::responses(&skin.phasic, 0.05));
    }
}

#[test]
fn breaths_are_the_references() {
    for name in ["resp", "resp_deep"] {
        let expected = &GOLDEN["respiration"][name];
        let signal = record(name);
        let breath = resp::Respiration::of(&signal, RATE);
        assert_alike(name, &breath.clean, &expected["clean"]);
        assert_eq!(breath.peaks, indices(&expected["peaks"]), "{name}");
        assert_eq!(breath.troughs, indices(&expected["troughs"]), "{name}");
        let values = in_window(&breath, signal.len());
        compare(name, "breathing rate", "1/min", values[0], &expected["rate"]);
        compare(name, "depth", "1", values[1], &expected["depth"]);
        compare(name, "period SD", "s", values[2], &expected["period_sd"]);
    }
}

/// The quantities of the window of a whole signal.
fn in_window(signal: &impl engine::data::features::InWindows, samples: usize) -> Vec<f64> {
    signal.measure(0..samples).into_iter().map(Result::unwrap).collect()
}

#[test]
fn muscles_are_the_references() {
    for (name, signal, rate, seconds) in
        [("emg_512", "emg_512", 512, 1), ("emg_128", "emg_128", 128, 1), ("emg_128_4s", "emg_128", 128, 4)]
    {
        let expected = &GOLDEN["emg"][name];
        let mut measure = emg::Emg::new(seconds * rate, rate as f64);
        let signal = record(signal);
        let found: Vec<Vec<f64>> = signal
            .chunks_exact(seconds * rate)
            .map(|frame| measure.measure(frame).into_iter().map(Result::unwrap).collect())
            .collect();
        let column = |of: usize| found.iter().map(|values| values[of]).collect::<Vec<f64>>();
        assert_close(name, &column(0), &numbers(&expected["log_rms"]), 1e-9);
        assert_eq!(column(1), numbers(&expected["median_hz"]), "{name}");
        compare(name, "log RMS, first frame", "ln mV", column(0)[0], &expected["log_rms"][0]);
        compare(name, "median frequency, first frame", "Hz", column(1)[0], &expected["median_hz"][0]);
    }
}

#[test]
fn brain_waves_are_the_references() {
    let expected = &GOLDEN["eeg"]["S001R02"];
    let (frame, names) = (512, ["Fp1", "Fp2", "F3", "F4", "T7", "T8", "O1", "O2"]);
    let mut power = BandPower::new(frame, RATE, &default_bands());
    let mut entropies = Vec::new();
    for name in names {
        let signal = record(&format!("eeg_{name}"));
        let mut own = Vec::new();
        for (i, frame) in signal.chunks_exact(frame).enumerate() {
            let bands = power.measure(frame);
            assert_close(name, &bands, &numbers(&expected["power"][name][i]), 1e-8);
            let entropy: Vec<f64> = bands.into_iter().map(differential_entropy).collect();
            assert_close(name, &entropy, &numbers(&expected["differential_entropy"][name][i]), 1e-8);
            let eeg::Hjorth { activity, mobility, complexity } = eeg::hjorth(frame);
            assert_close(
                name,
                &[activity, mobility, complexity],
                &numbers(&expected["hjorth"][name][i]),
                1e-8,
            );
            own.push(entropy);
        }
        compare(
            name,
            "alpha entropy, first frame",
            "nats",
            own[0][1],
            &expected["differential_entropy"][name][0][1],
        );
        entropies.push(own);
    }
    let pairs = eeg::pairs(&names);
    assert_eq!(pairs, [(0, 1), (2, 3), (4, 5), (6, 7)]);
    for (left, right) in pairs {
        let pair = format!("{}-{}", names[left], names[right]);
        for i in 0..entropies[left].len() {
            for band in 0..4 {
                let [difference, ratio] =
                    eeg::asymmetries(entropies[left][i][band], entropies[right][i][band]);
                let close = |found: f64, of: &str| {
                    assert_close(&pair, &[found], &[expected[of][&pair][i][band].as_f64().unwrap()], 1e-8);
                };
                close(difference, "dasm");
                close(ratio, "rasm");
            }
        }
    }
}

#[test]
fn blinks_are_the_references() {
    for name in ["eog", "eog_simulated"] {
        let expected = &GOLDEN["eog"][name];
        let signal = record(name);
        let blinks = eog::Blinks::of(&signal, RATE);
        assert_alike(name, &blinks.clean, &expected["clean"]);
        assert_eq!(blinks.tall, indices(&expected["tall"]), "{name}");
        assert_eq!(blinks.apart, indices(&expected["apart"]), "{name}");
        assert_close(name, &eog::shape(128), &numbers(&expected["template"]), 1e-8);
        let theirs = numbers(&expected["distances"]);
        assert_eq!(blinks.distances.len(), theirs.len());
        for (found, expected) in blinks.distances.iter().zip(theirs) {
            assert_eq!(found.is_none(), expected.is_nan());
            assert!(found.is_none_or(|found| (found - expected).abs() < 1e-6), "{found:?}, not {expected}");
        }
        assert_eq!(blinks.peaks, indices(&expected["peaks"]), "{name}");
        compare(name, "blink rate", "1/min", in_window(&blinks, signal.len())[0], &expected["rate"]);
        let power = eog::SlowPower::new(signal.len(), RATE).power(&signal);
        compare(name, "power below 4 Hz", "1", power, &expected["power_below_4_hz"]);
    }
}

#[test]
fn temperatures_are_the_references() {
    let ramp: Vec<f64> = (0..60 * 128).map(|i| 33.0 + 0.3 * f64::from(i) / 128.0 / 60.0).collect();
    for (name, signal, rate) in [("temp", record("temp"), 8.0), ("ramp", ramp, RATE)] {
        let expected = &GOLDEN["temperature"][name];
        let values = in_window(&temp::Temperature::of(&signal, rate), signal.len());
        compare(name, "level", "degC", values[0], &expected["level"]);
        compare(name, "slope", "degC/min", values[1], &expected["slope"]);
    }
}

const MODALITIES: [(&str, Modality); 9] = [
    ("F3", Modality::Eeg),
    ("Cz", Modality::Eeg),
    ("F4", Modality::Eeg),
    ("vEOG", Modality::Eog),
    ("zEMG", Modality::Emg),
    ("GSR", Modality::Gsr),
    ("Resp", Modality::Resp),
    ("Pleth", Modality::Pleth),
    ("Temp", Modality::Temp),
];

/// A recording of all modalities: three trials of `seconds` with 2 s of baseline.
fn body(seconds: usize) -> Recording {
    let length = seconds * RATE as usize;
    let mut random = Random::new(7, Stream::Demo, [0, 0]);
    let mut samples = Vec::new();
    for trial in 0..3 {
        for (_, modality) in MODALITIES {
            for i in 0..length {
                let t = i as f64 / RATE;
                let noise = random.normal();
                samples.push(match modality {
                    Modality::Eeg => 10.0 * noise,
                    Modality::Eog => 5.0 * noise + 200.0 * (-((t % 4.0 - 2.0) / 0.1).powi(2)).exp(),
                    Modality::Emg => 8.0 * noise,
                    Modality::Gsr => 250e3 * (1.0 + 0.1 * (TAU * t / 11.0).sin()) + noise,
                    Modality::Resp => 500.0 * (TAU * t / (4.0 + 0.3 * trial as f64)).sin() + noise,
                    Modality::Pleth => {
                        (TAU * t * 1.2).sin() + 0.3 * (TAU * t * 2.4 + 0.8).sin() + 0.02 * noise
                    }
                    _ => 33.0 + 0.1 * t / 60.0 + 0.001 * noise,
                });
            }
        }
    }
    let channels = MODALITIES.map(|(name, modality)| Channel { name: name.into(), modality }).to_vec();
    let trial = |trial: u32| Trial {
        trial,
        stimulus: trial,
        offset: trial as usize * channels.len() * length,
        length,
        baseline: 2 * RATE as usize,
        target: Target::Ratings([5.0; 4]),
        predefined_test: false,
    };
    Recording {
        subject: "s01".into(),
        rate: Some(RATE),
        trials: (0..3).map(trial).collect(),
        channels,
        samples,
        hash: "hash".into(),
    }
}

fn spec() -> FrameSpec {
    FrameSpec {
        kind: FrameKind::Features,
        length: 1.0,
        step: 0.5,
        baseline: Baseline::Correct,
        bands: default_bands(),
        features: Some(FeatureSpec {
            families: Family::DEFAULT.to_vec(),
            window: 20.0,
            gsr: Some(GsrUnit::Ohm),
        }),
    }
}

fn table(recording: &Recording, spec: &FrameSpec, modalities: &[Modality]) -> engine::Result<FrameTable> {
    let chosen = |&i: &usize| modalities.is_empty() || modalities.contains(&recording.channels[i].modality);
    let channels: Vec<usize> = (0..recording.channels.len()).filter(chosen).collect();
    FrameTable::assemble(vec![SubjectFrames::build(recording, spec, &channels, None, Values::default())?])
}

#[test]
fn features_have_names_and_units_and_a_place() {
    let recording = body(40);
    let table = table(&recording, &spec(), &[]).unwrap();
    let names: Vec<&str> = table.features.iter().map(String::as_str).collect();
    let of_eeg = |name: &str| {
        let bands = ["theta", "alpha", "beta", "gamma"].map(|band| format!("{name} {band} entropy [nats]"));
        let hjorth =
            ["log activity [ln u^2]", "mobility [1]", "complexity [1]"].map(|h| format!("{name} {h}"));
        bands.into_iter().chain(hjorth).collect::<Vec<String>>()
    };
    let mut expected: Vec<String> = ["F3", "Cz", "F4"].into_iter().flat_map(of_eeg).collect();
    expected.extend(
        [
            "vEOG log power below 4 Hz [ln u^2]",
            "vEOG blink rate [1/min]",
            "zEMG log RMS [ln u]",
            "zEMG median frequency [Hz]",
            "GSR tonic [uS]",
            "GSR tonic slope [uS/min]",
            "GSR phasic activity [uS]",
            "GSR response rate [1/min]",
            "GSR response amplitude [uS]",
            "Resp rate [1/min]",
            "Resp depth [u]",
            "Resp period SD [s]",
            "Pleth heart rate [1/min]",
            "Pleth SDNN [ms]",
            "Pleth RMSSD [ms]",
            "Pleth amplitude [u]",
            "Temp level [u]",
            "Temp slope [u/min]",
            "F3-F4 theta asymmetry [nats]",
            "F3-F4 alpha asymmetry [nats]",
            "F3-F4 beta asymmetry [nats]",
            "F3-F4 gamma asymmetry [nats]",
        ]
        .map(String::from),
    );
    assert_eq!(names, expected);
    assert_eq!(table.segments[0].frames, 75, "frames of 1 s every 0.5 s in 38 s");
    assert!(table.defects.is_empty(), "{:?}", table.defects);
    // The values are those of the signals that were made.
    let value = |trial: usize, name: &str| {
        let column = names.iter().position(|other| *other == name).unwrap();
        f64::from(table.rows(table.segments[trial].first + 30, 1)[[0, column]])
    };
    for trial in 0..3 {
        assert!((value(trial, "Pleth heart rate [1/min]") - 72.0).abs() < 0.5);
        assert!((value(trial, "Resp rate [1/min]") - 60.0 / (4.0 + 0.3 * trial as f64)).abs() < 0.3);
        assert!((value(trial, "vEOG blink rate [1/min]") - 15.0).abs() <= 3.0);
        assert!((value(trial, "GSR tonic [uS]") - 4.0).abs() < 0.2);
        assert!((value(trial, "Temp slope [u/min]") - 0.1).abs() < 0.01);
        let difference = value(trial, "F3 alpha entropy [nats]") - value(trial, "F4 alpha entropy [nats]");
        assert!((value(trial, "F3-F4 alpha asymmetry [nats]") - difference).abs() < 1e-5);
    }
    // Filters and thresholds see the whole trial, and the audit of a split knows it.
    assert_eq!(table.segments[1].samples(3..4), 0..40 * 128);
    let fast = self::table(&recording, &spec(), &[Modality::Eeg, Modality::Emg]).unwrap();
    assert_eq!(fast.segments[1].samples(3..5), 256 + 192..256 + 192 + 64 + 128);
}

/// A frame's window stays in its trial, and after the baseline unless that is included.
#[test]
fn frames_do_not_look_into_other_trials() {
    let recording = body(40);
    let mut spec = spec();
    let before = table(&recording, &spec, &[]).unwrap();
    let mut changed = recording.clone();
    let (from, length) = (recording.trials[1].offset, recording.channels.len() * 40 * 128);
    changed.samples[from..from + length].iter_mut().for_each(|x| *x *= 1.01);
    let after = table(&changed, &spec, &[]).unwrap();
    let rows = |table: &FrameTable, trial: usize| {
        let segment = &table.segments[trial];
        table.rows(segment.first, segment.frames).to_owned()
    };
    for trial in [0, 2] {
        assert_eq!(rows(&before, trial), rows(&after, trial));
    }
    assert_ne!(rows(&before, 1), rows(&after, 1));
    // The temperature needs no filter, so it depends on the window alone: the baseline is outside.
    let temperature = [Modality::Temp];
    let mut changed = recording.clone();
    let first = recording.trials[0].offset + 8 * 40 * 128;
    changed.samples[first..first + 256].iter_mut().for_each(|x| *x += 1.0);
    let same = |spec: &FrameSpec| {
        let [before, after] = [&recording, &changed].map(|r| table(r, spec, &temperature).unwrap());
        rows(&before, 0) == rows(&after, 0)
    };
    assert!(same(&spec), "a corrected trial");
    spec.baseline = Baseline::Drop;
    assert!(same(&spec), "a dropped baseline");
    spec.baseline = Baseline::Include;
    assert!(!same(&spec), "an included baseline");
}

#[test]
fn bad_signals_are_named_with_their_reason() {
    let spoiled = |channel: usize, change: fn(usize, &mut f64)| {
        let mut recording = body(40);
        let first = recording.trials[1].offset + channel * 40 * 128;
        recording.samples[first..first + 40 * 128].iter_mut().enumerate().for_each(|(i, x)| change(i, x));
        let table = table(&recording, &spec(), &[]).unwrap();
        for good in [0, 2] {
            assert!(table.segments[good].bad.is_empty() && !table.segments[good].flat);
        }
        let segment = &table.segments[1];
        let bad: usize = segment.bad.iter().map(|bad| bad.len()).sum();
        (table.defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "), bad)
    };
    let (text, bad) = spoiled(7, |i, x| *x = if (2500..2600).contains(&i) { *x } else { 1e-9 * *x });
    assert!(
        text.starts_with("s01 trial 1 channel Pleth: ") && text.contains(" in 20 s, expected at least"),
        "{text}"
    );
    assert!(bad > 0, "{text}");
    let (text, bad) = spoiled(7, |i, x| *x = f64::from(i as u32));
    assert!(text.contains("channel Pleth: 0 beats in 20 s, expected at least 3 (75 frames)"), "{text}");
    assert_eq!(bad, 75);
    let (text, bad) = spoiled(5, |i, x| *x = if i == 700 { -3.0 } else { *x });
    let expected = "s01 trial 1 channel GSR: 1 of 5120 samples are outside 0.05 to 60 uS, the first is -3.000000 ohm (75 frames)";
    assert_eq!((text.as_str(), bad), (expected, 75));
    let (text, bad) = spoiled(6, |i, x| *x = if i < 4000 { f64::from(i as u32) } else { *x });
    assert!(text.contains("channel Resp: ") && text.contains("breath") && bad > 0, "{text}");
    let (text, bad) = spoiled(8, |i, x| *x = if i < 9 { f64::NAN } else { *x });
    assert_eq!(
        (text.as_str(), bad),
        ("s01 trial 1 channel Temp: 9 of 5120 samples are not finite (75 frames)", 75)
    );
    // A channel without a change is flat, whatever can be computed of it.
    for channel in [0, 3, 4, 5, 6, 7, 8] {
        let (text, _) = spoiled(channel, |_, x| *x = 250e3);
        assert!(
            text.starts_with(&format!("s01 trial 1 channel {} is flat", MODALITIES[channel].0)),
            "{text}"
        );
    }
}

#[test]
fn specifications_that_cannot_be_measured_are_refused() {
    let recording = body(40);
    let refused = |modalities: &[Modality], change: &dyn Fn(&mut FrameSpec, &mut Recording)| {
        let (mut spec, mut recording) = (spec(), recording.clone());
        change(&mut spec, &mut recording);
        table(&recording, &spec, modalities).err().expect("an error").to_string()
    };
    let families = |families: &'static [Family]| {
        move |spec: &mut FrameSpec, _: &mut Recording| {
            spec.features.as_mut().unwrap().families = families.to_vec();
        }
    };
    let text = refused(&[], &|spec, _| spec.features.as_mut().unwrap().window = 50.0);
    assert!(
        text.contains("s01 trial 0 has 38 s for features of slow signals, and `feature_window` is 50 s"),
        "{text}"
    );
    let text = refused(&[], &|spec, _| spec.features.as_mut().unwrap().window = 0.3);
    assert!(text.contains("`feature_window = 0.3` is 38 samples, expected more than 39"), "{text}");
    let text = refused(&[], &|spec, _| spec.features.as_mut().unwrap().gsr = None);
    assert!(
        text.contains("the unit of the channel GSR is unknown") && text.contains("`gsr_unit = us`"),
        "{text}"
    );
    let text = refused(&[], &|_, recording| recording.channels[1].modality = Modality::Other);
    assert!(
        text.contains("the channel Cz is of the modality other") && text.contains("`frame_kind = raw`"),
        "{text}"
    );
    let text = refused(&[], &families(&[Family::Entropy]));
    assert!(text.contains("the channel vEOG has none of the features entropy"), "{text}");
    assert!(text.contains("add some of slow-power,blinks to `families`"), "{text}");
    let text = refused(&[Modality::Eeg], &families(&[Family::Entropy, Family::Tonic]));
    assert!(text.contains("no chosen channel has the feature tonic"), "{text}");
    let text = refused(&[Modality::Pleth], &|_, recording| recording.rate = Some(16.0));
    assert!(
        text.contains("a rate of 16 Hz cannot hold 8 Hz, the highest frequency of the channel Pleth"),
        "{text}"
    );
    let text = refused(&[Modality::Eog], &|spec, _| spec.length = 0.2);
    assert!(text.contains("too short for power below 4 Hz"), "{text}");
    let text = refused(&[Modality::Eeg], &|_, recording| recording.rate = Some(64.0));
    assert!(text.contains("a rate of 64 Hz cannot hold the gamma band"), "{text}");
    let text = refused(&[Modality::Eeg], &|_, recording| recording.rate = None);
    assert!(text.contains("need a sampling rate") && text.contains("`rate`"), "{text}");
    let text = refused(&[Modality::Eeg], &|spec, _| spec.length = 0.02);
    assert!(
        text.contains("have 3 samples, and features need at least 4") || text.contains("too short"),
        "{text}"
    );
    // Without entropies, bands do not matter; a ratio is computed on demand.
    let mut hjorth = spec();
    hjorth.features.as_mut().unwrap().families = vec![Family::Hjorth];
    let mut slow = recording.clone();
    slow.rate = Some(64.0);
    assert_eq!(table(&slow, &hjorth, &[Modality::Eeg]).unwrap().width(), 9);
    hjorth.features.as_mut().unwrap().families = vec![Family::RationalAsymmetry];
    let ratios = table(&recording, &hjorth, &[Modality::Eeg]).unwrap();
    assert_eq!(ratios.features[0], "F3-F4 theta rational asymmetry [1]");
    assert_eq!(ratios.width(), 4);
}

/// The correlation over trials of the mean of each feature with a rating, each less its subject's mean.
fn correlations(effect: f64, rating: usize) -> Vec<(String, f64)> {
    let demo = DemoSpec { subjects: 3, effect, effect_sd: 0.0, ..DemoSpec::default() };
    let mut features = Vec::new();
    let (mut ratings, mut means) = (Vec::new(), Vec::<Vec<f64>>::new());
    for subject in 0..demo.subjects {
        let recording = read_subject(&demo, subject).unwrap();
        let mut spec = spec();
        spec.features.as_mut().unwrap().window = 30.0;
        let modalities = [Modality::Emg, Modality::Gsr, Modality::Resp, Modality::Pleth];
        let table = table(&recording, &spec, &modalities).unwrap();
        assert_eq!(table.defect_count, 0, "{:?}", table.defects);
        features = table.features.clone();
        let of_trial = |segment: &engine::data::frames::Segment| {
            let mean = table.rows(segment.first, segment.frames).mean_axis(ndarray::Axis(0)).unwrap();
            mean.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>()
        };
        let rated = |trial: &Trial| match trial.target {
            Target::Ratings(ratings) => f64::from(ratings[rating]),
            _ => unreachable!("the demo rates every trial"),
        };
        let own: Vec<Vec<f64>> = table.segments.iter().map(of_trial).collect();
        let own_ratings: Vec<f64> = recording.trials.iter().map(rated).collect();
        let centered = |x: &[f64]| x.iter().map(|value| value - mean(x)).collect::<Vec<f64>>();
        ratings.extend(centered(&own_ratings));
        means.resize(features.len(), Vec::new());
        for (feature, column) in means.iter_mut().enumerate() {
            column.extend(centered(&own.iter().map(|values| values[feature]).collect::<Vec<f64>>()));
        }
    }
    let correlation = |x: &Vec<f64>| {
        let products: Vec<f64> = x.iter().zip(&ratings).map(|(x, y)| x * y).collect();
        mean(&products) / (deviation(x) * deviation(&ratings))
    };
    features.into_iter().zip(means.iter().map(correlation)).collect()
}

/// The demo plants effects of arousal on heart, breath, skin and trapezius, and of valence on the
/// zygomaticus; without an effect there are none. Under the null, a correlation over 120 trials of 3 subjects
/// has the standard deviation 1/sqrt(117) = 0.092; 4 of these exceed it once in 16000.
#[test]
fn planted_physiology_is_found_and_no_other() {
    const NULL: f64 = 4.0 * 0.0925;
    const AROUSAL: usize = 1;
    for (rating, planted) in [
        (
            AROUSAL,
            &[
                "Pleth heart rate [1/min]",
                "Resp rate [1/min]",
                "GSR phasic activity [uS]",
                "GSR response amplitude [uS]",
                "tEMG log RMS [ln u]",
            ][..],
        ),
        (0, &["zEMG log RMS [ln u]"][..]),
    ] {
        let found = correlations(1.0, rating);
        let nothing = correlations(0.0, rating);
        for ((name, r), (_, null)) in found.iter().zip(&nothing) {
            println!("rating {rating}: {name}: r = {r:.2} with an effect, {null:.2} without");
            assert!(null.abs() < NULL, "{name} and rating {rating} without an effect: {null}");
            if planted.contains(&name.as_str()) {
                assert!(*r > NULL, "{name} and rating {rating}: {r}");
            }
        }
        assert_eq!(found.iter().filter(|(name, _)| planted.contains(&name.as_str())).count(), planted.len());
    }
}

#[test]
fn the_program_trains_on_features_and_predicts_with_them() {
    let folder = folder();
    let path = folder.path();
    const RUN: &str = "train --demo-subjects 2 --channels all --epochs 1 --hidden 4";
    engine(path, &format!("{RUN} --frames features --name f")).ends(0, &[]);
    let run = path.join("runs/f");
    let features = Manifest::read(&run).unwrap().dataset.features;
    assert_eq!(features.len(), 32 * 7 + 2 * 2 + 2 * 2 + 5 + 3 + 4 + 2 + 14 * 4);
    assert!(features.contains(&"Pleth heart rate [1/min]".to_string()));
    // The run records what it chose, and its weights carry what their features mean.
    let config = std::fs::read_to_string(run.join("config.toml")).unwrap();
    for line in ["frame_kind = \"features\"", "feature_window = 30.0", "gsr_unit = \"ohm\""] {
        assert!(config.contains(line), "no {line} in {config}");
    }
    let checkpoint = FoldCheckpoint::read(&run.join("checkpoints/best/fold-01.safetensors")).unwrap();
    let features = checkpoint.meta.frames.unwrap().features.unwrap();
    assert_eq!(
        (features.window, features.gsr, features.families),
        (30.0, Some(GsrUnit::Ohm), Family::DEFAULT.to_vec())
    );
    engine(path, "data demo --out recordings --subjects 1").ends(0, &[]);
    engine(path, "predict runs/f recordings/s01.dat --quiet").ends(0, &[]);
    engine(path, "train --demo-subjects 1 --families entropy --dry-run")
        .ends(2, &["`--families` would have no effect: it is for frames of features", "--frames features"]);
    engine(path, &format!("{RUN} --frames features --families tonic,heart-rate --dry-run"))
        .ends(2, &["the channel Fp1 has none of the features tonic,heart-rate", "--channels"]);
    engine(path, &format!("{RUN} --frames features --feature-window 61 --dry-run"))
        .ends(2, &["s01 trial 0 has 60 s for features of slow signals", "--feature-window"]);
}

#[test]
fn the_unit_of_a_skin_channel_must_be_known() {
    let folder = folder();
    let path = folder.path();
    let (windows, length) = (24, 320);
    let value = |i: usize| 5.0 + (i / length % 2) as f64 + 0.2 * (i as f64 / 50.0).sin();
    let values: Vec<f64> = (0..windows * length).map(value).collect();
    let numbers = |of: fn(i64) -> i64| integers(&(0..windows as i64).map(of).collect::<Vec<i64>>());
    let others = [
        ("labels", numbers(|i| i % 2)),
        ("trials", numbers(|i| i)),
        ("rate", array("<f8", "()", &32.0f64.to_le_bytes())),
        ("channels", texts(&["skin"])),
        ("modalities", texts(&["gsr"])),
    ];
    samples(path, "w", [length, 1], "<f8", &values, &others);
    let run = |options: &str| {
        let call = format!("crossval --data w --frames features --folds 3 --hidden 4 --epochs 1 {options}");
        engine(path, &format!("{call} --patience 0 --validation 0"))
    };
    run("--feature-window 8 --dry-run").ends(2, &["the unit of the channel skin is unknown", "`--gsr us`"]);
    run("--gsr us --dry-run").ends(2, &["has 10 s for features of slow signals", "--feature-window"]);
    run("--gsr ohm --feature-window 8 --dry-run").ends(
        3,
        &["channel skin: 320 of 320 samples are outside 0.05 to 60 uS", "ohm", "--bad-windows drop"],
    );
    run("--gsr us --feature-window 8 --name r").ends(0, &[]);
    let call = engine(path, "data inspect w --features --gsr us --feature-window 8").ends(0, &[]);
    for part in ["skin tonic [uS]", "skin response amplitude [uS]", "not finite", "greatest"] {
        assert!(call.out.contains(part), "no {part} in {}", call.out);
    }
}

#[test]
fn distributions_are_by_subject_and_class() {
    let folder = folder();
    let call = engine(folder.path(), "data inspect demo --features --channels pleth --json").ends(0, &[]);
    let rows: Value = serde_json::from_str(&call.out).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 4 * (1 + 8) * (1 + 2), "features, subjects and classes, and all of each");
    let of = |subject: &str, class: &str| {
        let is_it = |row: &&Value| {
            row["feature"] == "Pleth heart rate [1/min]" && row["subject"] == subject && row["class"] == class
        };
        rows.iter().find(is_it).unwrap()
    };
    let all = of("all", "all");
    assert_eq!(all["frames"], 8 * 40 * 119);
    assert!((50.0..90.0).contains(&all["mean"].as_f64().unwrap()), "{all}");
    assert!(all["range"][0].as_f64() < all["mean"].as_f64());
    let parts: u64 = (1..=8).map(|n| of(&format!("s{n:02}"), "all")["frames"].as_u64().unwrap()).sum();
    assert_eq!(parts, 8 * 40 * 119);
}
