//! Measures latencies and rates of an NVIDIA GPU, for a model of the kernels' machine code.
//!
//! `cargo bench --bench latency -- --json FILE`; it takes 4 s on an H100, whose figures are in
//! `benches/runs/2026-11-26-h100/`. An impossible figure ends it with an error that names the probe. Without
//! a GPU nothing is measured; that the kernels run is shown by `tests/cuda/chains.rs`.

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "latency", about = "Latencies and rates of an NVIDIA GPU, as a table and as JSON")]
struct Options {
    /// Write the table there, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The GPU: its number, or a part of its name
    #[arg(long, value_name = "N|NAME")]
    adapter: Option<String>,
    /// Try everything once, without a figure
    #[arg(long)]
    test: bool,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
    /// Of `cargo bench -- FILTER`: measured if "latency" contains it
    filter: Option<String>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.filter.as_ref().is_some_and(|filter| !"latency".contains(filter.as_str())) {
        return ExitCode::SUCCESS;
    }
    match measure(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("latency: {why}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(feature = "cuda"))]
fn measure(_: &Options) -> Result<(), String> {
    println!("built without CUDA: nothing is measured");
    Ok(())
}

#[cfg(feature = "cuda")]
fn measure(options: &Options) -> Result<(), String> {
    use engine::backend::cuda::{Gpu, gpus};
    if let Err(why) = gpus() {
        println!("no NVIDIA GPU here: nothing is measured ({})", why.message);
        return Ok(());
    }
    let gpu = Gpu::choose(options.adapter.as_deref()).map_err(|error| error.to_string())?;
    let table = on_gpu::measured(&gpu, options.test)?;
    println!("{}", table.text());
    if let Some(file) = &options.json {
        std::fs::write(file, table.json()).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

#[cfg(feature = "cuda")]
mod on_gpu {
    use cudarc::driver::sys::{CUdevice_attribute as Attribute, CUevent_flags};
    use cudarc::driver::{CudaContext, CudaEvent, CudaFunction, CudaStream, DriverError, result};
    use engine::backend::cuda::probe::{self, ChainOf, Chains, LATENCIES, LINKS, RATES};
    use engine::backend::cuda::{Compiler, Cuda, Driver, Executor, Failure, Gpu, Kernel, default_folder};
    use engine::backend::{Backend, Kind};
    use engine::ops::Precision;
    use serde::Serialize;
    use std::ffi::c_void;
    use std::sync::Arc;
    use std::time::Instant;

    /// Turns of `LINKS` links of which a latency is the mean.
    const TURNS: usize = 100;
    /// Each figure is measured so often.
    const REPEATS: usize = 9;
    /// Lines of rings that fit into the L1 cache, only into the L2 cache, and into no cache.
    const L1_LINES: usize = 1 << 6;
    const L2_LINES: usize = 1 << 17;
    const DRAM_LINES: usize = 1 << 21;
    /// Vectors of 16 bytes that are read again and again from the L2 cache, and from memory.
    const L2_VECTORS: usize = 1 << 19;
    const DRAM_VECTORS: usize = 1 << 24;
    /// Blocks that read: eight a multiprocessor of a large GPU.
    const BLOCKS: usize = 1056;

    #[derive(Serialize)]
    pub struct Table {
        device: String,
        /// The highest clock that the driver reports.
        clock_mhz: f64,
        multiprocessors: i32,
        driver: i32,
        rows: Vec<Row>,
    }

    #[derive(Serialize)]
    struct Row {
        name: String,
        unit: &'static str,
        /// The median.
        value: f64,
        /// The least disturbed: the smallest of times, the largest of rates.
        best: f64,
        how: String,
    }

    impl Table {
        fn times(&mut self, name: &str, unit: &'static str, values: Vec<f64>, how: impl Into<String>) {
            let best = values.iter().copied().fold(f64::INFINITY, f64::min);
            self.push(name, unit, values, best, how);
        }

        fn rates(&mut self, name: &str, unit: &'static str, values: Vec<f64>, how: impl Into<String>) {
            let best = values.iter().copied().fold(0.0, f64::max);
            self.push(name, unit, values, best, how);
        }

        fn push(
            &mut self,
            name: &str,
            unit: &'static str,
            mut values: Vec<f64>,
            best: f64,
            how: impl Into<String>,
        ) {
            values.sort_by(f64::total_cmp);
            let value = values[values.len() / 2];
            self.rows.push(Row { name: name.into(), unit, value, best, how: how.into() });
        }

        pub fn json(&self) -> String {
            serde_json::to_string_pretty(self).expect("numbers and text") + "\n"
        }

        pub fn text(&self) -> String {
            let mut text = format!(
                "{}, {} multiprocessors, up to {:.0} MHz\n",
                self.device, self.multiprocessors, self.clock_mhz
            );
            for Row { name, unit, value, best, how } in &self.rows {
                text.push_str(&format!("{name:<52} {value:>11.3} {unit:<24} best {best:>11.3}   {how}\n"));
            }
            text
        }
    }

    fn told(failure: Failure) -> String {
        match failure {
            Failure::Refused(error) => error.to_string(),
            Failure::OutOfMemory { free, total } => format!("no memory: {free} of {total} bytes are free"),
            Failure::Lost(why) => format!("the GPU is lost: {why}"),
        }
    }

    fn explained(error: DriverError) -> String {
        format!("CUDA: {error}")
    }

    pub fn measured(gpu: &Gpu, is_test: bool) -> Result<Table, String> {
        let context = CudaContext::new(gpu.index).map_err(explained)?;
        let attribute = |which| context.attribute(which).map_err(explained);
        let mut driver = 0;
        // SAFETY: `CudaContext::new` has loaded the driver, which writes one number to the out-parameter.
        unsafe { cudarc::driver::sys::cuDriverGetVersion(&mut driver) }.result().map_err(explained)?;
        let mut table = Table {
            device: gpu.name.clone(),
            clock_mhz: f64::from(attribute(Attribute::CU_DEVICE_ATTRIBUTE_CLOCK_RATE)?) / 1e3,
            multiprocessors: attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
            driver,
            rows: Vec::new(),
        };
        let (turns, repeats) = if is_test { (2, 1) } else { (TURNS, REPEATS) };
        let device = gpu.open(default_folder().as_deref()).map_err(|error| error.to_string())?;
        let clock = clock(&device, &mut table, repeats).map_err(told)?;
        latencies(&device, &mut table, turns, repeats).map_err(told)?;
        caches(&device, &mut table, repeats, clock).map_err(told)?;
        rates(&device, &mut table, turns, repeats, clock).map_err(told)?;
        reads(&device, &mut table, repeats).map_err(told)?;
        drop(device);
        if !is_test {
            peaks(gpu, &mut table)?;
        }
        Launches::new(gpu, context)?.measured(&mut table, repeats).map_err(explained)?;
        Ok(table)
    }

    /// The clock of a multiprocessor under load in MHz: cycles of a long chain over the time
    /// that it takes longer than a short one.
    fn clock(device: &Driver, table: &mut Table, repeats: usize) -> Result<f64, Failure> {
        let chains = Chains { of: ChainOf::MultiplyAdd, chains: 1, threads: 32 };
        let timed = |count| -> Result<(f64, f64), Failure> {
            let start = Instant::now();
            let cycles = chains.cycles(device, 0, count)?;
            Ok((cycles as f64, start.elapsed().as_secs_f64()))
        };
        timed(1)?;
        let mut values = Vec::new();
        for _ in 0..repeats {
            let (short, long) = (timed(1000)?, timed(200_000)?);
            values.push((long.0 - short.0) / (long.1 - short.1) / 1e6);
        }
        table.rates("clock of a multiprocessor, one warp at work", "MHz", values, "cycles over wall time");
        Ok(table.rows.last().map_or(f64::NAN, |row| row.value))
    }

    fn latencies(device: &Driver, table: &mut Table, turns: usize, repeats: usize) -> Result<(), Failure> {
        for (name, chains) in LATENCIES.iter().filter(|(_, chains)| chains.of != ChainOf::LoadGlobal) {
            chains.cycles(device, 0, 1)?;
            let cycles = |_| {
                probe::latency(name, chains.cycles(device, 0, turns)?, turns * LINKS)
                    .map_err(Failure::Refused)
            };
            let values = (0..repeats).map(cycles).collect::<Result<_, Failure>>()?;
            let how = format!("{} links of one chain, {} threads", turns * LINKS, chains.threads);
            table.times(&format!("latency of {name}"), "cycles", values, how);
        }
        Ok(())
    }

    /// Loads that wait for one another in rings that fit into one cache and not into the one before.
    fn caches(device: &Driver, table: &mut Table, repeats: usize, clock: f64) -> Result<(), Failure> {
        let (_, chains) = LATENCIES.iter().find(|(_, c)| c.of == ChainOf::LoadGlobal).expect("it is listed");
        for (name, lines, turns) in [
            ("L1 cache", L1_LINES, 100),
            ("L2 cache", L2_LINES, L2_LINES / LINKS),
            ("memory", DRAM_LINES, 200),
        ] {
            let ring = probe::ring(device, lines)?;
            let at = device.address(&ring);
            if lines == DRAM_LINES {
                // Evicts the upload from the L2 cache.
                drop(device.zeros(128 * DRAM_LINES)?);
            } else {
                chains.cycles(device, at, lines.div_ceil(LINKS))?;
            }
            let mut values = Vec::new();
            for repeat in 0..repeats {
                // In memory each pass starts at lines that no pass has read before.
                let start = if lines == DRAM_LINES { repeat * 1_000_003 % lines * 128 } else { 0 };
                let cycles = chains.cycles_from(device, at, start as u32, turns)?;
                values.push(probe::latency(name, cycles, turns * LINKS).map_err(Failure::Refused)?);
            }
            let how = format!("a chain of dependent loads through {} KiB", lines / 8);
            let in_ns = values.iter().map(|cycles| cycles / clock * 1e3).collect();
            table.times(&format!("latency of a load from {name}"), "cycles", values, how.as_str());
            table.times(&format!("latency of a load from {name}"), "ns", in_ns, how);
        }
        Ok(())
    }

    fn rates(
        device: &Driver,
        table: &mut Table,
        turns: usize,
        repeats: usize,
        clock: f64,
    ) -> Result<(), Failure> {
        for (name, chains, each) in &RATES {
            chains.cycles(device, 0, 1)?;
            let instructions = (turns * LINKS) as u64 * u64::from(chains.chains * chains.threads / 32);
            let rate = |_| {
                probe::rate(name, chains.cycles(device, 0, turns)?, instructions).map_err(Failure::Refused)
            };
            let values: Vec<f64> = (0..repeats).map(rate).collect::<Result<_, Failure>>()?;
            let how =
                format!("{} warps on one multiprocessor, {} chains each", chains.threads / 32, chains.chains);
            let scaled = |factor: f64| values.iter().map(|value| value * factor).collect::<Vec<f64>>();
            table.rates(&format!("rate of {name}"), "warp instructions/cycle", values.clone(), how.as_str());
            let each = *each as f64;
            match chains.of {
                ChainOf::MultiplyAdd | ChainOf::MmaBf16 | ChainOf::MmaTf32 => {
                    let all = 2.0 * each * f64::from(table.multiprocessors) * clock / 1e6;
                    let how = "of all multiprocessors, if each did so at the measured clock";
                    table.rates(&format!("rate of {name}"), "TFLOP/s", scaled(all), how);
                }
                ChainOf::LoadShared4 | ChainOf::LoadShared16 | ChainOf::LoadMatrices => {
                    table.rates(&format!("rate of {name}"), "bytes/cycle", scaled(each), how);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Bytes a second that all multiprocessors read.
    fn reads(device: &Driver, table: &mut Table, repeats: usize) -> Result<(), Failure> {
        let result = device.zeros(4 * 128 * BLOCKS)?;
        let result = device.address(&result);
        for (name, vectors, count) in [("L2 cache", L2_VECTORS, 200), ("memory", DRAM_VECTORS, 62)] {
            let ring = device.zeros(16 * vectors)?;
            let from = device.address(&ring);
            let timed = |launches: usize| -> Result<f64, Failure> {
                let start = Instant::now();
                let mut bytes = 0;
                for _ in 0..launches {
                    bytes += probe::read(device, from, vectors, result, BLOCKS, count)?;
                }
                device.wait()?;
                Ok(bytes as f64 / start.elapsed().as_secs_f64() / 1e9)
            };
            timed(1)?;
            let values = (0..repeats).map(|_| timed(20)).collect::<Result<_, Failure>>()?;
            let how = format!("vectors of 16 bytes from {} MiB, again and again", vectors >> 16);
            table.rates(&format!("reading {name}"), "GB/s", values, how);
        }
        Ok(())
    }

    /// The peak rates of `Backend::peak`.
    fn peaks(gpu: &Gpu, table: &mut Table) -> Result<(), String> {
        for &precision in Kind::Cuda.precisions() {
            let device = gpu.open(default_folder().as_deref()).map_err(|error| error.to_string())?;
            let peak = Cuda::new(device, precision).peak().map_err(|error| error.to_string())?;
            let name = format!("products in {}, registers alone", precision.name());
            table.rates(&name, "TFLOP/s", vec![peak.gflops / 1e3], "peak_compute.cu over wall time");
            if precision == Precision::Fp32 {
                let how = "peak_memory.cu over wall time, bytes read and written";
                table.rates("copying memory", "GB/s", vec![peak.gbytes], how);
            }
        }
        Ok(())
    }

    /// The cost of launches, on a queue with events.
    struct Launches {
        context: Arc<CudaContext>,
        stream: Arc<CudaStream>,
        nothing: (CudaFunction, Vec<u8>),
        busy: (CudaFunction, Vec<u8>),
    }

    impl Launches {
        fn new(gpu: &Gpu, context: Arc<CudaContext>) -> Result<Self, String> {
            let compiler =
                Compiler::new(gpu.arch, default_folder().as_deref()).map_err(|error| error.to_string())?;
            let loaded = |(kernel, arguments): (Kernel, Vec<u8>)| -> Result<_, String> {
                let program = compiler.program(&kernel).map_err(|error| error.to_string())?;
                let module =
                    context.load_module(cudarc::nvrtc::Ptx::from_binary(program)).map_err(explained)?;
                Ok((module.load_function(kernel.entry).map_err(explained)?, arguments))
            };
            // SAFETY: `CudaContext::new` bound the context to this thread; the memory is never freed, and
            // `memset` below writes it before a kernel reads it.
            let memory = unsafe { result::malloc_sync(probe::BUSY_BYTES) }.map_err(explained)?;
            // SAFETY: `memory` was just allocated with `BUSY_BYTES`.
            unsafe { result::memset_d8_sync(memory, 0, probe::BUSY_BYTES) }.map_err(explained)?;
            Ok(Launches {
                stream: context.new_stream().map_err(explained)?,
                nothing: loaded(probe::nothing())?,
                // Some milliseconds: 64 links of four cycles each time.
                busy: loaded(probe::busy(memory, 30_000))?,
                context,
            })
        }

        fn launch(
            &self,
            (function, arguments): &(CudaFunction, Vec<u8>),
            threads: u32,
        ) -> Result<(), DriverError> {
            let mut pointers = [arguments.as_ptr() as *mut c_void];
            // SAFETY: `probe` wrote these bytes as the kernel's one argument, its struct, and the driver
            // copies them before this returns; they point to no memory but the `BUSY_BYTES` of `new`, which
            // are never freed.
            unsafe {
                result::launch_kernel(
                    function.cu_function(),
                    (1, 1, 1),
                    (threads, 1, 1),
                    0,
                    self.stream.cu_stream(),
                    &mut pointers,
                )
            }
        }

        fn nothing(&self) -> Result<(), DriverError> {
            self.launch(&self.nothing, 128)
        }

        fn busy(&self) -> Result<(), DriverError> {
            self.launch(&self.busy, 32)
        }

        fn event(&self) -> Result<CudaEvent, DriverError> {
            let event = self.context.new_event(Some(CUevent_flags::CU_EVENT_DEFAULT))?;
            event.record(&self.stream)?;
            Ok(event)
        }

        /// Microseconds between two events with `count` launches of nothing between them, after `before`.
        fn between(&self, before: bool, count: usize) -> Result<f64, DriverError> {
            self.stream.synchronize()?;
            if before {
                self.busy()?;
            }
            let start = self.event()?;
            for _ in 0..count {
                self.nothing()?;
            }
            let end = self.event()?;
            Ok(f64::from(start.elapsed_ms(&end)?) * 1e3)
        }

        /// Microseconds of the host and of all, for each of `count` launches of nothing.
        fn queued(&self, count: usize) -> Result<(f64, f64), DriverError> {
            self.stream.synchronize()?;
            let start = Instant::now();
            for _ in 0..count {
                self.nothing()?;
            }
            let asked = start.elapsed();
            self.stream.synchronize()?;
            let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / count as f64;
            Ok((each(asked), each(start.elapsed())))
        }

        fn measured(&self, table: &mut Table, repeats: usize) -> Result<(), DriverError> {
            self.queued(10)?;
            self.between(true, 1)?;
            let many = 5 * repeats;
            let idle =
                |count: usize| (0..many).map(|_| self.between(false, count)).collect::<Result<Vec<_>, _>>();
            let full =
                |count: usize| (0..many).map(|_| self.between(true, count)).collect::<Result<Vec<_>, _>>();
            let short = (0..repeats).map(|_| self.queued(200)).collect::<Result<Vec<_>, _>>()?;
            let long = (0..repeats).map(|_| self.queued(3000)).collect::<Result<Vec<_>, _>>()?;
            let one = (0..many).map(|_| self.queued(1)).collect::<Result<Vec<_>, _>>()?;
            let host = |pairs: &[(f64, f64)]| pairs.iter().map(|pair| pair.0).collect::<Vec<_>>();
            let all = |pairs: &[(f64, f64)]| pairs.iter().map(|pair| pair.1).collect::<Vec<_>>();
            let us = "us";
            table.times("host: a launch, queue of 200", us, host(&short), "a kernel that returns at once");
            table.times("host: a launch, queue of 3000", us, host(&long), "longer than the driver's queue");
            table.times(
                "host and device: a launch, queue of 3000",
                us,
                all(&long),
                "with the wait at the end",
            );
            table.times("host and device: one launch and the wait", us, all(&one), "of an idle GPU");
            table.times("events: nothing between, idle GPU", us, idle(0)?, "what a pair counts by itself");
            table.times(
                "events: nothing between, full queue",
                us,
                full(0)?,
                "behind a kernel of milliseconds",
            );
            table.times(
                "events: one launch between, idle GPU",
                us,
                idle(1)?,
                "as a profile has it, host time included",
            );
            table.times(
                "events: one launch between, full queue",
                us,
                full(1)?,
                "behind a kernel of milliseconds",
            );
            let per = |values: Vec<f64>| values.iter().map(|us| us / 100.0).collect::<Vec<_>>();
            table.times(
                "events: a launch of 100, full queue",
                us,
                per(full(100)?),
                "from one launch to the next",
            );
            Ok(())
        }
    }
}
