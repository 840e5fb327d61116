use std::process::Command;
use std::sync::OnceLock;

use engine::ErrorKind;
use engine::data::deap;
use engine::data::deap::channels::{BASELINE, CHANNELS, EEG, SAMPLES, TRIALS};
use engine::data::demo::{DemoSpec, read_subject, write_folder, write_subject};
use engine::data::recording::{Recording, Target};
use engine::progress::Silent;
use ndarray::{ArrayView1, s};
use realfft::RealFftPlanner;

use crate::support::memory;

fn bytes(spec: &DemoSpec, index: u32) -> Vec<u8> {
    let mut file = Vec::new();
    write_subject(spec, index, &mut file).unwrap();
    file
}

/// The first default subject, as a file.
fn default_file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| bytes(&DemoSpec::default(), 0))
}

fn read(file: &[u8]) -> Recording {
    deap::read_from(file, Some(file.len() as u64), "s01").unwrap()
}

fn threads(count: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap()
}

/// The length of DEAP's files, and the opcodes that Python 2's cPickle wrote into the fixture of two trials,
/// with DEAP's lengths in place of the fixture's: the same bytes up to the elements.
#[test]
fn files_are_what_python_2_wrote() {
    let file = default_file();
    assert_eq!(file.len(), 103_220_672);
    let fixture = include_bytes!("fixtures/np162_cp2.dat");
    let labels_shape = fixture.windows(5).position(|bytes| bytes == b"K\x02K\x04\x86").unwrap();
    let numbers = fixture.windows(2).position(|bytes| bytes == b"\x89U").unwrap() + 1;
    let second = fixture.windows(4).position(|bytes| bytes == b"data").unwrap() - 4;
    let data_shape = second + fixture[second..].windows(2).position(|bytes| bytes == b"K\x03").unwrap() - 2;
    let expected =
        [&fixture[..labels_shape], b"K\x28K\x04\x86", &fixture[labels_shape + 5..numbers], b"T\0\x05\0\0"]
            .concat();
    assert_eq!(&file[..expected.len()], expected);
    let between = [&fixture[second..data_shape], b"K\x28K\x28M\x80\x1f\x87h\x07\x89T\0\0\x27\x06"].concat();
    let start = expected.len() + 1280;
    assert_eq!(
        file[start..start + between.len()].escape_ascii().to_string(),
        between.escape_ascii().to_string()
    );
    assert_eq!(start + between.len() + TRIALS * CHANNELS * SAMPLES * 8 + 4, file.len());
    assert!(file.ends_with(b"tbu."));
}

/// Python reads the same values as this crate.
#[test]
#[ignore = "needs python3 with numpy; tools/test runs it"]
fn python_reads_the_same_values() {
    const SCRIPT: &str = "
import pickle, sys
with open(sys.argv[1], 'rb') as f:
    d = pickle.load(f, encoding='latin1')
labels, data = d['labels'], d['data']
assert sorted(d) == ['data', 'labels'] and labels.dtype == data.dtype == 'float64'
assert labels.shape == (40, 4) and data.shape == (40, 40, 8064)
print(labels[3, 1], data[0, 0, 0], data[7, 36, 5000], data[39, 39, 8063])
";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s01.dat");
    std::fs::write(&path, default_file()).unwrap();
    let output = Command::new("python3").args(["-c", SCRIPT]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<f64> =
        String::from_utf8(output.stdout).unwrap().split_whitespace().map(|x| x.parse().unwrap()).collect();
    let recording = read(default_file());
    let sample = |trial, channel, at| recording.signal(trial)[[channel, at]];
    assert_eq!(theirs[0] as f32, ratings(&recording)[3][1]);
    assert_eq!(theirs[1..], [sample(0, 0, 0), sample(7, 36, 5000), sample(39, 39, 8063)]);
}

fn ratings(recording: &Recording) -> Vec<[f32; 4]> {
    let rating = |target: &Target| match target {
        Target::Ratings(ratings) => *ratings,
        other => panic!("{other:?}"),
    };
    recording.trials.iter().map(|trial| rating(&trial.target)).collect()
}

#[test]
fn a_subject_depends_only_on_the_settings_and_its_number() {
    let spec = DemoSpec { subjects: 3, ..DemoSpec::default() };
    let one = threads(1).install(|| blake3::hash(&bytes(&spec, 0)));
    let two = threads(2).install(|| blake3::hash(&bytes(&spec, 0)));
    assert_eq!(one, two, "the number of threads changes the bytes");
    assert_eq!(one, blake3::hash(default_file()), "the number of subjects changes a subject");
    assert_ne!(one, blake3::hash(&bytes(&spec, 1)), "two subjects are the same");
    assert_ne!(one, blake3::hash(&bytes(&DemoSpec { seed: 2, ..spec }, 0)), "the seed changes nothing");
}

/// A recording generated in memory equals that of its file.
#[test]
fn a_generated_subject_is_its_file_read() {
    let recording = read_subject(&DemoSpec::default(), 0).unwrap();
    assert_eq!(recording, read(default_file()));
}

#[test]
fn reading_a_subject_holds_no_more_than_its_file() {
    let (recording, peak) = memory::peak(|| read(default_file()));
    assert_eq!(recording.trials.len(), TRIALS);
    let share = peak as f64 / default_file().len() as f64;
    assert!(share < 1.01, "{share} of the file is held");
}

#[test]
fn ratings_are_a_scale_from_1_to_9_with_two_decimals() {
    let recording = read(default_file());
    let ratings = ratings(&recording);
    for rating in ratings.as_flattened() {
        assert!((1.0..=9.0).contains(rating) && ((rating * 100.0).round() / 100.0 - rating).abs() < 1e-6);
    }
    assert!(ratings.as_flattened().contains(&5.0), "some are exactly in the middle");
    let high = ratings.iter().filter(|rating| rating[0] > 5.0).count();
    assert!((8..=32).contains(&high), "{high} of 40 trials are pleasant: one class hardly occurs");
}

/// Mean log power of a trial's channel between `low` and `high` Hz, from periodograms of two seconds.
fn log_power(signal: ArrayView1<f64>, low: usize, high: usize) -> f64 {
    let transform = RealFftPlanner::<f64>::new().plan_fft_forward(256);
    let mut spectrum = transform.make_output_vec();
    let windows = signal.exact_chunks(256).into_iter().map(|window| {
        transform.process(&mut window.to_vec(), &mut spectrum).unwrap();
        spectrum[2 * low..2 * high].iter().map(|bin| bin.norm_sqr()).sum::<f64>()
    });
    let powers: Vec<f64> = windows.collect();
    (powers.iter().sum::<f64>() / powers.len() as f64).ln()
}

fn stimulus(recording: &Recording, trial: usize, channel: usize) -> ArrayView1<'_, f64> {
    recording.signal(trial).slice_move(s![channel, BASELINE..])
}

#[test]
fn the_eeg_looks_like_deaps() {
    let recording = read(default_file());
    let signal = recording.signal(0);
    for at in [0, 1000, 8063] {
        let sum: f64 = signal.slice(s![..EEG, at]).sum();
        assert!(sum.abs() < 1e-4, "the common average is not zero: {sum}");
    }
    // Oz has a peak at 10 Hz, and no power below 4 Hz or above 45 Hz.
    let power = |low, high| log_power(stimulus(&recording, 0, 14), low, high);
    assert!(power(9, 11) > power(16, 18) + 1.0 && power(9, 11) > power(5, 7));
    assert!(power(50, 60) < power(35, 45) - 4.0);
    let scale = stimulus(&recording, 0, 14).std(0.0);
    assert!((2.0..40.0).contains(&scale), "{scale} microvolts");
}

/// The variance between trials of log power is the fingerprint's plus that of estimating it.
#[test]
fn trial_sd_is_the_deviation_between_trials() {
    let quiet = DemoSpec { effect: 0.0, trial_sd: 0.0, ..DemoSpec::default() };
    let variance = |spec: &DemoSpec| {
        let recording = read_subject(spec, 0).unwrap();
        let per_channel = [5, 14, 24].map(|channel| {
            let powers: Vec<f64> =
                (0..TRIALS).map(|trial| log_power(stimulus(&recording, trial, channel), 14, 31)).collect();
            let mean = powers.iter().sum::<f64>() / TRIALS as f64;
            powers.iter().map(|power| (power - mean).powi(2)).sum::<f64>() / (TRIALS - 1) as f64
        });
        per_channel.iter().sum::<f64>() / 3.0
    };
    let without = variance(&quiet);
    let with = variance(&DemoSpec { trial_sd: 0.5, ..quiet });
    // 17 Hz for 60 s are about 1000 independent squares: variance 0.001. Three times 39 degrees of freedom
    // give the other a standard error of 13 %; the common average takes some 3 % of it.
    assert!(without < 0.003, "{without}");
    assert!((0.11..0.40).contains(&with), "{with}, expected 0.25");
}

/// Without a fingerprint the slow channels are the same curve in every trial, up to noise.
#[test]
fn without_a_fingerprint_slow_channels_do_not_identify_trials() {
    let spec = DemoSpec { effect: 0.0, trial_sd: 0.0, ..DemoSpec::default() };
    let (quiet, marked) = (read_subject(&spec, 0).unwrap(), read(default_file()));
    for channel in 36..CHANNELS {
        let deviation = |recording: &Recording| {
            let means: Vec<f64> = (0..TRIALS)
                .map(|trial| recording.signal(trial).slice(s![channel, 4000..4064]).mean().unwrap())
                .collect();
            ArrayView1::from(&means).std(1.0)
        };
        let (quiet, marked) = (deviation(&quiet), deviation(&marked));
        assert!(
            quiet < 0.1 * marked,
            "channel {channel}: deviation {quiet} without, {marked} with a fingerprint"
        );
    }
}

/// The same random numbers with and without an effect. The bits of the baseline must be equal in every
/// channel of every trial. Without an effect, the signals must not depend on the ratings.
#[test]
fn the_class_is_in_the_stimulus_and_not_in_the_baseline() {
    let none = DemoSpec { effect: 0.0, ..DemoSpec::default() };
    let without = read_subject(&none, 0).unwrap();
    let with = read_subject(&DemoSpec { effect: 1.0, ..none }, 0).unwrap();
    assert_eq!(ratings(&without), ratings(&with));
    for trial in 0..TRIALS {
        let (without, with) = (without.signal(trial), with.signal(trial));
        assert_eq!(without.slice(s![.., ..BASELINE]), with.slice(s![.., ..BASELINE]), "trial {trial}");
    }
    let other_ratings = read_subject(&DemoSpec { prior_sd: 5.0, ..none }, 0).unwrap();
    assert_ne!(ratings(&without), ratings(&other_ratings));
    assert!(without.samples == other_ratings.samples, "ratings reach the signal without an effect");
}

/// F4 minus F3 alpha rises with valence; gamma rises with arousal.
#[test]
fn effect_changes_the_documented_bands() {
    let spec = DemoSpec { effect: 1.0, effect_sd: 0.0, trial_sd: 0.0, ..DemoSpec::default() };
    let recording = read_subject(&spec, 0).unwrap();
    let ratings = ratings(&recording);
    let correlation = |rating: usize, feature: &dyn Fn(usize) -> f64| {
        let pairs: Vec<(f64, f64)> =
            (0..TRIALS).map(|trial| (f64::from(ratings[trial][rating]), feature(trial))).collect();
        let n = TRIALS as f64;
        let mean = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0 / n, sum.1 + pair.1 / n));
        let moment = |f: &dyn Fn(f64, f64) -> f64| {
            pairs.iter().map(|pair| f(pair.0 - mean.0, pair.1 - mean.1)).sum::<f64>()
        };
        moment(&|x, y| x * y) / (moment(&|x, _| x * x) * moment(&|_, y| y * y)).sqrt()
    };
    let power = |trial, channel, low, high| log_power(stimulus(&recording, trial, channel), low, high);
    let asymmetry = |trial| power(trial, 19, 8, 14) - power(trial, 2, 8, 14);
    let gamma = |trial| power(trial, 14, 31, 45);
    let (valence, arousal) = (correlation(0, &asymmetry), correlation(1, &gamma));
    assert!(valence > 0.7 && arousal > 0.7, "valence {valence}, arousal {arousal}");
}

/// With a strong prior, subjects rate almost everything high, or almost nothing.
#[test]
fn prior_sd_is_the_deviation_of_the_subjects_shares_of_high_ratings() {
    let share_of_majority = |prior_sd: f64| {
        let spec = DemoSpec { subjects: 32, prior_sd, ..DemoSpec::default() };
        let mut sum = 0.0;
        for subject in 0..spec.subjects {
            for kind in 0..4 {
                let high = spec.ratings(subject).iter().filter(|rating| rating[kind] > 5.0).count();
                sum += high.max(TRIALS - high) as f64 / TRIALS as f64 / 128.0;
            }
        }
        sum
    };
    let (none, strong) = (share_of_majority(0.0), share_of_majority(1.5));
    assert!(none < 0.66, "{none} of a subject's ratings agree without any prior");
    assert!((0.70..0.82).contains(&strong), "{strong} of a subject's ratings agree, expected about .77");
}

#[test]
fn a_folder_is_written_once_and_read_as_deap() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("demo");
    let spec = DemoSpec { subjects: 2, ..DemoSpec::default() };
    write_folder(&spec, &out, &Silent).unwrap();
    let listing = deap::subjects(&out).unwrap();
    assert_eq!((listing.files.len(), listing.gaps.len(), listing.ignored.len()), (2, 0, 0));
    assert_eq!(std::fs::read(&listing.files[0]).unwrap(), default_file());

    std::fs::remove_file(&listing.files[0]).unwrap();
    let error = write_folder(&spec, &out, &Silent).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Io);
    assert!(error.message.contains("s02.dat exists already"), "{error}");
    assert!(!listing.files[0].exists(), "written although another file exists");
}

#[test]
fn settings_out_of_range_are_refused() {
    let good = DemoSpec::default();
    for bad in [
        DemoSpec { subjects: 0, ..good },
        DemoSpec { subjects: 33, ..good },
        DemoSpec { effect: -0.1, ..good },
        DemoSpec { trial_sd: f64::NAN, ..good },
        DemoSpec { prior_sd: f64::INFINITY, ..good },
    ] {
        assert_eq!(bad.check().unwrap_err().kind, ErrorKind::Config, "{bad:?}");
    }
    assert_eq!(write_subject(&good, 8, &mut std::io::sink()).unwrap_err().kind, ErrorKind::Config);
    let text = toml::to_string(&good).unwrap();
    assert_eq!(toml::from_str::<DemoSpec>(&text).unwrap(), good);
    assert!(toml::from_str::<DemoSpec>("efect = 1.0").is_err());
}
