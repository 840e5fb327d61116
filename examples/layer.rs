//! One recurrent layer on its own, forward and backward, and its gradient beside a finite difference:
//! `cargo run --release --example layer`.

use engine::backend::Backend;
use engine::backend::cpu::Cpu;
use engine::ops::{
    Cell, Device, Purpose, Rnn, RnnBackward, RnnBackwardOperands, RnnForward, RnnForwardOperands, RnnLoad,
    RnnLoadOperands, RnnSize,
};

pub(crate) fn main() -> engine::Result<()> {
    let cpu = Cpu::new();
    // Three rows of ten time steps of five features; eight units. `rnn.tensors()` names the parameters.
    let rnn = Rnn::one(Cell::Gru, RnnSize { batch: 3, steps: 10, input: 5, hidden: 8 });
    let numbers = |len: usize, scale: f32| (0..len).map(|i| scale * (i as f32).sin()).collect::<Vec<f32>>();
    let (mut host_weights, host_x) = (numbers(rnn.params(), 0.3), numbers(rnn.x_len(), 1.0));

    let mut layer = cpu.layer(&rnn, Purpose::Training { input_gradient: true })?;
    let (mut weights, mut x) = (cpu.zeros(rnn.params())?, cpu.zeros(rnn.x_len())?);
    let (mut y, mut last) = (cpu.zeros(rnn.y_len())?, cpu.zeros(rnn.state_len())?);
    let mut lengths = cpu.zeros(rnn.batch)?;
    cpu.write(&mut x, &host_x)?;
    cpu.write(&mut lengths, &[10, 7, 4])?;

    // The loss is the sum of all outputs, so its gradient by each of them is 1.
    let mut loss = |host_weights: &[f32], layer: &mut _| -> engine::Result<f64> {
        cpu.write(&mut weights, host_weights)?;
        cpu.run::<RnnLoad>(&rnn, RnnLoadOperands { weights: &weights, layer })?;
        let (x, lengths, y, last) = (&x, &lengths, &mut y, &mut last);
        let a = RnnForwardOperands { layer, save: true, x, lengths, initial: None, y, last };
        cpu.run::<RnnForward>(&rnn, a)?;
        let mut outputs = vec![0.0f32; rnn.y_len()];
        cpu.read(y, &mut outputs)?;
        Ok(outputs.iter().map(|&output| f64::from(output)).sum())
    };

    let step = 1e-2;
    host_weights[0] += step;
    let above = loss(&host_weights, &mut layer)?;
    host_weights[0] -= 2.0 * step;
    let below = loss(&host_weights, &mut layer)?;
    host_weights[0] += step;
    println!("loss {:.4}", loss(&host_weights, &mut layer)?);

    let mut dy = cpu.zeros(rnn.y_len())?;
    cpu.write(&mut dy, &vec![1.0; rnn.y_len()])?;
    let (mut dx, mut d_weights) = (cpu.zeros(rnn.x_len())?, cpu.zeros(rnn.params())?);
    let a = RnnBackwardOperands {
        layer: &mut layer,
        x: &x,
        lengths: &lengths,
        initial: None,
        y: &y,
        dy: Some(&dy),
        d_last: None,
        dx: Some(&mut dx),
        d_initial: None,
        d_weights: &mut d_weights,
    };
    cpu.run::<RnnBackward>(&rnn, a)?;
    let mut first = [0.0f32];
    cpu.read(&d_weights, &mut first)?;
    let difference = (above - below) / f64::from(2.0 * step);
    println!("gradient by the first weight {:.4}, by finite differences {difference:.4}", first[0]);
    assert!((f64::from(first[0]) - difference).abs() < 1e-3);
    Ok(())
}
