//! Training steps as graphs and with one upload: the bits of plain launches, and the order of all work.

use crate::support::cuda_on_host::{Bytes, Host};
use crate::support::steps::{Steps, fourteen, two_layers, with_convolution};
use engine::backend::cuda::{Cuda, Executor, Failure, Gemm, Launch, Tuning};
use engine::backend::{Algorithm, Backend, Timeline};
use engine::ops::{Device, Dropout, DropoutOperands, Network, Precision};
use engine::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// The host, which counts its calls and fails on demand.
#[derive(Default)]
struct Counting {
    host: Host,
    timeline: Timeline,
    /// Launches by themselves.
    launches: AtomicU64,
    built: AtomicU64,
    graphs: AtomicU64,
    uploads: AtomicU64,
    /// Blocks of memory that are not freed.
    alive: Arc<AtomicU64>,
    /// Refuses launches, and graphs.
    refuses: AtomicBool,
    /// Is lost at the next wait.
    is_lost: AtomicBool,
}

/// Memory that is counted while it is not freed.
struct Counted(Bytes, Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Relaxed);
    }
}

impl Counting {
    fn may_launch(&self) -> Result<(), Failure> {
        match self.refuses.load(Relaxed) {
            true => Err(Failure::Refused(Error::backend("refused on demand"))),
            false => Ok(()),
        }
    }
}

impl Executor for Counting {
    type Memory = Counted;
    type Graph = <Host as Executor>::Graph;

    fn describe(&self) -> String {
        "cuda that counts".into()
    }
    fn multiprocessors(&self) -> usize {
        self.host.multiprocessors()
    }

    fn has_clusters(&self) -> bool {
        self.host.has_clusters()
    }
    fn timeline(&self) -> Option<&Timeline> {
        Some(&self.timeline)
    }
    fn zeros(&self, bytes: usize) -> Result<Counted, Failure> {
        self.alive.fetch_add(1, Relaxed);
        Ok(Counted(self.host.zeros(bytes)?, self.alive.clone()))
    }
    fn address(&self, memory: &Counted) -> u64 {
        self.host.address(&memory.0)
    }
    fn write(&self, memory: &Counted, offset: usize, bytes: &[u8]) -> Result<(), Failure> {
        self.uploads.fetch_add(1, Relaxed);
        self.host.write(&memory.0, offset, bytes)
    }
    fn read(&self, memory: &Counted, offset: usize, bytes: &mut [u8]) -> Result<(), Failure> {
        self.host.read(&memory.0, offset, bytes)
    }
    fn launch(&self, launch: &Launch) -> Result<(), Failure> {
        self.may_launch()?;
        self.launches.fetch_add(1, Relaxed);
        self.host.launch(launch)
    }
    fn graph(&self, launches: &[Launch]) -> Result<Self::Graph, Failure> {
        self.may_launch()?;
        self.built.fetch_add(1, Relaxed);
        self.host.graph(launches)
    }
    fn set_arguments(&self, graph: &mut Self::Graph, i: usize, launch: &Launch) -> Result<(), Failure> {
        self.host.set_arguments(graph, i, launch)
    }
    fn launch_graph(&self, graph: &mut Self::Graph) -> Result<(), Failure> {
        self.may_launch()?;
        self.graphs.fetch_add(1, Relaxed);
        self.host.launch_graph(graph)
    }
    fn cublaslt_gemm(&self, gemm: &Gemm) -> Result<(), Failure> {
        self.host.cublaslt_gemm(gemm)
    }
    fn wait(&self) -> Result<(), Failure> {
        match self.is_lost.load(Relaxed) {
            true => Err(Failure::Lost("an illegal memory access was encountered".into())),
            false => Ok(()),
        }
    }
}

fn counting(precision: Precision) -> Cuda<Counting> {
    Cuda::new(Counting::default(), precision)
}

/// Launches by themselves, graphs that were made, and launches of graphs.
fn counts(cuda: &Cuda<Counting>) -> [u64; 3] {
    let executor = cuda.executor();
    [&executor.launches, &executor.built, &executor.graphs].map(|count| count.load(Relaxed))
}

/// Both algorithms, several models, dropout, two layers, a convolution block; other rows, lengths, labels,
/// learning rates and counters at every step.
#[test]
fn graphs_give_the_bits_of_plain_launches() {
    let equal = |network: &Network, precision, algorithm| {
        let tuning = Tuning { algorithm: Some(algorithm), ..Tuning::default() };
        let as_graphs = counting(precision).tuned(tuning);
        let plain = counting(precision).tuned(tuning).without_graphs();
        assert!(fourteen(&as_graphs, network) == fourteen(&plain, network), "{precision:?} {algorithm}");
        let [launches, built, graphs] = counts(&as_graphs);
        // Two kinds of training step and of evaluation, each first by itself and then as a graph.
        assert!(built >= 2 && graphs >= 6, "{built} graphs made, {graphs} launched");
        let [plain_launches, _, plain_graphs] = counts(&plain);
        assert_eq!(plain_graphs, 0);
        assert!(launches < plain_launches / 2, "{launches} of {plain_launches} launches by themselves");
    };
    for network in [two_layers(), with_convolution()] {
        equal(&network, Precision::Tf32, Algorithm::Persistent);
        equal(&network, Precision::Bf16, Algorithm::PerStep);
    }
    equal(&two_layers(), Precision::Fp32, Algorithm::PerStep);
}

/// The third step of a kind is the first graph, as the first step allocates scratch memory. A step of another
/// kind is no graph.
#[test]
fn a_step_is_one_graph_and_one_upload_from_its_third_time_on() {
    let cuda = counting(Precision::Tf32);
    let mut steps = Steps::new(&cuda, &two_layers());
    let mut step = |evaluates: bool| {
        let (before, uploads) = (counts(&cuda), cuda.executor().uploads.load(Relaxed));
        if evaluates {
            steps.evaluate()
        } else {
            steps.train().unwrap()
        }
        assert_eq!(cuda.executor().uploads.load(Relaxed) - uploads, 1, "uploads");
        let after = counts(&cuda);
        [0, 1, 2].map(|i| after[i] - before[i])
    };
    let [first, built, graphs] = step(false);
    assert!(first > 20 && [built, graphs] == [0, 0]);
    assert_eq!(step(false), [first, 0, 0]);
    assert_eq!(step(false), [0, 1, 1]);
    assert_eq!(step(false), [0, 0, 1]);
    // An evaluation loads the weights, and so the next training step does not.
    let [evaluation, built, graphs] = step(true);
    assert!(evaluation > 5 && [built, graphs] == [0, 0]);
    let [other, built, graphs] = step(false);
    assert!(other < first && [built, graphs] == [0, 0]);
    assert_eq!(step(false), [0, 0, 1], "the first kind again");
}

#[test]
fn launches_that_are_timed_are_issued_one_by_one() {
    let cuda = counting(Precision::Tf32);
    let mut steps = Steps::new(&cuda, &two_layers());
    (0..3).for_each(|_| steps.train().unwrap());
    let graphs = counts(&cuda)[2];
    cuda.timeline().unwrap().record(true);
    steps.train().unwrap();
    assert_eq!(counts(&cuda)[2], graphs);
    cuda.timeline().unwrap().record(false);
    steps.train().unwrap();
    assert_eq!(counts(&cuda)[2], graphs + 1);
}

/// Other threads have their own work in between, and their memory freed.
#[test]
fn two_trainings_at_once_on_one_device_have_their_own_bits() {
    let networks = [two_layers(), with_convolution()];
    let alone = networks.each_ref().map(|network| fourteen(&counting(Precision::Tf32), network));
    let cuda = counting(Precision::Tf32);
    std::thread::scope(|scope| {
        let together = networks.each_ref().map(|network| scope.spawn(|| fourteen(&cuda, network)));
        for (together, alone) in together.into_iter().zip(&alone) {
            assert!(together.join().unwrap() == *alone);
        }
    });
    assert_eq!(cuda.executor().alive.load(Relaxed), 1, "only scratch memory is left");
}

/// A buffer of ones, and dropout of it by counters that are written each time.
struct Drops<'c> {
    cuda: &'c Cuda<Counting>,
    counters: <Cuda<Counting> as Device>::Buf<u32>,
    ones: <Cuda<Counting> as Device>::Buf<f32>,
}

const LEN: usize = 50;
const DROPOUT: Dropout = Dropout { models: 1, len: LEN, rate: 0.5, layer: 0 };

impl<'c> Drops<'c> {
    fn new(cuda: &'c Cuda<Counting>) -> Self {
        let (counters, mut ones) = (cuda.zeros(4).unwrap(), cuda.zeros(LEN).unwrap());
        cuda.write(&mut ones, &[1.0; LEN]).unwrap();
        Drops { cuda, counters, ones }
    }

    /// A buffer for the result.
    fn buffer(&self) -> <Cuda<Counting> as Device>::Buf<f32> {
        self.cuda.zeros(LEN).unwrap()
    }

    fn run(&mut self, step: u32, out: &mut <Cuda<Counting> as Device>::Buf<f32>) -> Result<()> {
        self.cuda.write(&mut self.counters, &[1, 2, 0, step])?;
        let Drops { counters, ones: x, .. } = self;
        self.cuda.run::<Dropout>(&DROPOUT, DropoutOperands { counters, x, out })
    }

    fn read(&self, buffer: &<Cuda<Counting> as Device>::Buf<f32>) -> Vec<f32> {
        let mut host = vec![0.0; LEN];
        self.cuda.read(buffer, &mut host).unwrap();
        host
    }
}

#[test]
fn work_in_a_scope_is_done_in_the_order_in_which_it_was_asked_for() {
    let (cuda, plain) = (counting(Precision::Fp32), counting(Precision::Fp32));
    let (mut drops, mut expected) = (Drops::new(&cuda), Drops::new(&plain));
    let mut alone = |step| {
        let mut out = expected.buffer();
        expected.run(step, &mut out).unwrap();
        expected.read(&out)
    };
    let (mut a, mut b) = (drops.buffer(), drops.buffer());
    let inside = cuda.as_one(|| {
        // The second copy to the counters follows the launch that reads the first.
        drops.run(1, &mut a)?;
        drops.run(2, &mut b)?;
        let inside = drops.read(&b);
        drops.run(3, &mut b)?;
        Ok(inside)
    });
    assert_eq!(inside.unwrap(), alone(2));
    assert_eq!([drops.read(&a), drops.read(&b)], [alone(1), alone(3)]);
    // A large copy comes after the launch before it.
    let mut large = cuda.zeros::<f32>(1 << 19).unwrap();
    cuda.as_one(|| {
        drops.run(4, &mut large)?;
        cuda.write(&mut large, &vec![7.0; 1 << 19])
    })
    .unwrap();
    assert_eq!(drops.read(&large), [7.0; LEN]);
}

#[test]
fn a_list_with_another_grid_is_another_graph() {
    let cuda = counting(Precision::Fp32);
    let (mut counters, x) = (cuda.zeros(2).unwrap(), cuda.zeros(5 * LEN * LEN).unwrap());
    let mut out = cuda.zeros(5 * LEN * LEN).unwrap();
    let mut run = |len: usize| {
        cuda.as_one(|| {
            cuda.write(&mut counters, &[0, 1])?;
            let a = DropoutOperands { counters: &counters, x: &x, out: &mut out };
            cuda.run::<Dropout>(&Dropout { len, ..DROPOUT }, a)
        })
        .unwrap();
        counts(&cuda)
    };
    assert_eq!([run(LEN), run(LEN), run(LEN)], [[1, 0, 0], [1, 1, 1], [1, 1, 2]]);
    assert_eq!([run(5 * LEN * LEN), run(5 * LEN * LEN)], [[2, 1, 2], [2, 2, 3]]);
    assert_eq!(run(LEN), [2, 2, 4], "both are remembered");
}

#[test]
fn memory_that_is_dropped_in_a_scope_outlives_the_launches_that_use_it() {
    let cuda = counting(Precision::Fp32);
    let mut drops = Drops::new(&cuda);
    let alive = || cuda.executor().alive.load(Relaxed);
    let mut out = drops.buffer();
    cuda.as_one(|| {
        let before = alive();
        let kept = drops.buffer();
        drops.run(1, &mut out)?;
        drop(std::mem::replace(&mut out, kept));
        assert_eq!(alive(), before + 1, "the launch has not run");
        Ok(())
    })
    .unwrap();
    assert_eq!(alive(), 3);
    let before = alive();
    drop(drops);
    assert_eq!(alive(), before - 2, "at once where nothing waits");
}

#[test]
fn an_error_in_a_scope_leaves_no_launch_behind() {
    let cuda = counting(Precision::Fp32);
    let mut drops = Drops::new(&cuda);
    let mut out = drops.buffer();
    let failed = cuda.as_one(|| {
        drops.run(1, &mut out)?;
        Err::<(), _>(Error::backend("in the middle"))
    });
    assert!(failed.unwrap_err().to_string().contains("in the middle"));
    assert_eq!(counts(&cuda), [1, 0, 0], "the launch before the error, as without a scope");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        cuda.as_one(|| -> Result<()> {
            drops.run(1, &mut out)?;
            panic!("in the middle")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(counts(&cuda), [2, 0, 0]);
    // Out of a scope a launch is issued at once.
    drops.run(1, &mut out).unwrap();
    assert_eq!(counts(&cuda), [3, 0, 0]);
}

#[test]
fn a_refused_list_or_graph_is_an_error_and_the_next_is_whole() {
    let cuda = counting(Precision::Fp32);
    let mut drops = Drops::new(&cuda);
    let mut out = drops.buffer();
    let mut two = |refuses: bool| {
        cuda.executor().refuses.store(refuses, Relaxed);
        let result = cuda.as_one(|| {
            drops.run(1, &mut out)?;
            let Drops { counters, ones: x, .. } = &mut drops;
            cuda.run::<Dropout>(&DROPOUT, DropoutOperands { counters, x, out: &mut out })
        });
        assert_eq!(result.is_err(), refuses);
        counts(&cuda)
    };
    assert_eq!([two(true), two(false), two(true)], [[0, 0, 0], [2, 0, 0], [2, 0, 0]]);
    // The list that a graph was refused for is forgotten.
    assert_eq!([two(false), two(false), two(false)], [[4, 0, 0], [4, 1, 1], [4, 1, 2]]);
    assert_eq!([two(true), two(false)], [[4, 1, 2], [6, 1, 2]]);
}

#[test]
fn a_device_that_is_lost_names_the_graph() {
    let cuda = counting(Precision::Tf32);
    let mut steps = Steps::new(&cuda, &two_layers());
    (0..3).for_each(|_| steps.train().unwrap());
    cuda.executor().is_lost.store(true, Relaxed);
    let error = cuda.wait().unwrap_err().to_string();
    for part in
        ["last launched: a graph of ", " launches, the last of them optimizer_update.cu", "128 threads"]
    {
        assert!(error.contains(part), "no {part} in {error}");
    }
    assert_eq!(steps.train().unwrap_err().to_string(), error);
}
