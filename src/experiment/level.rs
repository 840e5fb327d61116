//! Whether recordings lie where a network's training data lay. No file states the unit of its signals, so
//! this is all that tells volts from microvolts.

use crate::data::features::moments::median;
use crate::data::sequences::Dataset;
use crate::data::stats::Stats;

/// Deviations of the training data by which a feature's mean may differ, and the factor between the two
/// deviations. Between people and days, features differ by a few; a wrong unit gives a thousand or more.
const FAR: f64 = 100.0;

/// Says if most features of the sequences lie elsewhere than those of the training data, of which `stats` are
/// the statistics. `None` if they do not, and for data that were not standardized by the training part.
pub fn other_level(dataset: &Dataset, stats: &Stats) -> Option<String> {
    let width = dataset.frames.width();
    if *stats == Stats::identity(width) {
        return None;
    }
    let mut sums = vec![[0.0; 2]; width];
    let mut count = 0.0;
    for sequence in &dataset.sequences {
        for frame in dataset.sequence(sequence).rows() {
            count += 1.0;
            for (feature, (&x, sums)) in frame.iter().zip(&mut sums).enumerate() {
                let z = (f64::from(x) - f64::from(stats.mean[feature])) * f64::from(stats.inv_std[feature]);
                sums[0] += z;
                sums[1] += z * z;
            }
        }
    }
    // A feature that was constant in the training part has no scale.
    let has_scale = |feature: usize| stats.inv_std[feature] > 0.0;
    // Of the first time step's statistics; those of the others do not differ by such factors.
    let moments =
        sums.iter().enumerate().filter(|&(feature, _)| has_scale(feature)).map(|(_, [sum, squares])| {
            let mean = sum / count;
            (mean.abs(), (squares / count - mean * mean).max(0.0).sqrt())
        });
    let moments: Vec<(f64, f64)> = moments.collect();
    if moments.is_empty() {
        return None;
    }
    let distance = median(&moments.iter().map(|&(mean, _)| mean).collect::<Vec<_>>());
    let spread = median(&moments.iter().map(|&(_, deviation)| deviation).collect::<Vec<_>>());
    // A single frame does not vary, whatever its unit.
    let far = distance > FAR || spread > FAR || (spread > 0.0 && spread < 1.0 / FAR);
    far.then(|| {
        format!(
            "these features are not where those of the training data were: in standard deviations of the training \
             part, the median feature lies {distance:.3} away and varies by {spread:.3}. Are they in another unit?"
        )
    })
}
