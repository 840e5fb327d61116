//! Calls to a device, until it is lost: at once, or recorded in a scope and issued as one.

use super::executor::{Executor, Failure, Launch};
use super::kernel::{Arguments, Kernel};
use super::launches::Launches;
use super::recording::{List, Recording};
use super::replay::{Known, Replay};
use crate::backend::Timeline;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::Work;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A device in use.
///
/// In a scope ([`Session::as_one`]) small copies to the device and launches are recorded. They are issued at
/// the end of the scope, the launches as a graph, or before any other call: so all work is done in the order
/// in which it was asked for, whichever thread asked.
pub(crate) struct Session<E: Executor> {
    /// The device.
    pub executor: E,
    /// Bytes of all memory that is allocated.
    pub held: Arc<AtomicU64>,
    /// The work that was not issued yet.
    pub(super) recording: Arc<Mutex<Recording<E>>>,
    /// The lists of launches that may become graphs; none if launches are issued one by one.
    graphs: Option<Mutex<Replay<E::Graph>>>,
    /// Why the device is lost, if it is.
    lost: OnceLock<Error>,
    /// The last work that was issued. Launches are asynchronous, so an error shows at a later call.
    last: Mutex<Option<Last>>,
}

/// Work that was issued.
struct Last {
    /// The number of launches, if it was a graph.
    graph: Option<usize>,
    /// The kernel and the grid of the last launch.
    kernel: Kernel,
    grid: [u32; 3],
}

impl<E: Executor> Session<E> {
    /// A session with a device.
    pub fn new(executor: E) -> Self {
        Session {
            executor,
            held: Arc::default(),
            recording: Arc::default(),
            graphs: Some(Mutex::default()),
            lost: OnceLock::new(),
            last: Mutex::default(),
        }
    }

    /// Issues launches one by one from now on.
    pub fn disable_graphs(&mut self) {
        self.graphs = None;
    }

    /// The name of the device.
    pub fn describe(&self) -> String {
        self.executor.describe()
    }

    /// Records what `work` asks for, and issues it as one when `work` returns.
    ///
    /// # Errors
    /// The error of `work`, or of what it asked for. Launches that it asked for before its error are issued.
    pub fn as_one<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        Recording::lock(&self.recording).scopes += 1;
        let mut scope = Scope { session: self, is_open: true };
        let result = work();
        let issued = scope.close(result.is_ok());
        let value = result?;
        issued.map(|()| value)
    }

    /// Calls the device, unless it is lost, after what was recorded. `what` names the call in errors.
    ///
    /// # Errors
    /// [`ErrorKind::Device`] if the device is lost or has too little memory, or the error with which
    /// it refused.
    pub fn call<T>(
        &self,
        what: impl Fn() -> String,
        work: impl FnOnce(&E) -> Result<T, Failure>,
    ) -> Result<T> {
        self.issue(&mut Recording::lock(&self.recording), false)?;
        self.call_now(what, work)
    }

    /// Like `call`, with the error for an allocation that does not fit.
    pub fn call_with<T>(
        &self,
        what: impl Fn() -> String,
        out_of_memory: impl FnOnce(u64, u64) -> Error,
        work: impl FnOnce(&E) -> Result<T, Failure>,
    ) -> Result<T> {
        self.issue(&mut Recording::lock(&self.recording), false)?;
        self.checked(what, out_of_memory, work)
    }

    /// Like `call`, but leaves what was recorded.
    fn call_now<T>(
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
        self.checked(&what, out_of_memory, work)
    }

    /// Calls the device, unless it is lost, and gives its failures their errors.
    fn checked<T>(
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
                    Some(Last { graph, kernel, grid: [x, y, z] }) => format!(
                        "last launched: {}{}, {x} x {y} x {z} blocks of {} threads",
                        graph.map_or_else(String::new, |n| format!("a graph of {n} launches, the last of them ")),
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

    /// Copies `bytes` to the memory, from its byte `offset` on. Up to `len` bytes may be written, the rest
    /// of them zeros.
    ///
    /// # Errors
    /// Any of [`Session::call`].
    pub fn write(&self, memory: &Arc<E::Memory>, offset: usize, bytes: &[u8], len: usize) -> Result<()> {
        let mut recording = Recording::lock(&self.recording);
        if recording.takes(len) {
            if !recording.list.launches.is_empty() {
                self.issue(&mut recording, false)?;
            }
            recording.list.uploads.add(memory, offset, bytes, len);
            return Ok(());
        }
        self.issue(&mut recording, false)?;
        drop(recording);
        self.upload(memory, offset, bytes)
    }

    fn upload(&self, memory: &E::Memory, offset: usize, bytes: &[u8]) -> Result<()> {
        let what = || format!("a copy of {} bytes to the device", bytes.len());
        self.call_now(what, |executor| executor.write(memory, offset, bytes))
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
        let launch = Launch { label, kernel, arguments: bytemuck::bytes_of(arguments), grid, work };
        let mut recording = Recording::lock(&self.recording);
        if recording.scopes > 0 && self.graphs.is_some() && !self.times_launches() {
            recording.list.launches.add(&launch);
            return Ok(());
        }
        self.issue(&mut recording, false)?;
        drop(recording);
        self.launch_now(&launch)
    }

    /// Whether each launch is timed by itself, and so issued by itself.
    fn times_launches(&self) -> bool {
        self.executor.timeline().is_some_and(Timeline::is_recording)
    }

    fn launch_now(&self, launch: &Launch) -> Result<()> {
        let what = || format!("the launch of {}", launch.kernel.name());
        self.call_now(what, |executor| executor.launch(launch))?;
        self.launched(None, launch);
        Ok(())
    }

    /// Notes the last work that was issued.
    fn launched(&self, graph: Option<usize>, launch: &Launch) {
        let last = Last { graph, kernel: launch.kernel.clone(), grid: launch.grid };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }

    /// Issues what was recorded; the launches of a whole scope as a graph if they were issued before. After
    /// an error nothing of it is left.
    fn issue(&self, recording: &mut Recording<E>, whole: bool) -> Result<()> {
        if recording.list.is_empty() {
            return Ok(());
        }
        let List { uploads, launches, dropped } = std::mem::take(&mut recording.list);
        uploads.iter().try_for_each(|(memory, offset, bytes)| self.upload(memory, offset, bytes))?;
        match &self.graphs {
            Some(graphs) if whole && !launches.is_empty() => {
                self.replay(&mut graphs.lock().unwrap_or_else(PoisonError::into_inner), launches)?;
            }
            _ => launches.iter().try_for_each(|launch| self.launch_now(&launch))?,
        }
        // Only now: the device frees memory after the work that was issued before.
        drop(dropped);
        Ok(())
    }

    /// Issues a list of launches: one by one the first time, from then on as a graph. A graph has the same
    /// kernels, grids and arguments as the list, and so gives the same bits.
    fn replay(&self, graphs: &mut Replay<E::Graph>, launches: Launches) -> Result<()> {
        let what = || format!("a graph of {} launches", launches.iter().len());
        let graph = match graphs.take(&launches) {
            None => {
                launches.iter().try_for_each(|launch| self.launch_now(&launch))?;
                graphs.put(Known { launches, graph: None });
                return Ok(());
            }
            Some(Known { graph: None, .. }) => {
                let list: Vec<Launch> = launches.iter().collect();
                self.call_now(what, |executor| executor.graph(&list))
            }
            Some(Known { graph: Some(mut graph), launches: before }) => {
                let pairs = before.iter().zip(launches.iter()).enumerate();
                let mut differ = pairs.filter(|(_, (before, now))| before.arguments != now.arguments);
                let set = differ.try_for_each(|(i, (_, launch))| {
                    self.call_now(what, |executor| executor.set_arguments(&mut graph, i, &launch))
                });
                set.map(|()| graph)
            }
        };
        let mut graph = graph?;
        self.call_now(what, |executor| executor.launch_graph(&mut graph))?;
        if let Some(last) = launches.iter().next_back() {
            self.launched(Some(launches.iter().len()), &last);
        }
        graphs.put(Known { launches, graph: Some(graph) });
        Ok(())
    }
}

/// A scope in which work is recorded.
struct Scope<'a, E: Executor> {
    session: &'a Session<E>,
    is_open: bool,
}

impl<E: Executor> Scope<'_, E> {
    /// Closes it and issues what was recorded; as one if it is `whole`, and no other thread has a scope.
    fn close(&mut self, whole: bool) -> Result<()> {
        let mut recording = Recording::lock(&self.session.recording);
        let is_last = recording.scopes == 1;
        let issued = self.session.issue(&mut recording, whole && is_last);
        recording.scopes -= 1;
        self.is_open = false;
        issued
    }
}

impl<E: Executor> Drop for Scope<'_, E> {
    fn drop(&mut self) {
        if self.is_open {
            // Only a panic comes here, and it is the greater error.
            let _ = self.close(false);
        }
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
