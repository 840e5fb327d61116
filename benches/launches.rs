//! The host's side of CUDA: launches, graphs, uploads and our own time for a training step, by an executor
//! that does nothing. Needs no GPU. The driver's own time for a call is not in these figures.
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
        /// Launches by themselves, and GEMMs by cuBLASLt.
        launches: AtomicU64,
        graphs: AtomicU64,
        /// Launches of graphs whose arguments were set again.
        arguments: AtomicU64,
        uploads: AtomicU64,
    }

    impl Null {
        fn counts(&self) -> [u64; 4] {
            [&self.launches, &self.graphs, &self.arguments, &self.uploads].map(|count| count.load(Relaxed))
        }
    }

    impl Executor for Null {
        type Memory = u64;
        type Graph = ();

        fn describe(&self) -> String {
            "no device".into()
        }

        fn multiprocessors(&self) -> usize {
            132
        }

        fn has_clusters(&self) -> bool {
            true
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

        fn write(&self, _: &u64, _: usize, _: &[u8]) -> Result<(), Failure> {
            self.uploads.fetch_add(1, Relaxed);
            Ok(())
        }

        fn read(&self, _: &u64, _: usize, bytes: &mut [u8]) -> Result<(), Failure> {
            bytes.fill(0);
            Ok(())
        }

        fn launch(&self, _: &Launch) -> Result<(), Failure> {
            self.launches.fetch_add(1, Relaxed);
            Ok(())
        }

        fn graph(&self, _: &[Launch]) -> Result<(), Failure> {
            Ok(())
        }

        fn set_arguments(&self, _: &mut (), _: usize, _: &Launch) -> Result<(), Failure> {
            self.arguments.fetch_add(1, Relaxed);
            Ok(())
        }

        fn launch_graph(&self, _: &mut ()) -> Result<(), Failure> {
            self.graphs.fetch_add(1, Relaxed);
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
        let steps = if is_test { 1 } else { 4096 };
        let (title, columns) = ("a training step, bf16", ["launches", "graphs", "arguments set", "uploads"]);
        println!("{title:<44} {:<11} {}  host us", "", columns.join("  "));
        for (cell, hidden) in [(Cell::Lstm, 64), (Cell::Gru, 128), (Cell::Lstm, 512)] {
            for issued in ["one by one", "as a graph"] {
                let (models, batch, time) = (1, 256, 128);
                let size = RnnSize { batch, steps: time, input: FEATURES, hidden };
                let algorithm = choose(None, &Rnn::one(cell, size), Precision::Bf16, true)?;
                let cuda = Cuda::new(Null::default(), Precision::Bf16);
                let cuda = if issued == "one by one" { cuda.without_graphs() } else { cuda };
                let network = network(cell, hidden);
                let mut step = TrainingStep::new(&cuda, &network, models, batch, time)?;
                // Scratch memory is allocated in the first step, and the graph is made in the third.
                (0..3).try_for_each(|_| step.run().map(drop))?;
                let (before, start) = (cuda.executor().counts(), Instant::now());
                for _ in 0..steps {
                    step.run()?;
                }
                let (us, after) = (start.elapsed().as_secs_f64() * 1e6, cuda.executor().counts());
                let name = format!("{} {hidden} {algorithm}, B={batch} T={time}", cell.name());
                print!("{name:<44} {issued:<11}");
                for ((column, before), after) in columns.iter().zip(before).zip(after) {
                    let each = (after - before) as f64 / f64::from(steps);
                    print!(" {each:>width$} ", width = column.len());
                }
                match is_test {
                    true => println!(),
                    false => println!(" {:>7.1}", us / f64::from(steps)),
                }
            }
        }
        Ok(())
    }
}
