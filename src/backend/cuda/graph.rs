//! A CUDA graph of launches, each of which follows the one before.
//!
//! It is built node by node. A capture of the stream would also catch what other threads issue meanwhile.

use super::executor::Launch;
use super::shared::Shared;
use cudarc::driver::{CudaFunction, DriverError, result, sys};
use std::ffi::c_void;
use std::sync::Arc;

/// An executable graph.
pub struct Graph {
    /// The graph that `executable` was made from, whose nodes name those of `executable`.
    graph: sys::CUgraph,
    /// Null until it is made.
    executable: sys::CUgraphExec,
    /// For each launch its node, and its function, whose module stays loaded with it.
    nodes: Vec<(sys::CUgraphNode, CudaFunction)>,
    shared: Arc<Shared>,
}

// SAFETY: NVIDIA documents that a graph belongs to no thread, only that calls for one must not overlap; all
// calls that use the handles take `&mut self`.
unsafe impl Send for Graph {}

impl Graph {
    /// A graph of `launches`, with the function of each. The context is bound to this thread.
    pub(super) fn new(
        shared: &Arc<Shared>,
        functions: Vec<CudaFunction>,
        launches: &[Launch],
    ) -> Result<Self, DriverError> {
        let mut handle = std::ptr::null_mut();
        // SAFETY: the driver writes one handle.
        unsafe { sys::cuGraphCreate(&mut handle, 0) }.result()?;
        // From here on `drop` destroys it, after errors too.
        let (executable, nodes) = (std::ptr::null_mut(), Vec::with_capacity(launches.len()));
        let mut graph = Graph { graph: handle, executable, nodes, shared: shared.clone() };
        for (launch, function) in launches.iter().zip(functions) {
            let before: Vec<sys::CUgraphNode> =
                graph.nodes.last().map(|(node, _)| *node).into_iter().collect();
            let mut node = std::ptr::null_mut();
            with_parameters(launch, &function, |parameters| {
                // SAFETY: the graph and the node before exist, and belong together. The driver copies the
                // parameters and their arguments before this returns, and writes one handle.
                unsafe {
                    sys::cuGraphAddKernelNode_v2(
                        &mut node,
                        graph.graph,
                        before.as_ptr(),
                        before.len(),
                        parameters,
                    )
                }
                .result()
            })?;
            graph.nodes.push((node, function));
        }
        // SAFETY: the graph exists, and has kernels only. 0 are no flags.
        graph.executable =
            unsafe { result::graph::instantiate(graph.graph, sys::CUgraphInstantiate_flags(0)) }?;
        Ok(graph)
    }

    /// Gives launch `i` the arguments of `launch`, from the next launch of the graph on.
    pub(super) fn set_arguments(&mut self, i: usize, launch: &Launch) -> Result<(), DriverError> {
        let (node, function) = &self.nodes[i];
        with_parameters(launch, function, |parameters| {
            // SAFETY: the node belongs to the graph that the executable one was made from, and keeps its
            // function. The driver copies the parameters and their arguments before this returns; a launch of
            // the graph that is on its way keeps its own.
            unsafe { sys::cuGraphExecKernelNodeSetParams_v2(self.executable, *node, parameters) }.result()
        })
    }

    /// Launches it.
    ///
    /// # Safety
    /// Each of its launches, with its arguments, could be launched by itself, and the context is bound to
    /// this thread.
    pub(super) unsafe fn launch(&mut self) -> Result<(), DriverError> {
        // SAFETY: both exist: `new` made the graph, and `shared` keeps the stream. The caller guarantees the
        // launches.
        unsafe { result::graph::launch(self.executable, self.shared.stream.cu_stream()) }
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        self.shared.release(|| {
            if !self.executable.is_null() {
                // SAFETY: `new` made it, and only this destroys it. The driver lets a launch that is on its
                // way end before.
                unsafe { result::graph::exec_destroy(self.executable) }?;
            }
            // SAFETY: `new` made it, and only this destroys it.
            unsafe { result::graph::destroy(self.graph) }
        });
    }
}

/// Calls `call` with the parameters of a node for `launch`.
fn with_parameters(
    launch: &Launch,
    function: &CudaFunction,
    call: impl FnOnce(*const sys::CUDA_KERNEL_NODE_PARAMS) -> Result<(), DriverError>,
) -> Result<(), DriverError> {
    let [x, y, z] = launch.grid;
    // The kernel's one argument, a struct whose Rust and C++ types come from one list of fields.
    let mut arguments = [launch.arguments.as_ptr() as *mut c_void];
    call(&sys::CUDA_KERNEL_NODE_PARAMS {
        func: function.cu_function(),
        gridDimX: x,
        gridDimY: y,
        gridDimZ: z,
        blockDimX: launch.kernel.threads(),
        blockDimY: 1,
        blockDimZ: 1,
        sharedMemBytes: 0,
        kernelParams: arguments.as_mut_ptr(),
        extra: std::ptr::null_mut(),
        // Null: the function says which kernel, and the context is the one that is bound.
        kern: std::ptr::null_mut(),
        ctx: std::ptr::null_mut(),
    })
}
