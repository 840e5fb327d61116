//! The host's side of CUDA: launches, uploads and our own time for a training step, by an executor that does
//! nothing. Needs no GPU.
//!
//! `cargo bench -- launches`; with `--test` one step of each, without a time.

#[cfg(not(feature = "cuda"))]
fn main() {
    println!("this build has no backend cuda");
}

#[cfg(feature = "cuda")]
fn main() -> engine::Result<()> {
    null::main()
}

#[cfg(feature = "cuda")]
mod null {
    use engine::Result;
    use engine::backend::Timeline;
    use engine::backend::cuda::{Address, Cuda, Executor, Failure, Gemm, Launch, choose};
    use engine::model::TrainingStep;
    use engine::ops::{Cell, LayerSpec, Network, Pooling, Precision, Rnn, RnnSize};
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::time::Instant;

    /// A device that accepts everything, does nothing and counts.
    #[derive(Default)]
    struct Null {
        allocated: AtomicU64,
        launches: AtomicU64,
        uploads: AtomicU64,
    }

    impl Executor for Null {
        type Memory = u64;

        fn describe(&self) -> String {
            "no device".into()
        }

        fn multiprocessors(&self) -> usize {
            132
        }

        fn timeline(&self) -> Option<&Timeline> {
            None
        }

        fn zeros(&self, bytes: usize) -> Result<u64, Failure> {
            // Addresses are multiples of 256, as CUDA's are, and never 0.
            Ok(256 + self.allocated.fetch_add(bytes.next_multiple_of(256) as u64, Relaxed))
        }

        fn address(&self, memory: &u64) -> Address {
            *memory
        }

        fn write(&self, _: &u64, _: &[u8]) -> Result<(), Failure> {
            self.uploads.fetch_add(1, Relaxed);
            Ok(())
        }

        fn read(&self, _: &u64, bytes: &mut [u8]) -> Result<(), Failure> {
            bytes.fill(0);
            Ok(())
        }

        fn launch(&self, _: &Launch) -> Result<(), Failure> {
            self.launches.fetch_add(1, Relaxed);
            Ok(())
        }

        fn cublaslt_gemm(&self, _: &Gemm) -> Result<(), Failure> {
            self.launches.fetch_add(1, Relaxed);
            Ok(())
        }

        fn wait(&self) -> Result<(), Failure> {
            Ok(())
        }
    }

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
            let cuda = Cuda::new(Null::default(), Precision::Bf16);
            let network = network(cell, hidden);
            let mut step = TrainingStep::new(&cuda, &network, models, batch, time)?;
            step.run()?;
            let count = || (cuda.executor().launches.load(Relaxed), cuda.executor().uploads.load(Relaxed));
            let (before, start) = (count(), Instant::now());
            for _ in 0..steps {
                step.run()?;
            }
            let (us, after) = (start.elapsed().as_secs_f64() * 1e6, count());
            let [launches, uploads] =
                [after.0 - before.0, after.1 - before.1].map(|n| n as f64 / f64::from(steps));
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
