//! The checks of every device on the table of cases.

use engine::backend::{Backend, Reference};
use engine::check::cases::{
    AttentionCase, AttentionSize, ConvCase, ConvSize, LinearCase, LinearSize, RnnCase,
};
use engine::check::{self, AnyCase, Case};
use engine::ops::{Cell, RnnSize};

/// Every case but recurrent layers and convolutions, which are most of the work.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub fn others() -> Vec<AnyCase> {
    let light = |case: &AnyCase| !matches!(case, AnyCase::Rnn(_) | AnyCase::Conv(_));
    AnyCase::all().into_iter().filter(light).collect()
}

/// Every case within its bound.
#[track_caller]
pub fn conforms<B: Backend>(device: &B, cases: &[AnyCase]) {
    let outcomes: Vec<_> = cases.iter().map(|case| case.conformance(device).unwrap()).collect();
    check::verdict(&device.describe(), &outcomes).unwrap();
}

/// Dropout only drops and scales, so it has the reference's bits in `f32`.
#[track_caller]
pub fn dropout_is_exact<B: Backend>(device: &B, largest: usize) {
    for case in AnyCase::all() {
        if matches!(&case, AnyCase::Dropout(case) if case.dropout.len <= largest) {
            let tensors = case.tensors();
            let truth = case.run(&Reference::<f32>::default(), &tensors).unwrap();
            assert!(case.run(device, &tensors).unwrap() == truth, "{} on {}", case.name(), device.describe());
        }
    }
}

/// Three models together have the bits that each has by itself.
#[track_caller]
pub fn together_and_alone<B: Backend>(device: &B) {
    for cell in Cell::ALL {
        let case = RnnCase {
            ragged: true,
            initial: true,
            ..RnnCase::new(cell, 2, RnnSize { batch: 5, steps: 6, input: 4, hidden: 9 })
        };
        alone_as_in(device, &RnnCase { ..case.clone() }.models(3), &case, 3);
    }
    let case = ConvCase {
        ragged: true,
        ..ConvCase::new(ConvSize { batch: 6, steps: 11, input: 5, filters: 9, kernel: 3 })
    };
    alone_as_in(device, &ConvCase { ..case.clone() }.models(3), &case, 3);
    let case = AttentionCase::new(AttentionSize { batch: 5, steps: 7, width: 18 });
    let mut three = case.clone();
    three.attention.models = 3;
    alone_as_in(device, &three, &case, 3);
    let case = LinearCase::new(LinearSize { batch: 5, input: 33, output: 9 }, true);
    let mut alone = case.clone();
    alone.linear.models = 1;
    alone_as_in(device, &case, &alone, 2);
}

/// `together` has `models`, `alone` is one of them.
#[track_caller]
pub fn alone_as_in<B: Backend, C: Case>(device: &B, together: &C, alone: &C, models: usize) {
    let tensors = together.tensors();
    let outputs = together.run(device, &tensors).unwrap();
    for m in 0..models {
        let single = alone.run(device, &tensors.model(m, models)).unwrap();
        assert!(outputs.model(m, models) == single, "{} model {m} on {}", alone.name(), device.describe());
    }
}

/// The bound of `check::conformance`, for plain vectors.
#[track_caller]
pub fn within(found: &[f64], truth: &[f64], own_precision: &[f64]) {
    let distance = |a: &[f64]| a.iter().zip(truth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let scale = truth.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    let bound = 4.0 * distance(own_precision) + 1e-7 * scale;
    assert!(distance(found) <= bound, "off by {:e}, allowed {bound:e}", distance(found));
}
