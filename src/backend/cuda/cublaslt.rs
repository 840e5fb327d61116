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

/// Bytes that cuBLASLt may work in: what NVIDIA recommends for Hopper.
const WORKSPACE: usize = 32 << 20;
/// Beyond this, alignment makes no difference to cuBLASLt.
const LARGEST_ALIGNMENT: u64 = 256;

/// cuBLASLt on one stream.
pub struct CublasLt {
    handle: sys::cublasLtHandle_t,
    workspace: CudaSlice<u8>,
    stream: Arc<CudaStream>,
    algorithms: Mutex<HashMap<Shape, sys::cublasLtMatmulAlgo_t>>,
}

// SAFETY: a handle belongs to no thread, says NVIDIA; an algorithm is a block of plain numbers, and the rest
// is `Send`.
unsafe impl Send for CublasLt {}
// SAFETY: several threads may use a handle at once, says NVIDIA. They share the workspace only on one stream,
// whose work runs in order, and the algorithms behind a lock.
unsafe impl Sync for CublasLt {}

/// What an algorithm is chosen for: not the number of models, so that a model in a stack gets the bits that
/// it gets alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Shape {
    size: [usize; 3],
    rows: [usize; 3],
    b_major: Major,
    has_bias: bool,
    /// Bytes at whose multiples A, B and C begin, in every model.
    alignment: [u32; 3],
}

impl CublasLt {
    pub fn new(stream: &Arc<CudaStream>) -> Result<Self> {
        // SAFETY: it loads the library, which runs what the library does when loaded: of that name there is
        // NVIDIA's alone.
        if !unsafe { sys::is_culib_present() } {
            return Err(Error::backend("cuBLASLt not usable: its library libcublasLt.so is not found")
                .hint("use `--gemm own`"));
        }
        let failed = |error: String| Error::backend(format!("cuBLASLt not usable: {error}"));
        let handle = result::create_handle().map_err(|error| failed(format!("{error:?}")))?;
        // SAFETY: the bytes hold nothing yet; only cuBLASLt reads there, and what it has written before.
        let workspace =
            unsafe { stream.alloc::<u8>(WORKSPACE) }.map_err(|error| failed(format!("{error:?}")))?;
        Ok(CublasLt { handle, workspace, stream: stream.clone(), algorithms: Mutex::default() })
    }

    /// One call for each direction, all models of it at once. Row-major matrices are the transposed ones of
    /// cuBLASLt's order.
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
            // SAFETY: all handles are alive. Sizes, strides and addresses are those of buffers that `layer`
            // made and that the stream does not free before this GEMM is done; the workspace has
            // `WORKSPACE` bytes, and work on one stream does not meet in it. The factors are read before this
            // returns.
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

    /// For one model.
    fn algorithm(&self, call: &Call, [a, b, c]: [u32; 3]) -> Result<sys::cublasLtMatmulAlgo_t, CublasError> {
        use sys::cublasLtMatmulPreferenceAttributes_t as Attribute;
        let preference = result::create_matmul_pref()?;
        let workspace = WORKSPACE;
        let set = |attribute, value: *const c_void, size: usize| {
            // SAFETY: every attribute below is given a value of its own type and size, which is read before
            // this returns; `preference` is destroyed only at the end.
            unsafe { result::set_matmul_pref_attribute(preference, attribute, value, size) }
        };
        let find = || {
            let attribute = Attribute::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
            set(attribute, (&raw const workspace).cast(), size_of::<usize>())?;
            // No sums in shares of the depth: one order, whatever the number of models.
            let no_reduction = sys::cublasLtReductionScheme_t::CUBLASLT_REDUCTION_SCHEME_NONE as u32;
            let attribute = Attribute::CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK;
            set(attribute, (&raw const no_reduction).cast(), size_of::<u32>())?;
            // Its A is our B.
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
        // SAFETY: `create_handle` made it, and only this destroys it; there is nobody left to be told of an
        // error.
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
            // SAFETY: every attribute below is given a value of its own type and size, which is read before
            // this returns; `call` keeps the description alive.
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

    /// From one model to all.
    fn batch(&self, g: &Gemm) -> Result<(), CublasError> {
        use sys::cublasLtMatrixLayoutAttribute_t as Attribute;
        let models = g.models as i32;
        for (layout, stride) in [(self.a, g.a.model), (self.b, g.b.model), (self.c, g.c.model)] {
            let stride = stride as i64;
            // SAFETY: both attributes are numbers of these types and sizes, read before this returns; `self`
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
        // SAFETY: `Call::new` made the four, and only this destroys them; it fails for no handle but a wrong
        // one.
        unsafe {
            let _ = result::destroy_matmul_desc(self.description);
            for layout in [self.a, self.b, self.c] {
                let _ = result::destroy_matrix_layout(layout);
            }
        }
    }
}
