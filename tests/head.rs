//! What a training step does beside the recurrent layers, on every path of the CPU: bits where the reference's order and
//! rounding can be kept, bounds elsewhere, the same bits on any number of threads.

use crate::conformance::within;
use engine::backend::cpu::{Cpu, Isa};
use engine::backend::{Backend, Reference};
use engine::ops::{Dropout, Linear, LinearBackward, LinearForward, Pool, PoolKind, Real, Slab};

/// Numbers that `f32` holds, in a buffer of `backend`.
fn wave<B: Backend>(backend: &B, len: usize, frequency: f64) -> B::Buf<B::Real> {
    let value = |i: usize| B::Real::of(f64::from((i as f64 * frequency).sin() as f32));
    let mut buffer = backend.zeros(len).unwrap();
    backend.write(&mut buffer, &(0..len).map(value).collect::<Vec<_>>()).unwrap();
    buffer
}

/// A buffer for results, in which nothing may be left as it was.
fn poisoned<B: Backend>(backend: &B, len: usize) -> B::Buf<B::Real> {
    let mut buffer = backend.zeros(len).unwrap();
    backend.write(&mut buffer, &vec![B::Real::of(f64::NAN); len]).unwrap();
    buffer
}

fn words<B: Backend>(backend: &B, values: &[u32]) -> B::Buf<u32> {
    let mut buffer = backend.zeros(values.len()).unwrap();
    backend.write(&mut buffer, values).unwrap();
    buffer
}

fn read<B: Backend>(backend: &B, buffer: &B::Buf<B::Real>, len: usize) -> Vec<f64> {
    let mut host = vec![B::Real::zero(); len];
    backend.read(buffer, &mut host).unwrap();
    host.into_iter().map(Real::get).collect()
}

/// Calls `test` with the CPU on each path, on one thread and on three.
fn on_every_cpu(test: impl Fn(&Cpu) + Sync) {
    for isa in Isa::available() {
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| test(&Cpu::with_isa(isa)));
        }
    }
}

/// `len` numbers of two models.
pub fn dropped<B: Backend>(backend: &B, len: usize) -> Vec<f64> {
    let s = Dropout { models: 2, len, rate: 0.3, key: [7, 11], layer: 3 };
    let (marks, x) = (words(backend, &[4, 1, 9, 250]), wave(backend, 2 * len, 0.7));
    let mut out = poisoned(backend, 2 * len);
    backend.dropout(&s, &marks, &x, &mut out).unwrap();
    read(backend, &out, 2 * len)
}

#[test]
fn dropout_equals_the_reference_bit_for_bit() {
    for len in [1, 3, 64, 1000, 1024, 5001, 40_000] {
        let truth = dropped(&Reference::<f32>::default(), len);
        on_every_cpu(|cpu| assert_eq!(dropped(cpu, len), truth, "{len} numbers, {}", cpu.describe()));
    }
}

/// Forward and, of another gradient, backward; row 1 is absent, row 2 short.
pub fn pooled<B: Backend>(backend: &B, s: &Pool) -> Vec<f64> {
    let width = s.dirs * s.hidden;
    let (rows, y_len) = (s.models * s.batch, s.models * s.steps * s.batch * width);
    let state_len = s.models * s.states * s.dirs * s.batch * s.hidden;
    let lengths: Vec<u32> = (0..rows).map(|row| [s.steps as u32, 0, 1][row % 3]).collect();
    let lengths = words(backend, &lengths);
    let (y, last) = (wave(backend, y_len, 0.3), wave(backend, state_len, 0.4));
    let mut out = poisoned(backend, rows * width);
    backend.pool_forward(s, &lengths, &y, &last, &mut out).unwrap();
    let d_out = wave(backend, rows * width, 0.9);
    // The one that pooling does not touch keeps its waves.
    let (mut dy, mut d_last) = (wave(backend, y_len, 0.5), wave(backend, state_len, 0.6));
    backend.pool_backward(s, &lengths, &d_out, &mut dy, &mut d_last).unwrap();
    [read(backend, &out, rows * width), read(backend, &dy, y_len), read(backend, &d_last, state_len)].concat()
}

#[test]
fn pooling_equals_the_reference_bit_for_bit() {
    for kind in [PoolKind::Last, PoolKind::Mean] {
        for (batch, steps, hidden, dirs) in [(1, 1, 1, 1), (5, 7, 9, 2), (7, 70, 33, 2)] {
            let s = Pool { kind, models: 3, batch, steps, hidden, dirs, states: 2 };
            let truth = pooled(&Reference::<f32>::default(), &s);
            on_every_cpu(|cpu| assert_eq!(pooled(cpu, &s), truth, "{s:?}, {}", cpu.describe()));
        }
    }
}

/// Forward, and backward of another gradient; between other layers' parameters, which must stay.
pub fn linear<B: Backend>(backend: &B, [batch, input, output]: [usize; 3], relu: bool) -> Vec<f64> {
    let models = 2;
    let mut s = Linear { models, batch, input, output, relu, weights: Slab { offset: 5, stride: 0 } };
    s.weights.stride = s.params() + 8;
    let params = models * s.weights.stride;
    let (weights, x) = (wave(backend, params, 0.61), wave(backend, models * batch * input, 0.23));
    let mut y = poisoned(backend, models * batch * output);
    backend.linear_forward(&s, LinearForward { weights: &weights, x: &x, y: &mut y }).unwrap();
    let dy = wave(backend, models * batch * output, 0.77);
    let mut dx = poisoned(backend, models * batch * input);
    let mut d_weights = wave(backend, params, 0.11);
    let operands = LinearBackward {
        weights: &weights,
        x: &x,
        y: &y,
        dy: &dy,
        dx: Some(&mut dx),
        d_weights: &mut d_weights,
    };
    backend.linear_backward(&s, operands).unwrap();
    [
        read(backend, &y, models * batch * output),
        read(backend, &dx, models * batch * input),
        read(backend, &d_weights, params),
    ]
    .concat()
}

#[test]
fn linear_layers_keep_their_bounds_on_any_number_of_threads() {
    for sizes in [[1, 1, 1], [3, 7, 2], [5, 33, 9], [32, 64, 2], [32, 130, 65]] {
        for relu in [false, true] {
            let truth = linear(&Reference::<f64>::default(), sizes, relu);
            let own_precision = linear(&Reference::<f32>::default(), sizes, relu);
            let alone = |isa| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
                pool.install(|| linear(&Cpu::with_isa(isa), sizes, relu))
            };
            on_every_cpu(|cpu| {
                let found = linear(cpu, sizes, relu);
                within(&found, &truth, &own_precision);
                assert_eq!(found, alone(cpu.isa()), "{sizes:?}, {}", cpu.describe());
            });
        }
    }
}
