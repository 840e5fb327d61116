//! Measures the peak arithmetic throughput and memory bandwidth of a device.

use super::executor::Executor;
use super::kernel::{Kernel, NO_F16, THREADS, bits};
use super::memory::Buf;
use super::session::Session;
use crate::backend::Kind;
use crate::backend::peak::{Peak, fastest_rate};
use crate::error::Result;
use crate::ops::{Precision, Work};

/// Independent chains of multiply-adds in a thread or warp.
const CHAINS: u32 = 8;
/// Blocks of a launch: enough to fill any GPU.
const BLOCKS: usize = 2048;
/// Vectors of 16 bytes that a launch copies: 256 MiB, more than any cache holds.
const COPIED: usize = 16 << 20;

/// The peak FLOP and bytes a second, in this precision.
pub(super) fn peak<E: Executor>(session: &Session<E>, precision: Precision) -> Result<Peak> {
    let threads = THREADS as usize;
    let result = Buf::<f32, E>::zeros(session, threads * BLOCKS)?;
    let kernel = peak_compute(precision, CHAINS);
    let wait = || session.call(|| "waiting for the device".into(), E::wait);
    let compute = |count: usize| {
        let arguments = kernel::PeakCompute { result: result.address(), count: count as u64 };
        session.launch(&kernel, &arguments, [BLOCKS, 1, 1], Work::default())?;
        wait()
    };
    // Multiply-adds of one link of a chain in a block: four a thread, or 16 x 8 x depth a warp.
    let each = match precision {
        Precision::Fp32 => 4 * threads,
        Precision::Tf32 => 16 * 8 * 8 * threads / 32,
        Precision::Bf16 => 16 * 8 * 16 * threads / 32,
        Precision::F16 => unreachable!("{NO_F16}"),
    };
    let gflops = fastest_rate(2 * each * CHAINS as usize * BLOCKS, compute)?;
    let (from, to) = (Buf::<f32, E>::zeros(session, 4 * COPIED)?, Buf::<f32, E>::zeros(session, 4 * COPIED)?);
    let kernel = Kernel::plain::<kernel::PeakMemory>();
    let arguments = kernel::PeakMemory { from: from.address(), to: to.address(), len: COPIED as u64 };
    let memory = |count: usize| {
        (0..count).try_for_each(|_| {
            session.launch(&kernel, &arguments, [COPIED / threads, 1, 1], Work::default())
        })?;
        wait()
    };
    let gbytes = fastest_rate(2 * 16 * COPIED, memory)?;
    Ok(Peak { gflops, gbytes })
}

/// The kernel that measures arithmetic throughput.
fn peak_compute(precision: Precision, chains: u32) -> Kernel {
    let constants = [("PRECISION", bits(precision)), ("CHAINS", chains), ("THREADS", THREADS)];
    Kernel::new::<kernel::PeakCompute>(None, &constants)
}

/// A launch that copies nothing, for measuring the overhead: the kernel and its arguments.
pub(super) fn copy_of_nothing() -> (Kernel, Vec<u8>) {
    let arguments = kernel::PeakMemory::default();
    (Kernel::plain::<kernel::PeakMemory>(), bytemuck::bytes_of(&arguments).to_vec())
}

/// Every kernel of the measurement.
pub(super) fn kernels() -> Vec<Kernel> {
    let compute = Kind::Cuda.precisions().iter().map(|&precision| peak_compute(precision, CHAINS));
    compute.chain([Kernel::plain::<kernel::PeakMemory>()]).collect()
}

/// The kernels and their arguments.
mod kernel {
    super::super::kernel::kernels! {
        PeakCompute, "peak compute", "peak_compute", [] {
            "float*": result;
            "unsigned": count;
        }
        PeakMemory, "peak memory", "peak_memory", [] {
            "const float4*": from;
            "float4*": to;
            "unsigned": len;
        }
    }
}
