//! Standardization, fitted on training data only.

use super::sequences::Dataset;
use super::split::Train;

/// Statistics of the elements of the frame table, after subtraction of its
/// [`center`](super::frames::FrameTable::center): per feature (`S` is 1), or per time step and feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// Means `(S, D)`.
    pub mean: Vec<f32>,
    /// Inverse standard deviations `(S, D)`. 0 for a feature that is constant in the training part, so that
    /// the network does not see it.
    pub inv_std: Vec<f32>,
}

impl Stats {
    /// Statistics that leave features unchanged.
    pub fn identity(features: usize) -> Self {
        Stats { mean: vec![0.0; features], inv_std: vec![1.0; features] }
    }

    /// Statistics over all time steps of all training sequences, in two passes. A frame that belongs to
    /// several sequences counts several times.
    pub fn fit(dataset: &Dataset, train: Train) -> Self {
        Stats::over(dataset, train, 1)
    }

    /// Statistics over all training sequences, separately for each time step.
    pub fn fit_steps(dataset: &Dataset, train: Train) -> Self {
        Stats::over(dataset, train, dataset.steps())
    }

    /// Time step `t` counts as step `t % steps`.
    fn over(dataset: &Dataset, train: Train, steps: usize) -> Self {
        let mean = average(dataset, train, steps, |_, x| x);
        let variance = average(dataset, train, steps, |i, x| (x - mean[i]).powi(2));
        let inverse = |variance: f64| if variance > 0.0 { (1.0 / variance.sqrt()) as f32 } else { 0.0 };
        Stats {
            inv_std: variance.into_iter().map(inverse).collect(),
            mean: mean.into_iter().map(|mean| mean as f32).collect(),
        }
    }

    /// `S`, the number of time steps with their own statistics; 1 if all share them.
    pub fn steps(&self, features: usize) -> usize {
        self.mean.len() / features
    }

    /// Means and inverse standard deviations `(2, S, D)`, as the gather operation reads them.
    pub fn flat(&self) -> Vec<f32> {
        [self.mean.as_slice(), &self.inv_std].concat()
    }
}

/// The mean `(steps, D)` of `value(step and feature, element)` over all training sequences.
fn average(dataset: &Dataset, train: Train, steps: usize, value: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let width = dataset.frames.width();
    let (mut sums, mut counts) = (vec![0.0; steps * width], vec![0.0; steps]);
    for &index in train.sequences() {
        let s = &dataset.sequences[index as usize];
        for (t, row) in dataset.sequence(s).rows().into_iter().enumerate() {
            let first = t % steps * width;
            for (d, (sum, &x)) in sums[first..][..width].iter_mut().zip(row).enumerate() {
                *sum += value(first + d, f64::from(x));
            }
            counts[t % steps] += 1.0;
        }
    }
    sums.into_iter().enumerate().map(|(i, sum)| sum / f64::max(counts[i / width], 1.0)).collect()
}
