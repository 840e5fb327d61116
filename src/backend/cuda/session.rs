//! Calls to a device, until it is lost.

use super::executor::{Executor, Failure, Launch};
use super::kernel::{Arguments, Kernel};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::Work;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A device in use.
pub(crate) struct Session<E: Executor> {
    /// The device.
    pub executor: E,
    /// Bytes of all memory that is allocated.
    pub held: Arc<AtomicU64>,
    /// Why the device is lost, if it is.
    lost: OnceLock<Error>,
    /// The last launch: its kernel and grid. Launches are asynchronous, so an error shows at a later
    /// call.
    last: Mutex<Option<(Kernel, [u32; 3])>>,
}

impl<E: Executor> Session<E> {
    /// A session with a device.
    pub fn new(executor: E) -> Self {
        Session { executor, held: Arc::default(), lost: OnceLock::new(), last: Mutex::default() }
    }

    /// The name of the device.
    pub fn describe(&self) -> String {
        self.executor.describe()
    }

    /// Calls the device, unless it is lost. `what` names the call in errors.
    ///
    /// # Errors
    /// [`ErrorKind::Device`] if the device is lost or has too little memory, or the error with which
    /// it refused.
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
            .hint("use a smaller `batch`, or a smaller `folds_at_once`")
        };
        self.call_with(&what, out_of_memory, work)
    }

    /// Like `call`, with the error for an allocation that does not fit.
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
                    Some((kernel, [x, y, z])) => format!(
                        "last launched: {}, {x} x {y} x {z} blocks of {} threads",
                        kernel.name(),
                        kernel.threads()
                    ),
                };
                let device = self.describe();
                let error = Error::new(ErrorKind::Device, format!("{device}: {why}, in {}; {last}", what())).hint(
                    "the contents of the device are lost: resume the run from its last checkpoint (`engine train --resume RUN`); \
                     with CUDA_LAUNCH_BLOCKING=1 the error names the launch that failed",
                );
                self.lost.get_or_init(|| error).clone()
            }
        })
    }

    /// Launches a kernel under its own label.
    ///
    /// # Errors
    /// See [`Session::launch_as`].
    pub fn launch<A: Arguments>(
        &self,
        kernel: &Kernel,
        arguments: &A,
        grid: [usize; 3],
        work: Work,
    ) -> Result<()> {
        self.launch_as(kernel.label, kernel, arguments, grid, work)
    }

    /// Launches a kernel under a label. A grid without blocks launches nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Device`] if the grid or an argument exceeds its limit, and any error of
    /// [`Session::call`].
    pub fn launch_as<A: Arguments>(
        &self,
        label: &'static str,
        kernel: &Kernel,
        arguments: &A,
        grid: [usize; 3],
        work: Work,
    ) -> Result<()> {
        // CUDA limits y and z to 2^16 - 1 blocks. The limit in x is ours: kernels count threads in 32 bits.
        if grid[0].saturating_mul(kernel.threads() as usize) > u32::MAX as usize
            || grid[1] > 0xffff
            || grid[2] > 0xffff
        {
            return Err(Error::new(
                ErrorKind::Device,
                format!("{label}: {grid:?} blocks are more than CUDA launches at once"),
            )
            .hint("use a smaller `batch`, or a smaller `folds_at_once`"));
        }
        let grid = grid.map(|blocks| blocks as u32);
        if grid.contains(&0) {
            return Ok(());
        }
        refuse_wide_arguments(label, arguments)?;
        let arguments = bytemuck::bytes_of(arguments);
        self.call(
            || format!("the launch of {}", kernel.name()),
            |executor| executor.launch(&Launch { label, kernel, arguments, grid, work }),
        )?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((kernel.clone(), grid));
        Ok(())
    }
}

/// Refuses an argument that the kernel takes as 32 bits and that has more.
fn refuse_wide_arguments<A: Arguments>(label: &str, arguments: &A) -> Result<()> {
    let fields = bytemuck::bytes_of(arguments).as_chunks::<8>().0;
    for ((kind, name), field) in A::FIELDS.iter().zip(fields) {
        let value = u64::from_ne_bytes(*field);
        if *kind == "unsigned" && value > u64::from(u32::MAX) {
            return Err(Error::new(ErrorKind::Device, format!("{label}: {name} is {value}, beyond 32 bits"))
                .hint("use a smaller `batch`, or a smaller `folds_at_once`"));
        }
    }
    Ok(())
}
