//! A model that is asked for what it cannot do says so.

use engine::backend::cpu::Cpu;
use engine::backend::{Backend, Reference};
use engine::model::{Batch, Extent, Model, StepInput, Trainer, Training};
use engine::ops::{
    Cell, Device, EpsPlacement, LayerSpec, Network, Optimizer, OptimizerKind, Pool, PoolBackward,
    PoolBackwardOperands, PoolForward, PoolForwardOperands, PoolKind, Pooling, Purpose, Rnn, RnnBackward,
    RnnBackwardOperands, RnnForward, RnnForwardOperands, RnnSize, StepScalars,
};
use engine::{Error, ErrorKind, Result};

fn network() -> Network {
    Network {
        features: 2,
        convs: Vec::new(),
        layers: vec![LayerSpec::new(Cell::Lstm, 3, 1)],
        pool: Pooling::Mean,
        dense: None,
        dropout: 0.0,
        classes: 2,
    }
}

const EXTENT: Extent = Extent { models: 1, batch: 2, steps: 4, stat_steps: 1 };

fn training(network: &Network) -> Training {
    let optimizer = Optimizer {
        kind: OptimizerKind::Adam,
        models: 1,
        params: network.params(),
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        eps_placement: EpsPlacement::AfterCorrection,
        weight_decay: 0.0,
        clip: f64::INFINITY,
    };
    Training { optimizer, smoothing: 0.0, class_weights: vec![1.0; 2], seeds: vec![0] }
}

fn batch() -> Batch {
    Batch { first: vec![0, 4], lengths: vec![4, 2], labels: vec![0, 1] }
}

const TURN: StepInput = StepInput { fold: 0, scalars: StepScalars { learning_rate: 0.1, update: 1 } };

fn frames<B: Backend>(backend: &B) -> B::Frames {
    backend.frames(&[ndarray::ArcArray2::from_elem((8, 2), 0.5)]).unwrap()
}

fn refused<T>(result: Result<T>, fault: ErrorKind, part: &str) {
    let error: Error = result.err().unwrap_or_else(|| panic!("expected an error that says `{part}`"));
    assert_eq!(error.kind, fault, "{error}");
    assert!(error.to_string().contains(part), "no `{part}` in {error}");
}

/// Everything that must be refused on one backend, and that the model goes on afterwards.
fn misused<B: Backend>(backend: &B) {
    let network = network();
    let no_layer = Network { layers: Vec::new(), ..network.clone() };
    refused(Model::new(backend, &no_layer, EXTENT), ErrorKind::Config, "without a recurrent layer");
    let empty = Extent { steps: 0, ..EXTENT };
    refused(Model::new(backend, &network, empty), ErrorKind::Config, "0 steps");
    let statistics = Extent { stat_steps: 3, ..EXTENT };
    refused(Model::new(backend, &network, statistics), ErrorKind::Config, "statistics of 3 steps");
    let short = Network { convs: vec!["4x5".parse().unwrap()], ..network.clone() };
    refused(Model::new(backend, &short, EXTENT), ErrorKind::Config, "leave no step of 4");

    let frames = frames(backend);
    let mut trainer = Trainer::new(backend, &network, EXTENT, training(&network)).unwrap();
    let model = trainer.model_mut();
    refused(model.set_weights(&[0.0; 3]), ErrorKind::Data, "3 weights, expected");
    refused(model.set_stats(&[0.0; 3]), ErrorKind::Data, "3 statistics, expected 4");
    let long = Batch { lengths: vec![4, 5], ..batch() };
    refused(model.evaluate(&frames, &long), ErrorKind::Data, "row 1 has 5 steps, expected at most 4");
    refused(trainer.set_moments([&[0.0; 3], &[0.0; 3]]), ErrorKind::Data, "3 moments, expected");
    refused(trainer.train(&frames, &long, &[TURN]), ErrorKind::Data, "row 1 has 5 steps, expected at most 4");
    let unknown = Batch { labels: vec![2, 0], ..batch() };
    refused(trainer.train(&frames, &unknown, &[TURN]), ErrorKind::Data, "row 0 has the label 2");
    let few = Batch { first: vec![0], ..batch() };
    refused(trainer.train(&frames, &few, &[TURN]), ErrorKind::Data, "1 first frames, expected 2");
    refused(trainer.train(&frames, &batch(), &[]), ErrorKind::Other, "0 inputs of 1 models");

    // Reports come when the device has as many as it keeps, and what is left when it is asked for.
    for step in 1..=3 * backend.steps_ahead() {
        let due = if step % backend.steps_ahead() == 0 { backend.steps_ahead() } else { 0 };
        assert_eq!(trainer.train(&frames, &batch(), &[TURN]).unwrap().len(), due);
    }
    assert!(trainer.reports().unwrap().is_empty());
    Model::new(backend, &network, EXTENT).unwrap().evaluate(&frames, &batch()).unwrap();
}

#[test]
fn a_model_refuses_what_it_cannot_do() {
    misused(&Cpu::new());
    misused(&Reference::<f64>::default());
}

#[test]
fn pooling_refuses_a_row_longer_than_its_buffers() {
    let s = Pool { kind: PoolKind::Mean, models: 1, batch: 2, steps: 3, hidden: 2, dirs: 1, states: 1 };
    let (lengths, part) = (vec![3, 4], "row 1 has 4 steps, expected at most 3");
    let (from, mut to, mut out) = (vec![0.0; 12], vec![0.0; 12], vec![0.0; 4]);
    let a = PoolForwardOperands { lengths: &lengths, from: &from, out: &mut out };
    refused(Cpu::new().run::<PoolForward>(&s, a), ErrorKind::Data, part);
    let a = PoolBackwardOperands { lengths: &lengths, d_out: &out, to: &mut to };
    refused(Cpu::new().run::<PoolBackward>(&s, a), ErrorKind::Data, part);
    let a = PoolForwardOperands { lengths: &lengths, from: &from, out: &mut out };
    refused(Reference::<f32>::default().run::<PoolForward>(&s, a), ErrorKind::Data, part);
}

/// A layer keeps to what it was made for, on any device.
fn a_layer_misused<B: Backend>(device: &B) {
    let (s, wide) = (
        Rnn::one(Cell::Gru, RnnSize { batch: 1, steps: 2, input: 3, hidden: 4 }),
        Rnn::one(Cell::Gru, RnnSize { batch: 1, steps: 2, input: 3, hidden: 5 }),
    );
    let real = |len| device.zeros::<B::Real>(len).unwrap();
    let (x, mut lengths) = (real(s.x_len()), device.zeros::<u32>(1).unwrap());
    device.write(&mut lengths, &[2]).unwrap();
    let (mut y, mut last) = (real(wide.y_len()), real(wide.state_len()));
    let mut d_weights = real(wide.params());
    let mut run = |made: Purpose, sizes: &Rnn, save: bool, backward: bool| {
        let mut layer = device.layer(&s, made).unwrap();
        let (layer, lengths, initial) = (&mut layer, &lengths, None);
        let a = RnnForwardOperands { layer, save, x: &x, lengths, initial, y: &mut y, last: &mut last };
        device.run::<RnnForward>(sizes, a)?;
        if !backward {
            return Ok(());
        }
        let a = RnnBackwardOperands {
            layer,
            x: &x,
            lengths,
            initial,
            y: &y,
            dy: Some(&y),
            d_last: None,
            dx: None,
            d_initial: None,
            d_weights: &mut d_weights,
        };
        device.run::<RnnBackward>(sizes, a)
    };
    let training = Purpose::Training { input_gradient: false };
    run(training, &s, true, true).unwrap();
    refused(run(training, &wide, true, false), ErrorKind::Other, "a layer made for");
    refused(run(Purpose::Inference, &s, true, false), ErrorKind::Other, "made for inference");
    refused(run(training, &s, false, true), ErrorKind::Other, "without a forward pass");
}

#[test]
fn a_layer_refuses_what_it_was_not_made_for() {
    a_layer_misused(&Cpu::new());
    a_layer_misused(&Reference::<f64>::default());
}
