//! Launches of the probes.

use super::super::executor::{Executor, Failure, Launch};
use super::super::kernel::{Arguments, Kernel};
use crate::ops::Work;

/// Launches `blocks` blocks of a kernel, outside of any session.
pub(super) fn launch<E: Executor, A: Arguments>(
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
