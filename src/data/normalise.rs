//! Standardisation, fitted on training data only.

use super::sequences::Dataset;
use super::split::Train;
use serde::{Deserialize, Serialize};

/// What features are scaled by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Normalise {
    /// Mean 0 and deviation 1 over the training part of each fold.
    Train,
    /// Mean 0 and deviation 1 over each subject's own frames. TRANSDUCTIVE: it sees the test subjects' signals, though
    /// not their labels.
    Subject,
    /// As they are.
    None,
}

/// Mean and inverse standard deviation per feature; 0 for a feature that is constant in training, which is thereby
/// switched off.
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
        let width = dataset.frames.width();
        let average = |value: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            let (mut sums, mut count) = (vec![0.0; width], 0.0);
            for &index in train.sequences() {
                let s = &dataset.sequences[index as usize];
                for row in dataset.frames.rows(s.first as usize, s.length as usize).rows() {
                    for (feature, (sum, &x)) in sums.iter_mut().zip(row).enumerate() {
                        *sum += value(feature, f64::from(x));
                    }
                    count += 1.0;
                }
            }
            sums.into_iter().map(|sum| sum / count).collect()
        };
        let mean = average(&|_, x| x);
        let variance = average(&|feature, x| (x - mean[feature]).powi(2));
        let inverse = |variance: f64| if variance > 0.0 { (1.0 / variance.sqrt()) as f32 } else { 0.0 };
        Stats {
            inv_std: variance.into_iter().map(inverse).collect(),
            mean: mean.into_iter().map(|mean| mean as f32).collect(),
        }
    }

    /// `(2, D)`, as the gather reads it.
    pub fn flat(&self) -> Vec<f32> {
        [self.mean.as_slice(), &self.inv_std].concat()
    }
}
