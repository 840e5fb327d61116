//! Standardization, fitted on training data only.

use super::sequences::Dataset;
use super::split::Train;

/// Mean and inverse standard deviation per feature, or per step and feature, `(S, D)`; 0 for a feature that is constant in training,
/// which is thereby switched off. Of the numbers in the frame table, whose [`center`](super::frames::FrameTable::center) is subtracted.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    pub mean: Vec<f32>,
    pub inv_std: Vec<f32>,
}

impl Stats {
    /// Leaves features as they are.
    pub fn identity(features: usize) -> Self {
        Stats { mean: vec![0.0; features], inv_std: vec![1.0; features] }
    }

    /// Over all steps of all training sequences (a frame counts as often as sequences read it), in two passes.
    pub fn fit(dataset: &Dataset, train: Train) -> Self {
        Stats::over(dataset, train, 1)
    }

    /// Over the training sequences, each step by itself.
    pub fn fit_steps(dataset: &Dataset, train: Train) -> Self {
        Stats::over(dataset, train, dataset.steps())
    }

    /// Step `t` counts as step `t % steps`.
    fn over(dataset: &Dataset, train: Train, steps: usize) -> Self {
        let width = dataset.frames.width();
        let average = |value: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            let (mut sums, mut counts) = (vec![0.0; steps * width], vec![0.0; steps]);
            for &index in train.sequences() {
                let s = &dataset.sequences[index as usize];
                for (t, row) in dataset.sequence(s).rows().into_iter().enumerate() {
                    let first = t % steps * width;
                    for (d, &x) in row.iter().enumerate() {
                        sums[first + d] += value(first + d, f64::from(x));
                    }
                    counts[t % steps] += 1.0;
                }
            }
            sums.into_iter().enumerate().map(|(i, sum)| sum / f64::max(counts[i / width], 1.0)).collect()
        };
        let mean = average(&|_, x| x);
        let variance = average(&|i, x| (x - mean[i]).powi(2));
        let inverse = |variance: f64| if variance > 0.0 { (1.0 / variance.sqrt()) as f32 } else { 0.0 };
        Stats {
            inv_std: variance.into_iter().map(inverse).collect(),
            mean: mean.into_iter().map(|mean| mean as f32).collect(),
        }
    }

    /// `S`: 1, or how many steps have statistics of their own.
    pub fn steps(&self, features: usize) -> usize {
        self.mean.len() / features
    }

    /// `(2, S, D)`, as the gather reads it.
    pub fn flat(&self) -> Vec<f32> {
        [self.mean.as_slice(), &self.inv_std].concat()
    }
}
