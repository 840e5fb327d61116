//! The host's side of CUDA: launches, uploads and our own time for a training step, by an executor that only
//! records. Needs no GPU.
//!
//! `cargo bench -- launches`; with `--test` one step of each, without a time.

#[cfg(not(feature = "cuda"))]
fn main() {
    println!("this build has no backend cuda");
}

#[cfg(feature = "cuda")]
fn main() -> engine::Result<()> {
    recorded::main()
}

#[cfg(feature = "cuda")]
mod recorded {
    use engine::Result;
    use engine::backend::cuda::{Cuda, Recorder, choose};
    use engine::model::TrainingStep;
    use engine::ops::{Cell, LayerSpec, Network, Pooling, Precision, Rnn, RnnSize};
    use std::time::Instant;

    const FEATURES: usize = 160;

    /// A layer of this width, and two classes.
    fn network(cell: Cell, hidden: usize) -> Network {
        Network {
            features: FEATURES,
            convs: Vec::new(),
            layers: vec![LayerSpec::new(cell, hidden, 1)],
            pool: Pooling::Last,
            dense: None,
            dropout: 0.0,
            classes: 2,
        }
    }

    pub fn main() -> Result<()> {
        let is_test = std::env::args().any(|argument| argument == "--test");
        let steps = if is_test { 1 } else { 64 };
        println!("{:<44} launches  uploads  host us a step  us a launch", "a training step, bf16");
        for (cell, hidden) in [(Cell::Lstm, 64), (Cell::Gru, 128), (Cell::Lstm, 256)] {
            let (models, batch, time) = (1, 256, 128);
            let size = RnnSize { batch, steps: time, input: FEATURES, hidden };
            let algorithm = choose(None, &Rnn::one(cell, size), Precision::Bf16)?;
            let cuda = Cuda::new(Recorder::default(), Precision::Bf16);
            let network = network(cell, hidden);
            let mut step = TrainingStep::new(&cuda, &network, models, batch, time)?;
            step.run()?;
            cuda.executor().take();
            let (before, start) = (cuda.executor().uploads(), Instant::now());
            for _ in 0..steps {
                step.run()?;
            }
            let us = start.elapsed().as_secs_f64() * 1e6;
            let uploads = cuda.executor().uploads() - before;
            let launches = cuda.executor().take().len() as u64;
            let [launches, uploads] = [launches, uploads].map(|n| n as f64 / f64::from(steps));
            let name = format!("{} {hidden} {algorithm}, B={batch} T={time}", cell.name());
            match is_test {
                true => println!("{name:<44} {launches:>8}  {uploads:>7}"),
                false => {
                    let us = us / f64::from(steps);
                    println!("{name:<44} {launches:>8}  {uploads:>7}  {us:>14.1}  {:>11.2}", us / launches);
                }
            }
        }
        Ok(())
    }
}
