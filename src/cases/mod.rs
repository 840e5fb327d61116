//! The table of cases: tests, `engine check` and the benches all walk it.

mod any;
mod conv;
mod optimizer;
mod pass;

pub use any::AnyCase;
pub use conv::{ConvCase, ConvOutputs, ConvPass, ConvTensors, conv_table};
pub use optimizer::{OptimizerCase, OptimizerOutputs, OptimizerTensors, optimizer_table};
pub use pass::Pass;

use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{Cell, Purpose, Real, Rnn, RnnBackward, RnnForward, Slab};
use crate::random::{Random, Stream};

/// One layer to run forward and backward, with everything that may go wrong turned on or off.
#[derive(Clone, Debug)]
pub struct Case {
    pub rnn: Rnn,
    /// Rows of unequal length, one of them absent, instead of `T` steps each.
    pub ragged: bool,
    /// A given state before the first step, and its gradient.
    pub initial: bool,
    /// Typical size of the inputs; 1e4 saturates the gates. Below 1 the initial states are as small and biases are 0, so that every
    /// number of the layer is small.
    pub scale: f64,
}

/// Inputs and cotangents of a case, on the host.
pub struct Tensors {
    pub weights: Vec<f64>,
    pub x: Vec<f64>,
    pub lengths: Vec<u32>,
    pub initial: Option<Vec<f64>>,
    pub dy: Vec<f64>,
    pub d_last: Vec<f64>,
}

/// What a case computes, on the host, by name in the order of [`Outputs::NAMES`].
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs(pub [Vec<f64>; 5]);

impl Outputs {
    pub const NAMES: [&'static str; 5] = ["y", "last", "dx", "d_initial", "d_weights"];
}

impl Case {
    /// A case of one model whose weights are all its parameters.
    pub fn new(cell: Cell, dirs: usize, [batch, steps, input, hidden]: [usize; 4]) -> Self {
        let weights = Slab { offset: 0, stride: 0 };
        let rnn = Rnn { cell, models: 1, batch, steps, input, hidden, dirs, biases: 2, weights };
        Case { rnn, ragged: false, initial: false, scale: 1.0 }.models(1)
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

    /// `bilstm M=3 B=5 T=7 D=4 H=33 ragged initial`
    pub fn name(&self) -> String {
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

    /// Random inputs, the same for the same sizes; numbers that `f32` holds, so that every precision starts equal.
    pub fn tensors(&self) -> Tensors {
        let s = &self.rnn;
        let mut random = Random::new(
            (s.batch * 1_000_003 + s.steps * 10_007 + s.input * 101 + s.hidden) as u64,
            Stream::Check,
            [s.cell.gates() as u32, (s.dirs * 100 + s.models) as u32],
        );
        let mut normal =
            |len: usize, scale: f64| (0..len).map(|_| f64::from((random.normal() * scale) as f32)).collect();
        // Like PyTorch's initialisation, so that sums neither vanish nor explode with the width.
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
        Tensors { weights, x, lengths, initial, dy, d_last }
    }

    /// Forward and backward on `backend`. Outputs are full of NaN before, and a guard behind each must survive.
    pub fn run<B: Backend>(&self, backend: &B, tensors: &Tensors) -> Result<Outputs> {
        let s = &self.rnn;
        let upload = |values: &[f64]| upload(backend, values);
        let poisoned = |len: usize| poisoned(backend, len);
        let mut lengths = backend.zeros::<u32>(tensors.lengths.len())?;
        backend.write(&mut lengths, &tensors.lengths)?;
        let (weights, x) = (upload(&tensors.weights)?, upload(&tensors.x)?);
        let initial = tensors.initial.as_deref().map(upload).transpose()?;
        let (dy, d_last) = (upload(&tensors.dy)?, upload(&tensors.d_last)?);
        let (mut y, mut last) = (poisoned(s.y_len())?, poisoned(s.state_len())?);
        let (mut dx, mut d_initial, mut d_weights) =
            (poisoned(s.x_len())?, poisoned(s.state_len())?, poisoned(s.models * s.params())?);

        let mut layer = backend.rnn(s, Purpose::Training { input_gradient: true })?;
        backend.rnn_load(s, &weights, &mut layer)?;
        let forward = RnnForward {
            layer: &mut layer,
            keep: true,
            x: &x,
            lengths: &lengths,
            initial: initial.as_ref(),
            y: &mut y,
            last: &mut last,
        };
        backend.rnn_forward(s, forward)?;
        let backward = RnnBackward {
            layer: &mut layer,
            x: &x,
            lengths: &lengths,
            initial: initial.as_ref(),
            y: &y,
            dy: Some(&dy),
            d_last: Some(&d_last),
            dx: Some(&mut dx),
            d_initial: Some(&mut d_initial),
            d_weights: &mut d_weights,
        };
        backend.rnn_backward(s, backward)?;

        let download = |buffer: &B::Buf<B::Real>, len: usize| download(backend, buffer, len, &self.name());
        Ok(Outputs([
            download(&y, s.y_len())?,
            download(&last, s.state_len())?,
            download(&dx, s.x_len())?,
            download(&d_initial, s.state_len())?,
            download(&d_weights, s.models * s.params())?,
        ]))
    }
}

/// What stands behind each output, and how often. A number that every format holds.
const GUARD: f64 = -12345.0;
const GUARDS: usize = 7;

/// To the device.
fn upload<B: Backend>(backend: &B, values: &[f64]) -> Result<B::Buf<B::Real>> {
    let host: Vec<B::Real> = values.iter().map(|&v| B::Real::of(v)).collect();
    let mut buffer = backend.zeros(host.len())?;
    backend.write(&mut buffer, &host)?;
    Ok(buffer)
}

/// To the device, with a guard behind it.
fn guarded<B: Backend>(backend: &B, values: &[f64]) -> Result<B::Buf<B::Real>> {
    upload(backend, &[values, &[GUARD; GUARDS]].concat())
}

/// An output of `len` numbers, full of NaN, with a guard behind it.
fn poisoned<B: Backend>(backend: &B, len: usize) -> Result<B::Buf<B::Real>> {
    guarded(backend, &vec![f64::NAN; len])
}

/// To the host, with a look at the guard.
fn download<B: Backend>(backend: &B, buffer: &B::Buf<B::Real>, len: usize, case: &str) -> Result<Vec<f64>> {
    let mut host = vec![B::Real::default(); len + GUARDS];
    backend.read(buffer, &mut host)?;
    let mut host: Vec<f64> = host.into_iter().map(Real::get).collect();
    assert!(host.split_off(len) == [GUARD; GUARDS], "{case}: wrote past the end of an output");
    Ok(host)
}

/// Every cell and direction over sizes that are 1, odd, one past a tile, or a multiple of it; ragged and full rows; with
/// and without initial states; one model and three; saturated gates, and numbers so small that only relative errors count.
pub fn table() -> Vec<Case> {
    // B, T, D, H
    const SIZES: [[usize; 4]; 9] = [
        [1, 1, 1, 1],
        [2, 3, 5, 7],
        [5, 9, 33, 16],
        [13, 4, 7, 33],
        [3, 17, 128, 65],
        [8, 33, 4, 24],
        [33, 6, 65, 128],
        // Few rows and many units, which several threads walk together; the first for more steps than are prepared at once.
        [1, 140, 3, 128],
        [3, 12, 5, 100],
    ];
    let mut cases = Vec::new();
    for cell in Cell::ALL {
        for dirs in [1, 2] {
            for (i, size) in SIZES.into_iter().enumerate() {
                let case = Case::new(cell, dirs, size);
                cases.push(Case { ragged: i % 2 == 1, initial: i % 3 == 1, ..case.clone() });
                cases.push(Case { ragged: i % 2 == 0, initial: i % 3 != 1, ..case });
            }
            cases.push(Case { ragged: true, initial: true, ..Case::new(cell, dirs, [7, 5, 6, 9]).models(3) });
            cases.push(Case { scale: 1e4, initial: true, ..Case::new(cell, dirs, [4, 6, 5, 17]) });
            cases.push(Case { scale: 1e-6, initial: true, ..Case::new(cell, dirs, [4, 6, 5, 17]) });
            cases.push(Case { ragged: true, ..Case::new(cell, dirs, [5, 4, 6, 9]).models(2) }.one_bias());
        }
    }
    cases
}
