//! Asking something of a device, until it is lost.

use super::executor::{Executor, Failure, Launch};
use super::kernel::{Arguments, Kernel};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::Work;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A device while it is used.
pub struct Session<E: Executor> {
    pub executor: E,
    /// Bytes of all memory there is.
    pub held: Arc<AtomicU64>,
    /// Why nothing can be asked of the device any more.
    lost: OnceLock<Error>,
    /// The last launch: a fault shows later than where it happened.
    last: Mutex<Option<(String, [u32; 3], u32)>>,
}

impl<E: Executor> Session<E> {
    pub fn new(executor: E) -> Self {
        Session { executor, held: Arc::default(), lost: OnceLock::new(), last: Mutex::default() }
    }

    pub fn describe(&self) -> String {
        self.executor.describe()
    }

    /// Asks something of the device, unless it is lost; `what` it was, for the error.
    pub fn call<T>(
        &self,
        what: impl Fn() -> String,
        work: impl FnOnce(&E) -> Result<T, Failure>,
    ) -> Result<T> {
        let out_of_memory = |free: u64, total: u64| {
            Error::new(
                ErrorKind::Device,
                format!(
                    "{}: no memory left for {}: {free} of {total} bytes are free",
                    self.describe(),
                    what()
                ),
            )
            .hint("train with a smaller `--batch`, or fewer models at once with `--folds-at-once`")
        };
        self.call_with(&what, out_of_memory, work)
    }

    /// As `call`, with the error for memory that is not there.
    pub fn call_with<T>(
        &self,
        what: impl Fn() -> String,
        out_of_memory: impl FnOnce(u64, u64) -> Error,
        work: impl FnOnce(&E) -> Result<T, Failure>,
    ) -> Result<T> {
        if let Some(error) = self.lost.get() {
            return Err(error.clone());
        }
        work(&self.executor).map_err(|failure| match failure {
            Failure::Refused(error) => error,
            Failure::OutOfMemory { free, total } => out_of_memory(free, total),
            Failure::Lost(why) => {
                let last = match &*self.last.lock().unwrap_or_else(PoisonError::into_inner) {
                    None => "before any launch".to_string(),
                    Some((name, [x, y, z], threads)) => {
                        format!("last launched: {name}, {x} x {y} x {z} blocks of {threads} threads")
                    }
                };
                let device = self.describe();
                let error = Error::new(ErrorKind::Device, format!("{device}: {why}, in {}; {last}", what())).hint(
                    "what the device holds is lost and nothing more is asked of it: go on from the last checkpoint with \
                     `--resume`; CUDA_LAUNCH_BLOCKING=1 makes the fault show at its own launch",
                );
                self.lost.get_or_init(|| error).clone()
            }
        })
    }

    pub fn launch<A: Arguments>(
        &self,
        kernel: &Kernel,
        arguments: &A,
        grid: [usize; 3],
        work: Work,
    ) -> Result<()> {
        self.launch_as(kernel.label, kernel, arguments, grid, work)
    }

    pub fn launch_as<A: Arguments>(
        &self,
        label: &'static str,
        kernel: &Kernel,
        arguments: &A,
        grid: [usize; 3],
        work: Work,
    ) -> Result<()> {
        // CUDA's limit is 2^16 - 1 blocks in y and z; in x it is ours, since kernels count their threads in
        // 32 bits.
        if grid[0].saturating_mul(kernel.threads() as usize) > u32::MAX as usize
            || grid[1] > 0xffff
            || grid[2] > 0xffff
        {
            return Err(Error::new(
                ErrorKind::Device,
                format!("{label}: {grid:?} blocks are more than CUDA launches at once"),
            )
            .hint("use a smaller `--batch`, or fewer models at once with `--folds-at-once`"));
        }
        let grid = grid.map(|blocks| blocks as u32);
        if grid.contains(&0) {
            return Ok(());
        }
        refuse_wide_numbers(label, arguments)?;
        let arguments = bytemuck::bytes_of(arguments);
        self.call(
            || format!("the launch of {}", kernel.name()),
            |executor| executor.launch(&Launch { label, kernel, arguments, grid, work }),
        )?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((kernel.name(), grid, kernel.threads()));
        Ok(())
    }
}

/// A number of 32 bits in the kernel must not lose its upper half on the way there.
fn refuse_wide_numbers<A: Arguments>(label: &str, arguments: &A) -> Result<()> {
    let words = bytemuck::bytes_of(arguments).as_chunks::<8>().0;
    for ((kind, name), word) in A::FIELDS.iter().zip(words) {
        let number = u64::from_ne_bytes(*word);
        if *kind == "unsigned" && number > u64::from(u32::MAX) {
            return Err(Error::new(
                ErrorKind::Device,
                format!("{label}: {name} is {number}, beyond 32 bits"),
            )
            .hint("use a smaller `--batch`, or fewer models at once with `--folds-at-once`"));
        }
    }
    Ok(())
}
