//! `profile`: times the kernels of a training step.

use super::output::{out, out_json};
use super::prediction;
use super::progress::Terminal;
use super::threads::set_threads;
use crate::backend::any::{OnBackend, predict};
use crate::backend::{Algorithm, AnyDevice, Backend, DeviceChoice, Kind, on_device};
use crate::config::{NetworkConfig, Preset};
use crate::error::{Error, Result};
use crate::model::TrainingStep;
use crate::ops::Network;
use crate::profile::{Bound, Profile, profile, roofline, trace};
use crate::progress::Progress;
use crate::staged::StagedFile;
use crate::word::word;
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The end of `--help`.
const HELP: &str = "\
Columns:
  launches         number of launches of the kernel
  total ms, share  total time, and its share of the wall-clock time
  mean, p50, p95   mean, median and 95th percentile of a launch's time
  GFLOP/s          arithmetic over time; a multiply-add is two operations
  GB/s             memory traffic over time; every operand is read or written once
  FLOP/B           operations per byte
  of peak          GFLOP/s or GB/s, whichever limits the kernel, as a share of its measured peak
  bound by         which of the two limits it: memory if FLOP/B times the peak of GB/s is below the
                   peak of GFLOP/s, else compute

A small operation whose operands are in a cache can exceed the measured GB/s.

Kernels and the gaps between them must add up to the wall-clock time within 5 %; otherwise there is an \
error and no profile.

The inputs are random numbers of the given sizes.

With --predict, nothing is measured and no GPU is needed. A table tells for each kernel what it should take \
on an NVIDIA H100, with the launches in a full queue:
  us    total time of its launches in microseconds, of which each has 2 for its start
  rule  the reason for the time:
        loop    its machine code, with the main loop as often as it runs
        once    the same with the main loop once: its arguments do not tell how often
        memory  its bytes over the bandwidth of memory
        l2      its bytes over the bandwidth of the L2 cache
The figures of the machine code are in kernels/cuda/cycles.toml; docs/performance.md compares predictions \
with measured times.

Examples:
  engine profile --backend cuda --precision bf16 --hidden 128 --batch 256 --time-steps 128
  engine profile --backend cuda --predict --preset study-gru";

/// The arguments of `engine profile`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct ProfileCommand {
    #[command(flatten)]
    network: NetworkConfig,
    /// Take a network of the original study, instead of one of the options above
    #[arg(long, value_enum, value_parser = word::<Preset>(), conflicts_with_all = ["conv", "cell", "hidden", "biases", "pool", "dense", "dropout"])]
    preset: Option<Preset>,
    /// Batch size of each fold
    #[arg(long, value_name = "B", default_value_t = 32)]
    batch: usize,
    /// Time steps of a sequence
    #[arg(long, value_name = "T", default_value_t = 60)]
    time_steps: usize,
    /// Features of a time step
    #[arg(long, value_name = "D", default_value_t = 160)]
    features: usize,
    /// Number of classes
    #[arg(long, value_name = "K", default_value_t = 2)]
    classes: usize,
    /// Folds trained together
    #[arg(long, value_name = "M", default_value_t = 1)]
    folds: usize,
    /// Profile the forward pass of evaluation instead of a training step
    #[arg(long)]
    inference: bool,
    /// Iterations to record: training steps, or forward passes with `--inference`
    #[arg(long, value_name = "N", default_value_t = 100, alias = "steps")]
    iterations: usize,
    /// Iterations to run first, without recording them
    #[arg(long, value_name = "N", default_value_t = 10)]
    warmup: usize,
    /// Backend to profile
    #[arg(long, value_enum, value_parser = word::<Kind>(), default_value_t = Kind::Cpu)]
    backend: Kind,
    #[command(flatten)]
    device: DeviceChoice,
    /// Run recurrent layers with this algorithm, instead of the first that each of them fits; GPUs only
    #[arg(long, value_enum, value_parser = word::<Algorithm>(), conflicts_with = "predict")]
    algorithm: Option<Algorithm>,
    /// CPU threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Write all launches to this file, as a trace for ui.perfetto.dev
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write a roofline plot to this file
    #[arg(long, value_name = "FILE.svg")]
    roofline: Option<PathBuf>,
    /// Predict the times on an NVIDIA H100 from the kernels' machine code instead of measuring. Needs no GPU;
    /// for the backend `cuda`
    #[arg(long, conflicts_with_all = ["iterations", "warmup", "trace", "roofline", "threads", "isa", "adapter", "kernel_cache"])]
    predict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The output of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    device: &'a str,
    threads: usize,
    rows_per_step: usize,
    #[serde(flatten)]
    profile: &'a Profile,
}

impl ProfileCommand {
    /// Profiles the network, writes the files, and prints the table.
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        set_threads(self.threads)?;
        for file in [&self.trace, &self.roofline].into_iter().flatten() {
            refuse_existing(file)?;
        }
        let network = self.network()?;
        if self.predict {
            return self.predict(network);
        }
        let mut device = AnyDevice::open(self.backend, &self.device)?;
        if let Some(algorithm) = self.algorithm {
            (device, _) = device.restrict(algorithm)?;
        }
        device.warning().iter().for_each(|warning| terminal.warn(warning));
        on_device!(&device, backend => self.profile(backend, &network, terminal))
    }

    /// The network that the arguments describe.
    fn network(&self) -> Result<Network> {
        let sizes = [self.batch, self.time_steps, self.features, self.classes, self.folds, self.iterations];
        if sizes.contains(&0) {
            return Err(Error::config(
                "--batch, --time-steps, --features, --classes, --folds and --iterations must be above 0",
            ));
        }
        let config = self.preset.map_or_else(|| self.network.clone(), |preset| preset.config().network);
        config.check()?;
        let network = config.network(self.features, self.classes);
        if self.time_steps < network.shortest() {
            return Err(Error::config(format!(
                "--time-steps is {}, but the convolution blocks need {}",
                self.time_steps,
                network.shortest()
            )));
        }
        Ok(network)
    }

    /// Prints what the launches of an iteration should take.
    fn predict(&self, network: Network) -> Result<()> {
        if self.backend != Kind::Cuda {
            return Err(Error::config(format!(
                "--predict is for the backend `cuda`, but the backend is `{}`",
                self.backend.name()
            ))
            .hint("use `--backend cuda`, which needs no GPU here, or leave --predict out to measure"));
        }
        let iteration = Iteration { command: self, network };
        let prediction = predict(self.backend, &self.device, &iteration)?;
        let precision = self.device.precision.unwrap_or_default();
        prediction::print(&prediction, precision.name(), self.folds * self.batch, self.json)
    }

    fn iterate<B: Backend>(&self, step: &mut TrainingStep<B>) -> Result<()> {
        match self.inference {
            true => step.evaluate(),
            false => step.run().map(drop),
        }
    }

    fn profile<B: Backend>(&self, backend: &B, network: &Network, terminal: &Terminal) -> Result<()> {
        terminal.say("measuring the peak");
        let peak = backend.peak()?;
        let mut step = TrainingStep::new(backend, network, self.folds, self.batch, self.time_steps)?;
        terminal.say(&format!("{} warm-up iterations, {} recorded", self.warmup, self.iterations));
        let profile = profile(backend, peak, self.warmup, self.iterations, || self.iterate(&mut step))?;
        let device = backend.describe();
        if let Some(file) = &self.trace {
            write(file, trace(&device, &profile).as_bytes())?;
        }
        if let Some(file) = &self.roofline {
            write(file, roofline(&device, &profile).as_bytes())?;
        }
        let (threads, rows_per_step) = (rayon::current_num_threads(), self.folds * self.batch);
        if self.json {
            return out_json(&Report { device: &device, threads, rows_per_step, profile: &profile });
        }
        out(&table(&device, threads, rows_per_step, &profile))
    }
}

/// An iteration whose times are predicted.
struct Iteration<'a> {
    command: &'a ProfileCommand,
    network: Network,
}

impl OnBackend for Iteration<'_> {
    fn run<B: Backend>(&self, backend: &B, begin: &dyn Fn()) -> Result<()> {
        let ProfileCommand { folds, batch, time_steps, .. } = *self.command;
        let mut step = TrainingStep::new(backend, &self.network, folds, batch, time_steps)?;
        begin();
        self.command.iterate(&mut step)
    }
}

fn table(device: &str, threads: usize, rows_per_step: usize, profile: &Profile) -> String {
    let width = profile.kernels.iter().map(|kernel| kernel.name.len()).max().unwrap_or(0).max(16);
    let mut text = format!(
        "{device}, {threads} threads: at most {:.1} GFLOP/s and {:.1} GB/s\n\n{:<width$} {:>8} {:>9} {:>6} {:>9} {:>9} {:>9} {:>8} {:>7} {:>7} {:>6}  bound by\n",
        profile.peak.gflops,
        profile.peak.gbytes,
        "kernel",
        "launches",
        "total ms",
        "share",
        "mean us",
        "p50 us",
        "p95 us",
        "GFLOP/s",
        "GB/s",
        "FLOP/B",
        "of peak"
    );
    for k in &profile.kernels {
        text.push_str(&format!(
            "{:<width$} {:>8} {:>9.2} {:>6} {:>9.1} {:>9.1} {:>9.1} {:>8.1} {:>7.1} {:>7.2} {:>6}  {}\n",
            k.name,
            k.launches,
            k.total_ms,
            percent(k.share),
            k.mean_us,
            k.p50_us,
            k.p95_us,
            k.gflops,
            k.gbytes,
            k.intensity,
            percent(k.peak_share),
            match k.bound_by {
                Bound::Compute => "compute",
                Bound::Memory => "memory",
            }
        ));
    }
    let busy: f64 = profile.kernels.iter().map(|kernel| kernel.total_ms).sum();
    let iteration_ms = profile.wall_ms / profile.iterations as f64;
    text.push_str(&format!(
        "{:<width$} {:>8} {:>9.2} {:>6}\n\nkernels {busy:.2} ms + gaps {:.2} ms = {:.2} ms; wall clock {:.2} ms\n{iteration_ms:.3} ms per iteration, {:.0} sequences per second, {} of the multiply-add peak",
        "(gaps)",
        "",
        profile.gaps_ms,
        percent(profile.gaps_ms / profile.wall_ms),
        profile.gaps_ms,
        busy + profile.gaps_ms,
        profile.wall_ms,
        rows_per_step as f64 / iteration_ms * 1e3,
        percent(profile.peak_share),
    ));
    let launches: usize = profile.kernels.iter().map(|kernel| kernel.launches).sum();
    let from_idle: usize = profile.kernels.iter().map(|kernel| kernel.from_idle).sum();
    if from_idle > 0 {
        text.push_str(&format!(
            "\n{from_idle} of {launches} launches began on an idle device: their times include the host's time to launch them, some \
             microseconds each.\nThe times of kernels that are as short are not only the device's."
        ));
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Refuses to overwrite a file.
fn refuse_existing(file: &Path) -> Result<()> {
    match file.exists() {
        true => Err(Error::config(format!("{} exists already", file.display()))
            .hint("name another file, or move this one")),
        false => Ok(()),
    }
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |e| Error::io("write", file, e);
    let mut staged = StagedFile::open(file).map_err(failed)?;
    staged.write_all(bytes).map_err(failed)?;
    staged.commit().map_err(failed)
}
