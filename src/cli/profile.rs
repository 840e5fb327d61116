//! `profile`.

use super::output::{out, out_json};
use super::progress::Terminal;
use super::threads::set_threads;
use crate::backend::{AnyDevice, Backend, DeviceChoice, Kind, on_device};
use crate::config::NetworkConfig;
use crate::error::{Error, Result};
use crate::model::TrainingStep;
use crate::ops::Network;
use crate::profile::{Bound, Profile, profile, roofline, trace};
use crate::progress::Progress;
use atomic_write_file::AtomicWriteFile;
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Args)]
#[command(
    after_help = "Columns: launches of the kernel; its total time and share of the wall clock; mean, median and 95th \
percentile of a launch; algorithmic rates (what the mathematics needs, two operations per multiply-add, every operand \
read or written once, over the time it took); operations per byte; the share of the peak, which is the smaller of the \
measured multiply-add peak and bandwidth times operations per byte, and which of the two it is. A small operation \
whose operands are still in a cache can pass a peak made of memory bandwidth.\nKernels and the gaps between them must add \
up to the wall clock within 5 %, or nothing is printed.\nInputs are random numbers of the sizes given."
)]
pub struct ProfileCommand {
    #[command(flatten)]
    network: NetworkConfig,
    /// Sequences of each fold
    #[arg(long, value_name = "B", default_value_t = 32)]
    batch: usize,
    /// Time steps of a sequence
    #[arg(long, value_name = "T", default_value_t = 60)]
    time_steps: usize,
    /// Features of a step
    #[arg(long, value_name = "D", default_value_t = 160)]
    features: usize,
    /// Classes
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
    /// What computes
    #[arg(long, value_enum, default_value_t = Kind::Cpu)]
    backend: Kind,
    #[command(flatten)]
    device: DeviceChoice,
    /// Threads of the processor [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Write all launches as a trace for ui.perfetto.dev
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write a roofline plot
    #[arg(long, value_name = "FILE.svg")]
    roofline: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    device: &'a str,
    threads: usize,
    rows_per_step: usize,
    #[serde(flatten)]
    profile: &'a Profile,
}

impl ProfileCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        set_threads(self.threads)?;
        for file in [&self.trace, &self.roofline].into_iter().flatten() {
            refuse_existing(file)?;
        }
        let network = self.network()?;
        let device = AnyDevice::open(self.backend, &self.device)?;
        device.warning().iter().for_each(|warning| terminal.warn(warning));
        on_device!(&device, backend => self.profile(backend, &network, terminal))
    }

    fn network(&self) -> Result<Network> {
        let sizes = [self.batch, self.time_steps, self.features, self.classes, self.folds, self.iterations];
        if sizes.contains(&0) {
            return Err(Error::config(
                "--batch, --time-steps, --features, --classes, --folds and --iterations must be above 0",
            ));
        }
        self.network.check()?;
        let network = self.network.network(self.features, self.classes);
        if self.time_steps < network.shortest() {
            return Err(Error::config(format!(
                "--time-steps is {}, and the convolution blocks need {}",
                self.time_steps,
                network.shortest()
            )));
        }
        Ok(network)
    }

    fn profile<B: Backend>(&self, backend: &B, network: &Network, terminal: &Terminal) -> Result<()> {
        terminal.say("measuring the peak");
        let peak = backend.peak()?;
        let mut step = TrainingStep::new(backend, network, self.folds, self.batch, self.time_steps)?;
        terminal.say(&format!("{} warm-up iterations, {} recorded", self.warmup, self.iterations));
        let profile = profile(backend, peak, self.warmup, self.iterations, || match self.inference {
            true => step.evaluate(),
            false => step.run().map(drop),
        })?;
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
    let step_ms = profile.wall_ms / profile.iterations as f64;
    text.push_str(&format!(
        "{:<width$} {:>8} {:>9.2} {:>6}\n\nkernels {busy:.2} ms + gaps {:.2} ms = {:.2} ms; wall clock {:.2} ms\n{step_ms:.3} ms a step, {:.0} sequences a second, {} of the multiply-add peak",
        "(gaps)",
        "",
        profile.gaps_ms,
        percent(profile.gaps_ms / profile.wall_ms),
        profile.gaps_ms,
        busy + profile.gaps_ms,
        profile.wall_ms,
        rows_per_step as f64 / step_ms * 1e3,
        percent(profile.peak_share),
    ));
    let launches: usize = profile.kernels.iter().map(|kernel| kernel.launches).sum();
    let from_idle: usize = profile.kernels.iter().map(|kernel| kernel.from_idle).sum();
    if from_idle > 0 {
        text.push_str(&format!(
            "\n{from_idle} of {launches} launches began on an idle device: their times hold what the host needed to launch them, some \
             microseconds each;\nthose of kernels that are as short are not the device's alone"
        ));
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn refuse_existing(file: &Path) -> Result<()> {
    match file.exists() {
        true => Err(Error::config(format!("{} is there already", file.display()))
            .hint("name another file, or move that one away")),
        false => Ok(()),
    }
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |e| Error::io("write", file, e);
    let mut staged = AtomicWriteFile::open(file).map_err(failed)?;
    staged.write_all(bytes).map_err(failed)?;
    staged.commit().map_err(failed)
}
