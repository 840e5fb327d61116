//! Measures the peak arithmetic throughput and memory bandwidth of an adapter.

use super::blocks::grid;
use super::gpu::{Gpu, Launch};
use super::kernel::parameters;
use super::memory::Buf;
use crate::backend::peak::{Peak, fastest_rate};
use crate::error::Result;
use crate::ops::Work;

parameters! {
    Compute { count }
}

parameters! {
    Memory { len }
}

/// Independent chains of an invocation, vectors of four each.
const CHAINS: usize = 8;
/// Workgroups of 64: enough for any GPU.
const GROUPS: usize = 2048;
/// Vectors that are copied: 32 MiB.
const COPIED: usize = 2 << 20;

pub fn peak(gpu: &Gpu) -> Result<Peak> {
    let result = Buf::<f32>::zeros(gpu, 4 * 64 * GROUPS)?;
    let compute = |count: usize| {
        gpu.launch(Launch {
            kernel: kernel::peak_compute::<Compute>(&[("CHAINS", CHAINS as u32)]),
            parameters: bytemuck::bytes_of(&Compute { count: count as u32 }),
            operands: &[result.all()],
            grid: grid(GROUPS, 1),
            work: Work::default(),
        })?;
        gpu.wait()
    };
    let gflops = fastest_rate(2 * 4 * CHAINS * 64 * GROUPS, compute)?;
    let (from, to) = (Buf::<f32>::zeros(gpu, 4 * COPIED)?, Buf::<f32>::zeros(gpu, 4 * COPIED)?);
    let memory = |count: usize| {
        (0..count).try_for_each(|_| {
            gpu.launch(Launch {
                kernel: kernel::peak_memory::<Memory>(&[]),
                parameters: bytemuck::bytes_of(&Memory { len: COPIED as u32 }),
                operands: &[from.all(), to.all()],
                grid: grid(COPIED / 64, 1),
                work: Work::default(),
            })
        })?;
        gpu.wait()
    };
    let gbytes = fastest_rate(2 * 16 * COPIED, memory)?;
    Ok(Peak { gflops, gbytes })
}

/// The kernels.
mod kernel {
    super::super::kernel::kernels! {
        peak_compute, "peak compute", "peak_compute", [];
        peak_memory, "peak memory", "peak_memory", [];
    }
}
