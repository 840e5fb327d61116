//! burn's layers on any of its devices.

use std::hint::black_box;

use burn::nn::gru::GruConfig;
use burn::nn::{BiLstmConfig, LstmConfig};
use burn::tensor::{Device, Distribution, Tensor};

use crate::{Case, Cell, Run};

/// The case on `device`, for training if told so.
pub fn build(case: &Case, train: bool, device: Device) -> Run {
    let &Case { cell, b, t, d, h, .. } = case;
    let device = if train { device.autodiff() } else { device };
    let x: Tensor<3> = Tensor::random([b, t, d], Distribution::Normal(0.0, 1.0), &device);
    match cell {
        Cell::Lstm => {
            let lstm = LstmConfig::new(d, h, true).init(&device);
            Box::new(move || {
                let (y, state) = lstm.forward(x.clone(), None);
                finish(y, train.then_some(state.hidden), &device);
            })
        }
        Cell::BiLstm => {
            let lstm = BiLstmConfig::new(d, h, true).init(&device);
            Box::new(move || {
                let (y, state) = lstm.forward(x.clone(), None);
                finish(y, train.then_some(state.hidden), &device);
            })
        }
        Cell::Gru => {
            let gru = GruConfig::new(d, h, true).init(&device);
            Box::new(move || {
                let y = gru.forward(x.clone(), None);
                let last = train.then(|| y.clone().slice([0..b, t - 1..t, 0..h]));
                finish(y, last, &device);
            })
        }
    }
}

/// The backward pass from the last hidden state where there is one to make, and the wait for the end of it all. Until
/// then everything is held: a device with a queue could leave out what nobody will read.
fn finish<const N: usize>(y: Tensor<3>, h_last: Option<Tensor<N>>, device: &Device) {
    let gradients = h_last.map(|h_last| (h_last * 0.01).sum().backward());
    device.sync().expect("the backend works");
    drop(black_box((y, gradients)));
}
