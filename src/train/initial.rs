//! The weights before training.

use crate::ops::{Network, Parameter, Role};
use crate::random::{Random, Stream};
use serde::{Deserialize, Serialize};

/// Whose defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Initial {
    /// Uniform in `+-1/sqrt(H)` for recurrent layers and in `+-1/sqrt(inputs)` for others, biases included.
    Pytorch,
    /// Glorot uniform weights, orthogonal recurrent weights, and biases of 0; the forget gate of the LSTM has
    /// a bias of 1 (Jozefowicz et al. 2015).
    Keras,
}

/// The weights `(P)` of one fold: they depend on the seed and the fold's number alone.
pub fn weights(network: &Network, initial: Initial, seed: u64, fold: u32) -> Vec<f32> {
    let parameters = network.parameters().into_iter().enumerate();
    parameters
        .flat_map(|(i, parameter)| {
            let mut random = Random::new(seed, Stream::Weights, [fold, i as u32]);
            match initial {
                Initial::Pytorch => {
                    uniform(&mut random, parameter.count(), 1.0 / (parameter.fan as f64).sqrt())
                }
                Initial::Keras => keras(&parameter, &mut random),
            }
        })
        .collect()
}

fn uniform(random: &mut Random, count: usize, bound: f64) -> Vec<f32> {
    (0..count).map(|_| ((2.0 * random.uniform() - 1.0) * bound) as f32).collect()
}

fn keras(parameter: &Parameter, random: &mut Random) -> Vec<f32> {
    let (shape, count) = (&parameter.shape, parameter.count());
    match parameter.role {
        Role::Weight => {
            // A filter's kernel counts on both sides.
            let kernel: usize = shape[2..].iter().product();
            let fans = kernel * (shape[0] + shape[1]);
            uniform(random, count, (6.0 / fans as f64).sqrt())
        }
        Role::Recurrent => orthogonal(random, shape[0], shape[1]),
        Role::Bias => vec![0.0; count],
        Role::GateBias { gate, hidden } => {
            (0..count).map(|row| if row / hidden == gate { 1.0 } else { 0.0 }).collect()
        }
    }
}

/// `(rows, columns)` with orthonormal columns, uniform among all such (Saxe et al. 2014): Gram and Schmidt on
/// normal numbers, twice, since once leaves what rounding does.
fn orthogonal(random: &mut Random, rows: usize, columns: usize) -> Vec<f32> {
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(columns);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for _ in 0..columns {
        let mut column: Vec<f64> = (0..rows).map(|_| random.normal()).collect();
        for other in basis.iter().chain(&basis) {
            let along = dot(&column, other);
            column.iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
        }
        let norm = dot(&column, &column).sqrt();
        basis.push(column.into_iter().map(|x| x / norm).collect());
    }
    (0..rows * columns).map(|i| basis[i % columns][i / columns] as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Cell, ConvSpec, LayerSpec, Pooling};

    fn network() -> Network {
        Network {
            features: 5,
            convs: vec![ConvSpec { filters: 6, kernel: 3 }],
            layers: vec![LayerSpec::new(Cell::Lstm, 7, 2), LayerSpec::new(Cell::Gru, 4, 1)],
            pool: Pooling::Last,
            dense: Some(3),
            dropout: 0.0,
            classes: 2,
        }
    }

    fn of(name: &str, initial: Initial) -> Vec<f32> {
        let network = network();
        let parameter = network.parameters().into_iter().find(|p| p.name == name).unwrap();
        weights(&network, initial, 3, 1)[parameter.offset..][..parameter.count()].to_vec()
    }

    fn largest(values: &[f32]) -> f32 {
        values.iter().fold(0.0, |a, b| a.max(b.abs()))
    }

    #[test]
    fn pytorch_s_bounds() {
        for (name, fan) in [
            ("conv.0.weight", 15.0),
            ("conv.0.bias", 15.0),
            ("rnn.weight_ih_l0_reverse", 7.0),
            ("dense.weight", 4.0),
        ] {
            let (found, bound) = (largest(&of(name, Initial::Pytorch)), 1.0 / f32::sqrt(fan));
            assert!(found <= bound && found > 0.5 * bound, "{name}: {found}, {bound}");
        }
    }

    #[test]
    fn keras_weights_are_glorot_s_and_recurrent_ones_orthogonal() {
        for (name, fans) in [
            ("conv.0.weight", 33.0),
            ("rnn.weight_ih_l0", 34.0),
            ("rnn.weight_ih_l1", 26.0),
            ("head.weight", 5.0),
        ] {
            let (found, bound) = (largest(&of(name, Initial::Keras)), f32::sqrt(6.0 / fans));
            assert!(found <= bound && found > 0.5 * bound, "{name}: {found}, {bound}");
        }
        for (name, rows, columns) in [("rnn.weight_hh_l0", 28, 7), ("rnn.weight_hh_l1", 12, 4)] {
            let q = of(name, Initial::Keras);
            for (i, j) in (0..columns).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                let product: f32 = (0..rows).map(|r| q[r * columns + i] * q[r * columns + j]).sum();
                let wanted = if i == j { 1.0 } else { 0.0 };
                assert!((product - wanted).abs() < 1e-6, "{name} {i} {j}: {product}");
            }
        }
        let bias = of("rnn.bias_ih_l0_reverse", Initial::Keras);
        assert_eq!(bias, [vec![0.0; 7], vec![1.0; 7], vec![0.0; 14]].concat());
        for name in ["rnn.bias_hh_l0", "rnn.bias_ih_l1", "rnn.bias_hh_l1", "conv.0.bias", "head.bias"] {
            assert_eq!(largest(&of(name, Initial::Keras)), 0.0, "{name}");
        }
    }
}
