//! One recurrent layer, forward and backward.

use crate::background;
use crate::errors::OrRaise;
use crate::settings::config;
use engine::backend::Backend;
use engine::ops::{
    Cell, Device, Purpose, Rnn, RnnBackward, RnnBackwardOperands, RnnForward, RnnForwardOperands, RnnLoad,
    RnnLoadOperands, RnnSize,
};
use engine::{Error, Result, on_device};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

/// The attributes of `fused_rnn._layer.Call`: all arrays flat, in the layouts of `engine::ops`.
#[derive(FromPyObject)]
pub struct Call<'py> {
    cell: String,
    dirs: usize,
    biases: usize,
    /// `B, T, D, H`
    size: [usize; 4],
    x: Flat<'py>,
    lengths: Vec<u32>,
    weights: Flat<'py>,
    initial: Option<Flat<'py>>,
    dy: Option<Flat<'py>>,
    d_last: Option<Flat<'py>>,
}

type Flat<'py> = PyReadonlyArray1<'py, f32>;

fn flat<'a>(array: &'a Option<Flat<'_>>) -> PyResult<Option<&'a [f32]>> {
    Ok(match array {
        Some(array) => Some(array.as_slice()?),
        None => None,
    })
}

/// The same without Python's types.
struct Operands<'a> {
    x: &'a [f32],
    lengths: &'a [u32],
    weights: &'a [f32],
    initial: Option<&'a [f32]>,
    dy: Option<&'a [f32]>,
    d_last: Option<&'a [f32]>,
}

/// `y`, `last`, and, if a gradient was given, `dx`, `d_initial` and `d_weights`; all flat.
type Answer<T> = (T, T, Option<[T; 3]>);

/// Runs the layer on the device of the settings.
#[pyfunction]
pub fn layer<'py>(
    py: Python<'py>,
    call: Call<'py>,
    settings: &str,
    observer: Bound<'py, PyAny>,
) -> PyResult<Answer<Bound<'py, PyArray1<f32>>>> {
    let config = config(settings).or_raise()?;
    let rnn = call.rnn().or_raise()?;
    let operands = call.operands()?;
    let (y, last, gradients) = background::run(py, config.run.threads, observer, |_| {
        let device = config.run.device()?;
        on_device!(&device, backend => operands.run(backend, rnn))
    })?;
    let array = |values: Vec<f32>| values.into_pyarray(py);
    Ok((array(y), array(last), gradients.map(|gradients| gradients.map(array))))
}

impl Call<'_> {
    fn rnn(&self) -> Result<Rnn> {
        let cell = match self.cell.as_str() {
            "lstm" => Cell::Lstm,
            "gru" => Cell::Gru,
            other => return Err(Error::config(format!("the cell {other:?}, expected lstm or gru"))),
        };
        let [batch, steps, input, hidden] = self.size;
        let mut rnn = Rnn::one(cell, RnnSize { batch, steps, input, hidden });
        (rnn.dirs, rnn.biases) = (self.dirs, self.biases);
        rnn.weights.stride = rnn.params();
        Ok(rnn)
    }

    fn operands(&self) -> PyResult<Operands<'_>> {
        Ok(Operands {
            x: self.x.as_slice()?,
            lengths: &self.lengths,
            weights: self.weights.as_slice()?,
            initial: flat(&self.initial)?,
            dy: flat(&self.dy)?,
            d_last: flat(&self.d_last)?,
        })
    }
}

impl Operands<'_> {
    fn run<B: Backend + Device<Real = f32>>(&self, backend: &B, rnn: Rnn) -> Result<Answer<Vec<f32>>> {
        let upload = |values: &[f32]| -> Result<_> {
            let mut buffer = backend.zeros::<f32>(values.len())?;
            backend.write(&mut buffer, values)?;
            Ok(buffer)
        };
        let zeros = |len: usize| backend.zeros::<f32>(len);
        let has_gradient = self.dy.is_some() || self.d_last.is_some();
        let purpose = match has_gradient {
            true => Purpose::Training { input_gradient: true },
            false => Purpose::Inference,
        };
        let mut layer = backend.layer(&rnn, purpose)?;
        let (weights, x) = (upload(self.weights)?, upload(self.x)?);
        let mut lengths = backend.zeros::<u32>(rnn.batch)?;
        backend.write(&mut lengths, self.lengths)?;
        let initial = self.initial.map(upload).transpose()?;
        let (mut y, mut last) = (zeros(rnn.y_len())?, zeros(rnn.state_len())?);
        backend.run::<RnnLoad>(&rnn, RnnLoadOperands { weights: &weights, layer: &mut layer })?;
        backend.run::<RnnForward>(
            &rnn,
            RnnForwardOperands {
                layer: &mut layer,
                save: has_gradient,
                x: &x,
                lengths: &lengths,
                initial: initial.as_ref(),
                y: &mut y,
                last: &mut last,
            },
        )?;
        let mut outputs = [vec![0.0; rnn.y_len()], vec![0.0; rnn.state_len()]];
        backend.read(&y, &mut outputs[0])?;
        backend.read(&last, &mut outputs[1])?;
        let gradients = match has_gradient {
            false => None,
            true => {
                let dy = self.dy.map(upload).transpose()?;
                let d_last = self.d_last.map(upload).transpose()?;
                let (mut dx, mut d_weights) = (zeros(rnn.x_len())?, zeros(rnn.params())?);
                let mut d_initial = zeros(rnn.state_len())?;
                backend.run::<RnnBackward>(
                    &rnn,
                    RnnBackwardOperands {
                        layer: &mut layer,
                        x: &x,
                        lengths: &lengths,
                        initial: initial.as_ref(),
                        y: &y,
                        dy: dy.as_ref(),
                        d_last: d_last.as_ref(),
                        dx: Some(&mut dx),
                        d_initial: Some(&mut d_initial),
                        d_weights: &mut d_weights,
                    },
                )?;
                let mut gradients =
                    [vec![0.0; rnn.x_len()], vec![0.0; rnn.state_len()], vec![0.0; rnn.params()]];
                for (buffer, values) in [&dx, &d_initial, &d_weights].into_iter().zip(&mut gradients) {
                    backend.read(buffer, values)?;
                }
                Some(gradients)
            }
        };
        let [y, last] = outputs;
        Ok((y, last, gradients))
    }
}
