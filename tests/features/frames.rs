//! Frames of features: names, units and places; they keep to their trial; bad signals and specifications are
//! named.

use crate::support::body::{MODALITIES, body, spec, table};
use engine::data::features::Family;
use engine::data::frames::{Baseline, FrameSpec, FrameTable};
use engine::data::recording::{Modality, Recording};

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
