//! The physiology that the demo plants is found, and none where none is planted.

use crate::support::body::{spec, table};
use engine::data::demo::{DemoSpec, read_subject};
use engine::data::features::moments::{deviation, mean};
use engine::data::frames::Segment;
use engine::data::recording::{Modality, Target, Trial};

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
        let of_trial = |segment: &Segment| {
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
