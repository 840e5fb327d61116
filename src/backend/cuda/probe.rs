//! Kernels that ask something of the device itself: what each intrinsic of `intrinsics.cu` gives, and what one
//! instruction costs.

use super::executor::{Executor, Failure, Launch};
use super::kernel::{Arguments, Kernel, THREADS};
use super::peak;
use crate::ops::Work;

/// What `probe_intrinsic.cu` tries: the functions of `intrinsics.cu`, and those of CUDA that kernels rely on to
/// the bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intrinsic {
    RoundTf32,
    RoundBf16,
    TanhApproximate,
    Exp2Approximate,
    ReciprocalApproximate,
    MmaBf16,
    MmaTf32,
    LoadMatrices,
    SharedAndBarrier,
    Clock,
    MultiplyHigh,
    FusedMultiplyAdd,
    MultiplyThenAdd,
    Divide,
}

impl Intrinsic {
    pub const ALL: [Intrinsic; 14] = [
        Intrinsic::RoundTf32,
        Intrinsic::RoundBf16,
        Intrinsic::TanhApproximate,
        Intrinsic::Exp2Approximate,
        Intrinsic::ReciprocalApproximate,
        Intrinsic::MmaBf16,
        Intrinsic::MmaTf32,
        Intrinsic::LoadMatrices,
        Intrinsic::SharedAndBarrier,
        Intrinsic::Clock,
        Intrinsic::MultiplyHigh,
        Intrinsic::FusedMultiplyAdd,
        Intrinsic::MultiplyThenAdd,
        Intrinsic::Divide,
    ];

    /// How many words a lane takes, and how many it gives.
    pub fn words(self) -> (u32, u32) {
        match self {
            // Of A four, of B two, of the sums four.
            Intrinsic::MmaBf16 | Intrinsic::MmaTf32 => (10, 4),
            // A row, and the number of the row that is asked for.
            Intrinsic::LoadMatrices => (5, 4),
            Intrinsic::SharedAndBarrier | Intrinsic::Clock => (1, 3),
            Intrinsic::MultiplyHigh | Intrinsic::Divide => (2, 1),
            Intrinsic::FusedMultiplyAdd | Intrinsic::MultiplyThenAdd => (3, 1),
            _ => (1, 1),
        }
    }

    /// What a warp makes of `x`, lane by lane as often as there are words for; the words of each lane are
    /// together.
    pub fn of_a_warp<E: Executor>(self, executor: &E, x: &[u32]) -> Result<Vec<u32>, Failure> {
        let (operands, results) = self.words();
        let count = x.len() / (32 * operands as usize);
        assert_eq!(x.len(), count * 32 * operands as usize, "words of whole warps");
        let (from, to) = (executor.zeros(4 * x.len())?, executor.zeros(4 * count * 32 * results as usize)?);
        executor.write(&from, bytemuck::cast_slice(x))?;
        let arguments = kernel::ProbeIntrinsic {
            x: executor.address(&from),
            y: executor.address(&to),
            count: count as u64,
        };
        launch(executor, &probe_intrinsic(self), &arguments, 1)?;
        let mut y = vec![0; count * 32 * results as usize];
        executor.read(&to, bytemuck::cast_slice_mut(&mut y))?;
        executor.wait()?;
        Ok(y)
    }
}

/// What the links of `probe_chain.cu` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainOf {
    MultiplyAdd,
    Tanh,
    Exp2,
    Reciprocal,
    MmaBf16,
    MmaTf32,
    LoadShared4,
    LoadShared16,
    LoadMatrices,
    Barrier,
    /// A store to shared memory, a barrier, and a load of what a neighbor stored.
    RoundTrip,
    /// A load from where the last one said.
    LoadGlobal,
}

/// Links that a thread's chains have for each `count`: LINKS of `probe_chain.cu`.
pub const LINKS: usize = 64;

/// Chains of one instruction in the threads of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chains {
    pub of: ChainOf,
    /// Of a thread.
    pub chains: u32,
    pub threads: u32,
}

/// Those whose latency is asked for: one chain, of one warp unless the instruction is the block's.
pub const LATENCIES: [(&str, Chains); 16] = {
    use ChainOf::*;
    [
        ("fma", Chains::one(MultiplyAdd, 32)),
        ("tanh.approx", Chains::one(Tanh, 32)),
        ("ex2.approx", Chains::one(Exp2, 32)),
        ("rcp.approx", Chains::one(Reciprocal, 32)),
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

/// Those whose rate is asked for: four warps a scheduler, enough chains to hide every latency, and the bytes
/// or multiply-adds of a warp's instruction.
pub const RATES: [(&str, Chains, u64); 9] = {
    use ChainOf::*;
    [
        ("fma", Chains::many(MultiplyAdd), 32),
        ("tanh.approx", Chains::many(Tanh), 0),
        ("ex2.approx", Chains::many(Exp2), 0),
        ("rcp.approx", Chains::many(Reciprocal), 0),
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

    pub fn kernel(&self) -> Kernel {
        probe_chain(self.of, self.chains, self.threads)
    }

    /// Cycles of a multiprocessor, from its first warp's start to its last one's end, for `count` times
    /// `LINKS` links of each chain. A chain of loads walks the ring at an address.
    pub fn cycles<E: Executor>(&self, executor: &E, ring: u64, count: usize) -> Result<u64, Failure> {
        self.cycles_from(executor, ring, 0, count)
    }

    /// The same, where a chain of loads begins `start` bytes into the ring: other chains are to begin at 0.
    pub fn cycles_from<E: Executor>(
        &self,
        executor: &E,
        ring: u64,
        start: u32,
        count: usize,
    ) -> Result<u64, Failure> {
        let warps = self.threads as usize / 32;
        let x = executor.zeros(8)?;
        executor.write(&x, bytemuck::cast_slice(&[0.5f32, 1.0]))?;
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
        executor.read(&clocks, bytemuck::cast_slice_mut(&mut read))?;
        executor.wait()?;
        let start = read.iter().step_by(2).min().expect("a block has a warp");
        let end = read.iter().skip(1).step_by(2).max().expect("a block has a warp");
        end.checked_sub(*start).filter(|&cycles| cycles > 0).ok_or_else(|| {
            Failure::Lost(format!("{}: the clock went from {start} to {end}", self.kernel().name()))
        })
    }
}

/// A ring of `lines` lines of 128 bytes for a chain of loads: each line says how far from the start another
/// one is, and the walk comes by all of them in no order that a cache could guess. `lines` is a power of two.
pub fn ring<E: Executor>(executor: &E, lines: usize) -> Result<E::Memory, Failure> {
    assert!(lines.is_power_of_two() && lines <= 1 << 25, "a ring of {lines} lines");
    const WORDS: usize = 128 / 4;
    // Every number once: the factor is one more than a multiple of four, the addend odd (Hull and Dobell
    // 1962).
    let next = |line: usize| (line * 1_664_525 + 1_013_904_223) % lines;
    let mut words = vec![0u32; WORDS * lines];
    for line in 0..lines {
        words[WORDS * line] = 128 * next(line) as u32;
    }
    let memory = executor.zeros(128 * lines)?;
    executor.write(&memory, bytemuck::cast_slice(&words))?;
    Ok(memory)
}

/// Asks `blocks` blocks to read a ring of `len` vectors of 16 bytes at `from`, a power of two; returns how
/// many bytes that is. `result` has room for a number of each thread.
pub fn read<E: Executor>(
    executor: &E,
    from: u64,
    len: usize,
    result: u64,
    blocks: usize,
    count: usize,
) -> Result<u64, Failure> {
    assert!(len.is_power_of_two(), "a ring of {len} vectors");
    let arguments = kernel::ProbeRead { from, result, len: len as u64, count: count as u64 };
    launch(executor, &Kernel::plain::<kernel::ProbeRead>(), &arguments, blocks)?;
    Ok((blocks * THREADS as usize * count * 4 * 16) as u64)
}

/// A launch that does nothing, with the bytes of its arguments.
pub fn nothing() -> (Kernel, Vec<u8>) {
    peak::copy_of_nothing()
}

/// Bytes of device memory that `busy` works in.
pub const BUSY_BYTES: usize = 4096;

/// A launch that keeps a multiprocessor busy for `count` times `LINKS` multiply-adds, one after the other,
/// and its arguments.
pub fn busy(memory: u64, count: usize) -> (Kernel, Vec<u8>) {
    let arguments = kernel::ProbeChain {
        x: memory,
        ring: 0,
        result: memory + 1024,
        clocks: memory + 2048,
        count: count as u64,
        zero: 0,
    };
    (Chains::one(ChainOf::MultiplyAdd, 32).kernel(), bytemuck::bytes_of(&arguments).to_vec())
}

/// One intrinsic, tried by one warp.
fn probe_intrinsic(intrinsic: Intrinsic) -> Kernel {
    let (operands, results) = intrinsic.words();
    let constants =
        [("INTRINSIC", intrinsic as u32), ("OPERANDS", operands), ("RESULTS", results), ("THREADS", 32)];
    Kernel::new::<kernel::ProbeIntrinsic>(None, &constants)
}

/// Chains of one instruction in each thread of a block.
fn probe_chain(of: ChainOf, chains: u32, threads: u32) -> Kernel {
    let constants = [("WHAT", of as u32), ("CHAINS", chains), ("THREADS", threads)];
    Kernel::new::<kernel::ProbeChain>(None, &constants)
}

/// For the compile gate.
pub fn every_kernel() -> Vec<Kernel> {
    let intrinsics = Intrinsic::ALL.into_iter().map(probe_intrinsic);
    let latencies = LATENCIES.iter().map(|(_, chains)| chains.kernel());
    let rates = RATES.iter().map(|(_, chains, _)| chains.kernel());
    intrinsics.chain(latencies).chain(rates).chain([Kernel::plain::<kernel::ProbeRead>()]).collect()
}

fn launch<E: Executor, A: Arguments>(
    executor: &E,
    kernel: &Kernel,
    arguments: &A,
    blocks: usize,
) -> Result<(), Failure> {
    let launch = Launch {
        label: A::LABEL,
        kernel,
        arguments: bytemuck::bytes_of(arguments),
        grid: [blocks as u32, 1, 1],
        work: Work::default(),
    };
    executor.launch(&launch)
}

/// The kernels and their arguments.
mod kernel {
    super::super::kernel::kernels! {
        ProbeIntrinsic, "probe intrinsic", "probe_intrinsic", [] {
            "const unsigned*": x;
            "unsigned*": y;
            "unsigned": count;
        }
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
    fn the_kernels_number_what_they_probe_as_rust_does() {
        let defines = |text: &str, variant: &str, number: u32| {
            let line = format!("#define {} {number}\n", macro_name(variant));
            assert!(text.contains(&line), "no {line}");
        };
        for intrinsic in Intrinsic::ALL {
            let text = probe_intrinsic(intrinsic).text();
            defines(&text, &format!("{intrinsic:?}"), intrinsic as u32);
        }
        for (_, chains) in LATENCIES {
            let text = chains.kernel().text();
            defines(&text, &format!("{:?}", chains.of), chains.of as u32);
            assert!(text.contains(&format!("#define LINKS {LINKS} ")));
        }
    }
}
