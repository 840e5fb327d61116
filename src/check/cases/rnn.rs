//! Cases of the recurrent layer.

use super::super::buffers::On;
use super::super::case::Case;
use super::super::tensors::{Outputs, Tensors};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{
    Cell, Precision, Purpose, Rnn, RnnBackward, RnnBackwardOperands, RnnForward, RnnForwardOperands, RnnLoad,
    RnnLoadOperands, RnnSize, Slab,
};
use crate::random::{Random, Stream};

/// One layer to run forward and backward, with everything that may go wrong turned on or off.
#[derive(Clone, Debug)]
pub struct RnnCase {
    /// The operation's sizes.
    pub rnn: Rnn,
    /// Rows of unequal length, one of them absent, instead of `T` steps each.
    pub ragged: bool,
    /// A given state before the first step, and its gradient.
    pub initial: bool,
    /// Typical size of the inputs; 1e4 saturates the gates. Below 1 the initial states are as small and
    /// biases are 0, so that every number of the layer is small.
    pub scale: f64,
}

impl RnnCase {
    /// A case of one model whose weights are all its parameters.
    pub fn new(cell: Cell, dirs: usize, size: RnnSize) -> Self {
        let RnnSize { batch, steps, input, hidden } = size;
        let weights = Slab { offset: 0, stride: 0 };
        let rnn = Rnn { cell, models: 1, batch, steps, input, hidden, dirs, biases: 2, weights };
        RnnCase { rnn, ragged: false, initial: false, scale: 1.0 }.models(1)
    }

    /// `models` models side by side.
    pub fn models(mut self, models: usize) -> Self {
        self.rnn.models = models;
        self.rnn.weights.stride = self.rnn.params();
        self
    }

    /// Without `bias_hh`.
    pub fn one_bias(mut self) -> Self {
        self.rnn.biases = 1;
        let models = self.rnn.models;
        self.models(models)
    }
}

impl Case for RnnCase {
    /// `bilstm M=3 B=5 T=7 D=4 H=33 ragged initial`
    fn name(&self) -> String {
        let Rnn { cell, models, batch, steps, input, hidden, dirs, biases, .. } = self.rnn;
        let bi = if dirs == 2 { "bi" } else { "" };
        let mut name = format!("{bi}{} M={models} B={batch} T={steps} D={input} H={hidden}", cell.name());
        for (word, on) in [
            ("ragged", self.ragged),
            ("initial", self.initial),
            ("saturated", self.scale > 1.0),
            ("tiny", self.scale < 1.0),
            ("one bias", biases == 1),
        ] {
            if on {
                name.push(' ');
                name.push_str(word);
            }
        }
        name
    }

    /// Random inputs.
    fn tensors(&self) -> Tensors {
        let s = &self.rnn;
        let mut random = Random::new(
            (s.batch * 1_000_003 + s.steps * 10_007 + s.input * 101 + s.hidden) as u64,
            Stream::Check,
            [s.cell.gates() as u32, (s.dirs * 100 + s.models) as u32],
        );
        let mut normal =
            |len: usize, scale: f64| (0..len).map(|_| f64::from((random.normal() * scale) as f32)).collect();
        // Like PyTorch's initialization, so that sums neither vanish nor explode with the width.
        let mut weights: Vec<f64> = normal(s.models * s.params(), 1.0 / (s.hidden as f64).sqrt().max(2.0));
        let x = normal(s.x_len(), self.scale);
        let initial = self.initial.then(|| normal(s.state_len(), 0.5 * self.scale.min(1.0)));
        let (dy, d_last) = (normal(s.y_len(), 1.0), normal(s.state_len(), 1.0));
        if self.scale < 1.0 {
            let gates = s.cell.gates() * s.hidden;
            let products = gates * (s.input + s.hidden);
            for direction in weights.chunks_mut(products + s.biases * gates) {
                direction[products..].fill(0.0);
            }
        }
        // Row b of the ragged cases: T, T-1, ... wrapping; every fifth row is absent.
        let ragged = |row: usize| if row % 5 == 4 { 0 } else { s.steps - row % s.steps };
        let length = |row: usize| if self.ragged { ragged(row) } else { s.steps };
        let lengths = (0..s.models * s.batch).map(|row| length(row) as u32).collect();
        let tensors = Tensors::default()
            .with("weights", weights)
            .with("x", x)
            .with("dy", dy)
            .with("d_last", d_last)
            .with_words("lengths", lengths);
        match initial {
            Some(initial) => tensors.with("initial", initial),
            None => tensors,
        }
    }

    fn run<B: Backend>(&self, backend: &B, tensors: &Tensors) -> Result<Outputs> {
        let (s, on) = (&self.rnn, On { device: backend, tensors });
        let (weights, x, lengths) = (&on.reals("weights")?, &on.reals("x")?, &on.words("lengths")?);
        let (dy, d_last) = (Some(&on.reals("dy")?), Some(&on.reals("d_last")?));
        let initial = tensors.find("initial").map(|initial| on.upload(initial)).transpose()?;
        let initial = initial.as_ref();
        let (mut y, mut last) = (on.output(s.y_len())?, on.output(s.state_len())?);
        let (mut dx, mut d_initial, mut d_weights) =
            (on.output(s.x_len())?, on.output(s.state_len())?, on.output(s.models * s.params())?);

        let layer = &mut backend.layer(s, Purpose::Training { input_gradient: true })?;
        backend.run::<RnnLoad>(s, RnnLoadOperands { weights, layer })?;
        let a = RnnForwardOperands { layer, save: true, x, lengths, initial, y: &mut y, last: &mut last };
        backend.run::<RnnForward>(s, a)?;
        let a = RnnBackwardOperands {
            layer,
            x,
            lengths,
            initial,
            y: &y,
            dy,
            d_last,
            dx: Some(&mut dx),
            d_initial: Some(&mut d_initial),
            d_weights: &mut d_weights,
        };
        backend.run::<RnnBackward>(s, a)?;
        let outputs = [
            ("y", &y, s.y_len()),
            ("last", &last, s.state_len()),
            ("dx", &dx, s.x_len()),
            ("d_initial", &d_initial, s.state_len()),
            ("d_weights", &d_weights, s.models * s.params()),
        ];
        on.outputs(&self.name(), &outputs)
    }

    fn precision(&self, of: Precision) -> Precision {
        of
    }

    /// Saturated gates have no slope that a difference could find.
    fn values(&self) -> &'static [(&'static str, &'static str)] {
        if self.scale > 1.0 { &[] } else { &[("y", "dy"), ("last", "d_last")] }
    }

    fn slopes(&self) -> &'static [(&'static str, &'static str)] {
        &[("x", "dx"), ("initial", "d_initial"), ("weights", "d_weights")]
    }
}

/// Every cell and direction over sizes that are 1, odd, one past a tile, or a multiple of it; ragged and full
/// rows; with and without initial states; one model and three; saturated gates, and numbers so small that
/// only relative errors count.
pub fn table() -> Vec<RnnCase> {
    const SIZES: [RnnSize; 9] = [
        RnnSize { batch: 1, steps: 1, input: 1, hidden: 1 },
        RnnSize { batch: 2, steps: 3, input: 5, hidden: 7 },
        RnnSize { batch: 5, steps: 9, input: 33, hidden: 16 },
        RnnSize { batch: 13, steps: 4, input: 7, hidden: 33 },
        RnnSize { batch: 3, steps: 17, input: 128, hidden: 65 },
        RnnSize { batch: 8, steps: 33, input: 4, hidden: 24 },
        RnnSize { batch: 33, steps: 6, input: 65, hidden: 128 },
        // Few rows and many units, which several threads share; the first for more steps than are
        // prepared at once.
        RnnSize { batch: 1, steps: 140, input: 3, hidden: 128 },
        RnnSize { batch: 3, steps: 12, input: 5, hidden: 100 },
    ];
    let mut cases = Vec::new();
    for cell in Cell::ALL {
        for dirs in [1, 2] {
            for (i, size) in SIZES.into_iter().enumerate() {
                let case = RnnCase::new(cell, dirs, size);
                cases.push(RnnCase { ragged: i % 2 == 1, initial: i % 3 == 1, ..case.clone() });
                cases.push(RnnCase { ragged: i % 2 == 0, initial: i % 3 != 1, ..case });
            }
            // Beyond the registers of one multiprocessor: a part of the widest cluster, and nearly all of it.
            cases.extend([150, 250].map(|hidden| RnnCase {
                ragged: true,
                initial: true,
                ..RnnCase::new(cell, dirs, RnnSize { batch: 9, steps: 5, input: 6, hidden })
            }));
            cases.push(RnnCase {
                ragged: true,
                initial: true,
                ..RnnCase::new(cell, dirs, RnnSize { batch: 7, steps: 5, input: 6, hidden: 9 }).models(3)
            });
            cases.push(RnnCase {
                scale: 1e4,
                initial: true,
                ..RnnCase::new(cell, dirs, RnnSize { batch: 4, steps: 6, input: 5, hidden: 17 })
            });
            cases.push(RnnCase {
                scale: 1e-6,
                initial: true,
                ..RnnCase::new(cell, dirs, RnnSize { batch: 4, steps: 6, input: 5, hidden: 17 })
            });
            cases.push(
                RnnCase {
                    ragged: true,
                    ..RnnCase::new(cell, dirs, RnnSize { batch: 5, steps: 4, input: 6, hidden: 9 }).models(2)
                }
                .one_bias(),
            );
        }
    }
    cases
}
