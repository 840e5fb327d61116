//! Kernels that probe the device: they run each intrinsic of `intrinsics.cu`, and measure the latency and
//! throughput of single instructions.

mod intrinsic;
mod launch;

pub use intrinsic::Intrinsic;

use super::address::{Address, nullable};
use super::executor::{Executor, Failure};
use super::kernel::{Kernel, THREADS};
use super::peak;
use crate::error::{Error, Result};
use launch::launch;

/// The instruction of a link of `probe_chain.cu`. The discriminants are its values of WHAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainOf {
    /// A multiply-add.
    MultiplyAdd,
    /// `tanh.approx`.
    Tanh,
    /// `ex2.approx.ftz`.
    Exp2,
    /// `rcp.approx.ftz`.
    Reciprocal,
    /// `mma` of bf16 operands, each link with the sums of the one before.
    MmaBf16,
    /// `mma` of tf32 operands, each link with the sums of the one before.
    MmaTf32,
    /// A load of 4 bytes from shared memory.
    LoadShared4,
    /// A load of 16 bytes from shared memory.
    LoadShared16,
    /// `ldmatrix` of four matrices.
    LoadMatrices,
    /// A barrier of the block.
    Barrier,
    /// A store to shared memory, a barrier, and a load of the value that a neighbor stored.
    RoundTrip,
    /// A load from global memory, at the address that the load before returned.
    LoadGlobal,
}

/// The links of a chain in one iteration of the kernel: LINKS of `probe_chain.cu`.
pub const LINKS: usize = 64;

/// Chains of one instruction in the threads of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chains {
    /// The instruction of a link.
    pub of: ChainOf,
    /// Independent chains in a thread.
    pub chains: u32,
    /// Threads of the block.
    pub threads: u32,
}

/// The chains that measure a latency: one chain in one warp, or in a block for the instructions of a block.
pub const LATENCIES: [(&str, Chains); 16] = {
    use ChainOf::*;
    [
        ("fma", Chains::one(MultiplyAdd, 32)),
        ("tanh.approx", Chains::one(Tanh, 32)),
        ("ex2.approx.ftz", Chains::one(Exp2, 32)),
        ("rcp.approx.ftz", Chains::one(Reciprocal, 32)),
        ("mma bf16 m16n8k16, by its sums", Chains::one(MmaBf16, 32)),
        ("mma tf32 m16n8k8, by its sums", Chains::one(MmaTf32, 32)),
        ("shared memory load, 4 bytes", Chains::one(LoadShared4, 32)),
        ("shared memory load, 16 bytes", Chains::one(LoadShared16, 32)),
        ("ldmatrix x4", Chains::one(LoadMatrices, 32)),
        ("barrier, 128 threads", Chains::one(Barrier, 128)),
        ("barrier, 256 threads", Chains::one(Barrier, 256)),
        ("barrier, 512 threads", Chains::one(Barrier, 512)),
        ("store, barrier, load, 128 threads", Chains::one(RoundTrip, 128)),
        ("store, barrier, load, 256 threads", Chains::one(RoundTrip, 256)),
        ("store, barrier, load, 512 threads", Chains::one(RoundTrip, 512)),
        ("global memory load", Chains::one(LoadGlobal, 32)),
    ]
};

/// The chains that measure a throughput: four warps a scheduler, and enough chains to hide every latency. The
/// number is the bytes or multiply-adds of one instruction of a warp.
pub const RATES: [(&str, Chains, u64); 9] = {
    use ChainOf::*;
    [
        ("fma", Chains::many(MultiplyAdd), 32),
        ("tanh.approx", Chains::many(Tanh), 0),
        ("ex2.approx.ftz", Chains::many(Exp2), 0),
        ("rcp.approx.ftz", Chains::many(Reciprocal), 0),
        ("mma bf16 m16n8k16", Chains::many(MmaBf16), 16 * 8 * 16),
        ("mma tf32 m16n8k8", Chains::many(MmaTf32), 16 * 8 * 8),
        ("shared memory load, 4 bytes", Chains::many(LoadShared4), 4 * 32),
        ("shared memory load, 16 bytes", Chains::many(LoadShared16), 16 * 32),
        ("ldmatrix x4", Chains::many(LoadMatrices), 16 * 32),
    ]
};

impl Chains {
    const fn one(of: ChainOf, threads: u32) -> Self {
        Chains { of, chains: 1, threads }
    }

    const fn many(of: ChainOf) -> Self {
        Chains { of, chains: 4, threads: 512 }
    }

    /// The kernel that runs the chains.
    pub fn kernel(&self) -> Kernel {
        probe_chain(self.of, self.chains, self.threads)
    }

    /// Cycles of a multiprocessor from the start of its first warp to the end of its last, for `count` times
    /// `LINKS` links of each chain. A chain of loads follows the ring at the address `ring`; other chains
    /// need none.
    ///
    /// # Errors
    /// Any failure of the executor, and [`Failure::Lost`] if the clock does not advance.
    pub fn cycles<E: Executor>(&self, executor: &E, ring: Address, count: usize) -> Result<u64, Failure> {
        self.cycles_from(executor, ring, 0, count)
    }

    /// Like [`Chains::cycles`], with a chain of loads that begins `start` bytes into the ring. Other chains
    /// must begin at 0.
    ///
    /// # Errors
    /// As [`Chains::cycles`].
    pub fn cycles_from<E: Executor>(
        &self,
        executor: &E,
        ring: Address,
        start: u32,
        count: usize,
    ) -> Result<u64, Failure> {
        let warps = self.threads as usize / 32;
        let x = executor.zeros(8)?;
        executor.write(&x, 0, bytemuck::cast_slice(&[0.5f32, 1.0]))?;
        let result = executor.zeros(4 * self.threads as usize)?;
        let clocks = executor.zeros(16 * warps)?;
        let arguments = kernel::ProbeChain {
            x: executor.address(&x),
            ring,
            result: executor.address(&result),
            clocks: executor.address(&clocks),
            count: count as u64,
            zero: u64::from(start),
        };
        launch(executor, &self.kernel(), &arguments, 1)?;
        let mut read = vec![0u64; 2 * warps];
        executor.read(&clocks, 0, bytemuck::cast_slice_mut(&mut read))?;
        executor.wait()?;
        let start = read.iter().step_by(2).min().expect("a block has a warp");
        let end = read.iter().skip(1).step_by(2).max().expect("a block has a warp");
        end.checked_sub(*start).filter(|&cycles| cycles > 0).ok_or_else(|| {
            Failure::Lost(format!("{}: the clock went from {start} to {end}", self.kernel().name()))
        })
    }
}

/// The warp instructions that a multiprocessor can issue in a cycle: one for each of its four schedulers.
const ISSUED: f64 = 4.0;

/// The cycles of one of `links` instructions that wait for one another. `name` is the probe's, for the error.
///
/// # Errors
/// [`ErrorKind::Numerical`](crate::error::ErrorKind::Numerical) for less than a cycle: no instruction is that
/// fast, so the compiler has removed links.
pub fn latency(name: &str, cycles: u64, links: usize) -> Result<f64> {
    let latency = cycles as f64 / links as f64;
    match latency >= 1.0 {
        true => Ok(latency),
        false => Err(impossible(name, &format!("a latency of {latency:.4} cycles, and the least is 1"))),
    }
}

/// The warp instructions of a multiprocessor in a cycle. `name` is the probe's, for the error.
///
/// # Errors
/// [`ErrorKind::Numerical`](crate::error::ErrorKind::Numerical) for more than a multiprocessor can issue: the
/// compiler has removed some.
pub fn rate(name: &str, cycles: u64, instructions: u64) -> Result<f64> {
    let rate = instructions as f64 / cycles as f64;
    match rate <= ISSUED {
        true => Ok(rate),
        false => {
            Err(impossible(name, &format!("{rate:.1} warp instructions a cycle, and the most is {ISSUED}")))
        }
    }
}

fn impossible(name: &str, found: &str) -> Error {
    Error::numerical(format!("the probe of {name} found {found}: the compiler has removed instructions"))
}

/// A ring of `lines` lines of 128 bytes for a chain of loads; `lines` is a power of two. Each line holds the
/// offset of the next one. The chain visits every line once, in an order that no prefetcher can predict.
///
/// # Errors
/// Any failure of the executor.
pub fn ring<E: Executor>(executor: &E, lines: usize) -> Result<E::Memory, Failure> {
    assert!(lines.is_power_of_two() && lines <= 1 << 25, "a ring of {lines} lines");
    const LINE: usize = 128 / 4;
    // A full period: the factor is one more than a multiple of four, and the addend is odd (Hull and Dobell
    // 1962).
    let next = |line: usize| (line * 1_664_525 + 1_013_904_223) % lines;
    let mut elements = vec![0u32; LINE * lines];
    for line in 0..lines {
        elements[LINE * line] = 128 * next(line) as u32;
    }
    let memory = executor.zeros(128 * lines)?;
    executor.write(&memory, 0, bytemuck::cast_slice(&elements))?;
    Ok(memory)
}

/// Launches `blocks` blocks that read a ring of `len` vectors of 16 bytes at `from`; `len` is a power of two.
/// Returns the bytes that they read. `result` has room for an `f32` of each thread.
///
/// # Errors
/// Any failure of the executor.
pub fn read<E: Executor>(
    executor: &E,
    from: Address,
    len: usize,
    result: Address,
    blocks: usize,
    count: usize,
) -> Result<u64, Failure> {
    assert!(len.is_power_of_two(), "a ring of {len} vectors");
    let arguments = kernel::ProbeRead { from, result, len: len as u64, count: count as u64 };
    launch(executor, &Kernel::plain::<kernel::ProbeRead>(), &arguments, blocks)?;
    Ok((blocks * THREADS as usize * count * 4 * 16) as u64)
}

/// A launch that does nothing: the kernel and the bytes of its arguments.
pub fn nothing() -> (Kernel, Vec<u8>) {
    peak::copy_of_nothing()
}

/// The bytes of device memory that [`busy`] uses.
pub const BUSY_BYTES: usize = 4096;

/// A launch that keeps a multiprocessor busy for `count` times `LINKS` dependent multiply-adds: the kernel
/// and the bytes of its arguments.
pub fn busy(memory: Address, count: usize) -> (Kernel, Vec<u8>) {
    let arguments = kernel::ProbeChain {
        x: memory,
        ring: nullable(None),
        result: memory + 1024,
        clocks: memory + 2048,
        count: count as u64,
        zero: 0,
    };
    (Chains::one(ChainOf::MultiplyAdd, 32).kernel(), bytemuck::bytes_of(&arguments).to_vec())
}

/// The kernel with chains of one instruction in each thread of a block.
fn probe_chain(of: ChainOf, chains: u32, threads: u32) -> Kernel {
    let constants = [("WHAT", of as u32), ("CHAINS", chains), ("THREADS", threads)];
    Kernel::new::<kernel::ProbeChain>(None, &constants)
}

/// Every kernel of the probes.
pub(super) fn every_kernel() -> Vec<Kernel> {
    let intrinsics = Intrinsic::ALL.into_iter().map(Intrinsic::kernel);
    let latencies = LATENCIES.iter().map(|(_, chains)| chains.kernel());
    let rates = RATES.iter().map(|(_, chains, _)| chains.kernel());
    intrinsics.chain(latencies).chain(rates).chain([Kernel::plain::<kernel::ProbeRead>()]).collect()
}

/// The kernels and their arguments.
mod kernel {
    super::super::kernel::kernels! {
        ProbeChain, "probe chain", "probe_chain", [] {
            "const float*": x;
            "const unsigned*": ring;
            "float*": result;
            "unsigned long long*": clocks;
            "unsigned": count zero;
        }
        ProbeRead, "probe read", "probe_read", [] {
            "const float4*": from;
            "float*": result;
            "unsigned": len count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// The figures of an H100 are the possible ones. The others are of a chain that its compiler removed.
    #[test]
    fn a_figure_that_no_gpu_can_have_is_an_error_with_the_probes_name() {
        assert_eq!(latency("rcp", 6400, 6400).unwrap(), 1.0);
        assert!((latency("rcp", 108_825, 6400).unwrap() - 17.0).abs() < 0.01);
        assert!((rate("fma", 103_732, 409_600).unwrap() - 3.949).abs() < 0.001);
        assert_eq!(rate("fma", 102_400, 409_600).unwrap(), 4.0);
        for error in [
            latency("rcp", 2, 6400).unwrap_err(),
            latency("rcp", 6399, 6400).unwrap_err(),
            rate("rcp", 47, 409_600).unwrap_err(),
            rate("rcp", 102_399, 409_600).unwrap_err(),
        ] {
            assert_eq!(error.kind, ErrorKind::Numerical);
            assert!(error.message.contains("the probe of rcp"), "{error}");
        }
    }

    /// `SharedAndBarrier` is SHARED_AND_BARRIER, `LoadShared4` LOAD_SHARED_4.
    fn macro_name(variant: &str) -> String {
        let mut name = String::new();
        let mut before = 'A';
        for c in variant.chars() {
            let begins = c.is_uppercase()
                || c.is_ascii_digit() && variant.starts_with("LoadShared") && !before.is_ascii_digit();
            if begins && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_uppercase());
            before = c;
        }
        name
    }

    #[test]
    fn the_kernels_and_rust_number_the_probes_alike() {
        let defines = |text: &str, variant: &str, number: u32| {
            let line = format!("#define {} {number}\n", macro_name(variant));
            assert!(text.contains(&line), "no {line}");
        };
        for intrinsic in Intrinsic::ALL {
            let text = intrinsic.kernel().text();
            defines(&text, &format!("{intrinsic:?}"), intrinsic as u32);
        }
        for (_, chains) in LATENCIES {
            let text = chains.kernel().text();
            defines(&text, &format!("{:?}", chains.of), chains.of as u32);
            assert!(text.contains(&format!("#define LINKS {LINKS} ")));
        }
    }
}
