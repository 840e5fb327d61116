//! A model that is asked for what it cannot do says so.

use engine::backend::cpu::Cpu;
use engine::backend::{Backend, Reference};
use engine::model::{Batch, Extent, Model, Training, Turn};
use engine::ops::{
    Cell, EpsPlacement, LayerSpec, Network, Optimizer, OptimizerKind, Pool, PoolKind, StepScalars,
};
use engine::{Error, Fault, Result};

fn network() -> Network {
    Network {
        features: 2,
        convs: Vec::new(),
        layers: vec![LayerSpec::new(Cell::Lstm, 3, 1)],
        pool: PoolKind::Mean,
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
    Training { optimizer, smoothing: 0.0, class_weights: vec![1.0; 2], seed: 0 }
}

fn batch() -> Batch {
    Batch { first: vec![0, 4], lengths: vec![4, 2], labels: vec![0, 1] }
}

const TURN: Turn = Turn { fold: 0, scalars: StepScalars { learning_rate: 0.1, update: 1 } };

fn frames<B: Backend>(backend: &B) -> B::Frames {
    backend.frames(&[ndarray::ArcArray2::from_elem((8, 2), 0.5)]).unwrap()
}

fn refused<T>(result: Result<T>, fault: Fault, part: &str) {
    let error: Error = result.err().unwrap_or_else(|| panic!("expected an error that says `{part}`"));
    assert_eq!(error.fault, fault, "{error}");
    assert!(error.to_string().contains(part), "no `{part}` in {error}");
}

/// Everything that must be refused on one backend, and that the model goes on afterwards.
fn misused<B: Backend>(backend: &B) {
    let network = network();
    let no_layer = Network { layers: Vec::new(), ..network.clone() };
    refused(Model::new(backend, &no_layer, EXTENT, None), Fault::Config, "without a recurrent layer");
    let empty = Extent { steps: 0, ..EXTENT };
    refused(Model::new(backend, &network, empty, None), Fault::Config, "0 steps");
    let statistics = Extent { stat_steps: 3, ..EXTENT };
    refused(Model::new(backend, &network, statistics, None), Fault::Config, "statistics of 3 steps");
    let short = Network { convs: vec!["4x5".parse().unwrap()], ..network.clone() };
    refused(Model::new(backend, &short, EXTENT, None), Fault::Config, "leave no step of 4");

    let frames = frames(backend);
    let mut model = Model::new(backend, &network, EXTENT, Some(training(&network))).unwrap();
    refused(model.set_weights(&[0.0; 3]), Fault::Data, "3 weights, expected");
    refused(model.set_stats(&[0.0; 3]), Fault::Data, "3 statistics, expected 4");
    refused(model.set_moments([&[0.0; 3], &[0.0; 3]]), Fault::Data, "3 moments, expected");
    let long = Batch { lengths: vec![4, 5], ..batch() };
    refused(model.train(&frames, &long, &[TURN]), Fault::Data, "row 1 has 5 steps, expected at most 4");
    refused(model.evaluate(&frames, &long), Fault::Data, "row 1 has 5 steps, expected at most 4");
    let unknown = Batch { labels: vec![2, 0], ..batch() };
    refused(model.train(&frames, &unknown, &[TURN]), Fault::Data, "row 0 has the label 2");
    let few = Batch { first: vec![0], ..batch() };
    refused(model.train(&frames, &few, &[TURN]), Fault::Data, "1 first frames, expected 2");
    refused(model.train(&frames, &batch(), &[]), Fault::Other, "0 turns of 1 models");

    for _ in 0..backend.steps_ahead() {
        model.train(&frames, &batch(), &[TURN]).unwrap();
    }
    refused(model.train(&frames, &batch(), &[TURN]), Fault::Other, "wait for `Model::reports`");
    assert_eq!(model.reports().unwrap().len(), backend.steps_ahead());
    model.train(&frames, &batch(), &[TURN]).unwrap();

    let mut model = Model::new(backend, &network, EXTENT, None).unwrap();
    refused(model.train(&frames, &batch(), &[TURN]), Fault::Other, "made for inference");
    refused(model.reports(), Fault::Other, "made for inference");
    refused(model.moments(), Fault::Other, "made for inference");
    model.evaluate(&frames, &batch()).unwrap();
}

#[test]
fn a_model_refuses_what_it_cannot_do() {
    misused(&Cpu::new());
    misused(&Reference::<f64>::default());
}

#[test]
fn pooling_refuses_a_row_longer_than_its_buffers() {
    let s = Pool { kind: PoolKind::Mean, models: 1, batch: 2, steps: 3, hidden: 2, dirs: 1, states: 1 };
    let (y, last, lengths) = (vec![0.0; 12], vec![0.0; 4], vec![3, 4]);
    let mut out = vec![0.0; 4];
    let part = "row 1 has 4 steps, expected at most 3";
    refused(Cpu::new().pool_forward(&s, &lengths, &y, &last, &mut out), Fault::Data, part);
    let (mut dy, mut d_last) = (vec![0.0; 12], vec![0.0; 4]);
    refused(Cpu::new().pool_backward(&s, &lengths, &out, &mut dy, &mut d_last), Fault::Data, part);
    let reference = Reference::<f32>::default();
    refused(reference.pool_forward(&s, &lengths, &y, &last, &mut out), Fault::Data, part);
}
