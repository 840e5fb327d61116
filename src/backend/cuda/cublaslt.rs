//! GEMMs by NVIDIA's cuBLASLt, for comparison with ours. Not yet verified on a GPU.

use super::gemm::{Gemm, Major, Strided};
use crate::error::{Error, Result};
use crate::ops::Precision;
use cudarc::cublaslt::result::{self, CublasError};
use cudarc::cublaslt::sys;
use cudarc::driver::{CudaSlice, CudaStream, DevicePtr};
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of cuBLASLt's workspace: the size that NVIDIA recommends for Hopper.
const WORKSPACE: usize = 32 << 20;
/// The largest alignment in bytes that affects cuBLASLt's choice of algorithm.
const LARGEST_ALIGNMENT: u64 = 256;

/// cuBLASLt on one stream.
pub(super) struct CublasLt {
    handle: sys::cublasLtHandle_t,
    workspace: CudaSlice<u8>,
    stream: Arc<CudaStream>,
    algorithms: Mutex<HashMap<Shape, sys::cublasLtMatmulAlgo_t>>,
}

// SAFETY: NVIDIA documents that a handle belongs to no thread. An algorithm is plain data, and the other
// fields are `Send`.
unsafe impl Send for CublasLt {}
// SAFETY: NVIDIA documents that several threads may use a handle at once. They share the workspace only on
// one stream, whose work runs in order, and the algorithms behind a lock.
unsafe impl Sync for CublasLt {}

/// The key of an algorithm. It does not contain the number of models, so that a model gets the same bits in a
/// fold group and alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Shape {
    size: [usize; 3],
    rows: [usize; 3],
    b_major: Major,
    has_bias: bool,
    /// The alignment of A, B and C in bytes, in every model.
    alignment: [u32; 3],
}

impl CublasLt {
    /// Loads cuBLASLt and allocates its workspace.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`](crate::error::ErrorKind::Backend) if the library or the memory is missing.
    pub fn new(stream: &Arc<CudaStream>) -> Result<Self> {
        // SAFETY: this loads a library and runs its initializers. Only NVIDIA's library has that name.
        if !unsafe { sys::is_culib_present() } {
            return Err(Error::backend("cuBLASLt not usable: its library libcublasLt.so is not found")
                .hint("use `gemm = own`"));
        }
        let message = |error: String| Error::backend(format!("cuBLASLt not usable: {error}"));
        let handle =
            result::create_handle().map_err(|error| message(format!("{error:?}")).caused_by(error))?;
        // SAFETY: the bytes are uninitialized; only cuBLASLt uses them, and it reads only what it has
        // written.
        let workspace = unsafe { stream.alloc::<u8>(WORKSPACE) }
            .map_err(|error| message(format!("{error:?}")).caused_by(error))?;
        Ok(CublasLt { handle, workspace, stream: stream.clone(), algorithms: Mutex::default() })
    }

    /// Issues a GEMM: one call for each direction, batched over the models. cuBLASLt is column-major, so it
    /// computes the transposed C from B and A.
    pub fn multiply(&self, g: &Gemm) -> Result<(), CublasError> {
        for dir in 0..g.dirs {
            let start = |operand: &Strided| {
                operand.address.wrapping_add_signed(4 * (dir as isize * operand.dir) as i64)
            };
            let alignment = |operand: &Strided| {
                1 << (start(operand) | (4 * operand.model) as u64 | LARGEST_ALIGNMENT).trailing_zeros()
            };
            let shape = Shape {
                size: [g.rows, g.columns, g.depth],
                rows: [g.a.row, g.b.row, g.c.row],
                b_major: g.b_major,
                has_bias: g.bias.is_some(),
                alignment: [&g.a, &g.b, &g.c].map(alignment),
            };
            let call = Call::new(g)?;
            let mut algorithms = self.algorithms.lock().unwrap_or_else(PoisonError::into_inner);
            let algorithm = match algorithms.get(&shape) {
                Some(algorithm) => *algorithm,
                None => *algorithms.entry(shape).or_insert(self.algorithm(&call, shape.alignment)?),
            };
            drop(algorithms);
            call.batch(g)?;
            let (one, zero) = (1.0f32, 0.0f32);
            let (workspace, _record) = self.workspace.device_ptr(&self.stream);
            // SAFETY: all handles are alive. Sizes, strides and addresses belong to buffers of `layer`, which
            // the stream does not free before this GEMM is done. The workspace has `WORKSPACE` bytes, and
            // only one launch of the stream uses it at a time. The factors are read before this returns.
            unsafe {
                result::matmul(
                    self.handle,
                    call.description,
                    (&raw const one).cast(),
                    (&raw const zero).cast(),
                    start(&g.b) as *const c_void,
                    call.b,
                    start(&g.a) as *const c_void,
                    call.a,
                    start(&g.c) as *const c_void,
                    call.c,
                    start(&g.c) as *mut c_void,
                    call.c,
                    &algorithm,
                    workspace as *mut c_void,
                    WORKSPACE,
                    self.stream.cu_stream().cast(),
                )
            }?;
        }
        Ok(())
    }

    /// The algorithm that cuBLASLt's heuristic chooses for one model.
    fn algorithm(&self, call: &Call, [a, b, c]: [u32; 3]) -> Result<sys::cublasLtMatmulAlgo_t, CublasError> {
        use sys::cublasLtMatmulPreferenceAttributes_t as Attribute;
        let preference = result::create_matmul_pref()?;
        let workspace = WORKSPACE;
        let set = |attribute, value: *const c_void, size: usize| {
            // SAFETY: every attribute below gets a value of its type and size, which is read before this
            // returns; `preference` is destroyed only at the end.
            unsafe { result::set_matmul_pref_attribute(preference, attribute, value, size) }
        };
        let find = || {
            let attribute = Attribute::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
            set(attribute, (&raw const workspace).cast(), size_of::<usize>())?;
            // No split-K: the order of a sum must not depend on the number of models.
            let no_reduction = sys::cublasLtReductionScheme_t::CUBLASLT_REDUCTION_SCHEME_NONE as u32;
            let attribute = Attribute::CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK;
            set(attribute, (&raw const no_reduction).cast(), size_of::<u32>())?;
            // cuBLASLt's A is our B.
            for (attribute, bytes) in [
                (Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, b),
                (Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, a),
                (Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, c),
                (Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, c),
            ] {
                set(attribute, (&raw const bytes).cast(), size_of::<u32>())?;
            }
            let (handle, description) = (self.handle, call.description);
            // SAFETY: `call` and `self` keep their handles alive, and `preference` is destroyed only below.
            unsafe {
                result::get_matmul_algo_heuristic(
                    handle,
                    description,
                    call.b,
                    call.a,
                    call.c,
                    call.c,
                    preference,
                )
            }
        };
        let found = find();
        // SAFETY: `create_matmul_pref` made it above, only this destroys it, and nothing uses it after.
        unsafe { result::destroy_matmul_pref(preference) }?;
        Ok(found?.algo)
    }
}

impl Drop for CublasLt {
    fn drop(&mut self) {
        // SAFETY: `create_handle` made it, and only this destroys it. Nobody could handle an error here.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}

/// cuBLASLt's description of a GEMM, destroyed when dropped.
struct Call {
    description: sys::cublasLtMatmulDesc_t,
    a: sys::cublasLtMatrixLayout_t,
    b: sys::cublasLtMatrixLayout_t,
    c: sys::cublasLtMatrixLayout_t,
}

impl Call {
    /// The description of a GEMM of one model.
    fn new(g: &Gemm) -> Result<Self, CublasError> {
        use sys::cublasLtMatmulDescAttributes_t as Attribute;
        let compute = match g.precision {
            Precision::Tf32 => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
            _ => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
        };
        let real = sys::cudaDataType_t::CUDA_R_32F;
        let layout = |rows: usize, columns: usize, stride: usize| {
            result::create_matrix_layout(real, rows as u64, columns as u64, stride as i64)
        };
        let (b_rows, b_columns) =
            if g.b_major == Major::K { (g.depth, g.columns) } else { (g.columns, g.depth) };
        let call = Call {
            description: result::create_matmul_desc(compute, real)?,
            a: layout(g.depth, g.rows, g.a.row)?,
            b: layout(b_rows, b_columns, g.b.row)?,
            c: layout(g.columns, g.rows, g.c.row)?,
        };
        let set = |attribute, value: *const c_void, size: usize| {
            // SAFETY: every attribute below gets a value of its type and size, which is read before this
            // returns; `call` keeps the description alive.
            unsafe { result::set_matmul_desc_attribute(call.description, attribute, value, size) }
        };
        let transposed = i32::from(g.b_major == Major::K);
        set(Attribute::CUBLASLT_MATMUL_DESC_TRANSA, (&raw const transposed).cast(), size_of::<i32>())?;
        if let Some(bias) = g.bias {
            let epilogue = sys::cublasLtEpilogue_t::CUBLASLT_EPILOGUE_BIAS;
            let size = size_of::<sys::cublasLtEpilogue_t>();
            set(Attribute::CUBLASLT_MATMUL_DESC_EPILOGUE, (&raw const epilogue).cast(), size)?;
            set(
                Attribute::CUBLASLT_MATMUL_DESC_BIAS_POINTER,
                (&raw const bias.address).cast(),
                size_of::<u64>(),
            )?;
            let stride = bias.model as i64;
            let attribute = Attribute::CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE;
            set(attribute, (&raw const stride).cast(), size_of::<i64>())?;
        }
        Ok(call)
    }

    /// Extends the description from one model to all.
    fn batch(&self, g: &Gemm) -> Result<(), CublasError> {
        use sys::cublasLtMatrixLayoutAttribute_t as Attribute;
        let models = g.models as i32;
        for (layout, stride) in [(self.a, g.a.model), (self.b, g.b.model), (self.c, g.c.model)] {
            let stride = stride as i64;
            // SAFETY: both attributes have these types and sizes, and are read before this returns; `self`
            // keeps the layouts alive.
            unsafe {
                result::set_matrix_layout_attribute(
                    layout,
                    Attribute::CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                    (&raw const models).cast(),
                    size_of::<i32>(),
                )?;
                result::set_matrix_layout_attribute(
                    layout,
                    Attribute::CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                    (&raw const stride).cast(),
                    size_of::<i64>(),
                )?;
            }
        }
        Ok(())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // SAFETY: `Call::new` made the four, and only this destroys them. It fails only for an invalid
        // handle.
        unsafe {
            let _ = result::destroy_matmul_desc(self.description);
            for layout in [self.a, self.b, self.c] {
                let _ = result::destroy_matrix_layout(layout);
            }
        }
    }
}
