//! The weights before training.

use crate::random::{Random, Stream};
use crate::spec::Network;

/// PyTorch's defaults: uniform in `+-1/sqrt(H)` for a recurrent layer, `+-1/sqrt(inputs)` for a linear one, biases too.
/// A fold's weights depend on the seed and the fold's number alone.
pub fn weights(network: &Network, seed: u64, fold: u32) -> Vec<f32> {
    let linear_inputs = network.linears(1, 1);
    let mut weights = Vec::with_capacity(network.params());
    for (i, parameter) in network.parameters().iter().enumerate() {
        let fan = match parameter.name.strip_prefix("rnn.") {
            Some(_) => {
                let layer =
                    network.rnns(1, 1, 1).into_iter().rfind(|rnn| rnn.weights.offset <= parameter.offset);
                layer.expect("a recurrent parameter lies in a layer").hidden
            }
            None => {
                let layer = linear_inputs.iter().rfind(|linear| linear.weights.offset <= parameter.offset);
                layer.expect("a linear parameter lies in a layer").input
            }
        };
        let bound = 1.0 / (fan as f64).sqrt();
        let mut random = Random::new(seed, Stream::Weights, [fold, i as u32]);
        weights.extend((0..parameter.count()).map(|_| ((2.0 * random.uniform() - 1.0) * bound) as f32));
    }
    weights
}
