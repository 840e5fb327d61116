//! The features of real records equal the answers of NeuroKit2 and SciPy.

use crate::support::body::RATE;
use crate::support::golden::assert_close;
use engine::data::bandpower::{BandPower, differential_entropy};
use engine::data::bands::default_bands;
use engine::data::features::moments::{mean, slope_per_minute};
use engine::data::features::{InFrames, InWindows, eeg, emg, eog, gsr, pulse, resp, temp};
use serde_json::Value;
use std::sync::LazyLock;

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
fn in_window(signal: &impl InWindows, samples: usize) -> Vec<f64> {
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
