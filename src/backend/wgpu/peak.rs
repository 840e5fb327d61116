//! What this device could do at most, measured.

use super::blocks::grid;
use super::gpu::{Gpu, Launch};
use super::kernel::parameters;
use super::memory::Buf;
use crate::backend::Peak;
use crate::error::Result;
use crate::ops::Work;
use std::time::{Duration, Instant};

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
/// A try should take about as long.
const TRY: Duration = Duration::from_millis(20);
/// The best try of this time counts.
const PATIENCE: Duration = Duration::from_millis(300);

pub fn peak(gpu: &Gpu) -> Result<Peak> {
    let result = Buf::<f32>::zeros(gpu, 4 * 64 * GROUPS)?;
    let compute = |count: usize| {
        gpu.launch(Launch {
            kernel: kernel::peak_compute::<Compute>(&[("CHAINS", CHAINS as u32)]),
            parameters: bytemuck::bytes_of(&Compute { count: count as u32 }),
            operands: &[result.all()],
            grid: grid(GROUPS, 1),
            work: Work::default(),
        })
    };
    let gflops = best(gpu, 2 * 4 * CHAINS * 64 * GROUPS, compute)?;
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
        })
    };
    let gbytes = best(gpu, 2 * 16 * COPIED, memory)?;
    Ok(Peak { gflops, gbytes })
}

/// 10^9 a second of the fastest try, of work that does `each` times as much as it is told to.
fn best(gpu: &Gpu, each: usize, work: impl Fn(usize) -> Result<()>) -> Result<f64> {
    let time = |count: usize| -> Result<Duration> {
        let start = Instant::now();
        work(count)?;
        gpu.wait()?;
        Ok(start.elapsed())
    };
    time(1)?;
    let mut count = 1;
    while time(count)? < TRY {
        count *= 2;
    }
    let (begin, mut fastest) = (Instant::now(), Duration::MAX);
    while begin.elapsed() < PATIENCE {
        fastest = fastest.min(time(count)?);
    }
    Ok((count * each) as f64 / fastest.as_secs_f64() / 1e9)
}

/// The kernels.
mod kernel {
    super::super::kernel::kernels! {
        peak_compute, "peak compute", "peak_compute", [];
        peak_memory, "peak memory", "peak_memory", [];
    }
}
