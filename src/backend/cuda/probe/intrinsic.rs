//! The intrinsics of `intrinsics.cu`, one by one.

use super::super::executor::{Executor, Failure};
use super::super::kernel::Kernel;
use super::launch::launch;

/// The operations that `probe_intrinsic.cu` runs: the functions of `intrinsics.cu`, and those of CUDA whose
/// exact bits the kernels rely on. The discriminants are its values of INTRINSIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intrinsic {
    /// Rounding to tf32.
    RoundTf32,
    /// Rounding to bf16.
    RoundBf16,
    /// `tanh.approx`.
    TanhApproximate,
    /// `ex2.approx.ftz`.
    Exp2Approximate,
    /// `rcp.approx.ftz`.
    ReciprocalApproximate,
    /// `mma` of bf16 operands, m16n8k16.
    MmaBf16,
    /// `mma` of tf32 operands, m16n8k8.
    MmaTf32,
    /// `ldmatrix`.
    LoadMatrices,
    /// Shared memory and the barrier of a block.
    SharedAndBarrier,
    /// The cycle counter.
    Clock,
    /// The upper half of a 64-bit product of two `u32`s.
    MultiplyHigh,
    /// A multiply-add with one rounding.
    FusedMultiplyAdd,
    /// A multiplication and an addition with two roundings.
    MultiplyThenAdd,
    /// An IEEE division.
    Divide,
    /// `cvt.rn.bf16x2.f32`.
    RoundBf16Pair,
    /// `ldmatrix.trans`.
    LoadMatricesTransposed,
    /// `cp.async` of 4, 8 and 16 bytes, in groups, and of nothing.
    Copy,
    /// `shfl.bfly`.
    ShuffleXor,
    /// `st.async` to another block of a cluster, the `mbarrier` that counts its bytes, and the barriers of a
    /// warp and of a cluster.
    CopyToBlock,
}

/// The blocks of the cluster of [`Intrinsic::CopyToBlock`].
const CLUSTER: u32 = 2;

impl Intrinsic {
    /// All intrinsics, in the order of their discriminants.
    pub const ALL: [Intrinsic; 19] = [
        Intrinsic::RoundTf32,
        Intrinsic::RoundBf16,
        Intrinsic::TanhApproximate,
        Intrinsic::Exp2Approximate,
        Intrinsic::ReciprocalApproximate,
        Intrinsic::MmaBf16,
        Intrinsic::MmaTf32,
        Intrinsic::LoadMatrices,
        Intrinsic::SharedAndBarrier,
        Intrinsic::Clock,
        Intrinsic::MultiplyHigh,
        Intrinsic::FusedMultiplyAdd,
        Intrinsic::MultiplyThenAdd,
        Intrinsic::Divide,
        Intrinsic::RoundBf16Pair,
        Intrinsic::LoadMatricesTransposed,
        Intrinsic::Copy,
        Intrinsic::ShuffleXor,
        Intrinsic::CopyToBlock,
    ];

    /// The `u32`s that a lane reads, and those that it writes.
    pub fn operands_and_results(self) -> (u32, u32) {
        match self {
            // Four registers of A, two of B, four of the sums.
            Intrinsic::MmaBf16 | Intrinsic::MmaTf32 => (10, 4),
            // A row, and the number of the row whose address the lane passes.
            Intrinsic::LoadMatrices | Intrinsic::LoadMatricesTransposed => (5, 4),
            Intrinsic::SharedAndBarrier | Intrinsic::Clock => (1, 3),
            Intrinsic::MultiplyHigh | Intrinsic::Divide | Intrinsic::RoundBf16Pair => (2, 1),
            Intrinsic::FusedMultiplyAdd | Intrinsic::MultiplyThenAdd => (3, 1),
            // 28 bytes; the operands of a lane begin at a multiple of 16.
            Intrinsic::Copy => (8, 13),
            // The value of each lane whose number differs in one bit.
            Intrinsic::ShuffleXor => (1, 5),
            Intrinsic::CopyToBlock => (4, 4),
            _ => (1, 1),
        }
    }

    /// The kernel that runs the intrinsic in one warp of each block.
    pub(super) fn kernel(self) -> Kernel {
        let (operands, results) = self.operands_and_results();
        let constants =
            [("INTRINSIC", self as u32), ("OPERANDS", operands), ("RESULTS", results), ("THREADS", 32)];
        let cluster = [("CLUSTER", CLUSTER)];
        let cluster = if self == Intrinsic::CopyToBlock { &cluster[..] } else { &[] };
        Kernel::new::<kernel::ProbeIntrinsic>(None, &[&constants[..], cluster].concat())
    }

    /// The oldest architecture that has it: 90 is `sm_90`.
    pub fn oldest_arch(self) -> u32 {
        self.kernel().oldest_arch()
    }

    /// Runs the intrinsic in one warp, or in the warps of a cluster in turn, once for each 32 lanes' operands
    /// in `x`. The `u32`s of a lane are contiguous in `x` and in the result.
    ///
    /// # Errors
    /// Any failure of the executor.
    pub fn run_in_a_warp<E: Executor>(self, executor: &E, x: &[u32]) -> Result<Vec<u32>, Failure> {
        let (operands, results) = self.operands_and_results();
        let count = x.len() / (32 * operands as usize);
        assert_eq!(x.len(), count * 32 * operands as usize, "operands of whole warps");
        let (from, to) = (executor.zeros(4 * x.len())?, executor.zeros(4 * count * 32 * results as usize)?);
        executor.write(&from, 0, bytemuck::cast_slice(x))?;
        let arguments = kernel::ProbeIntrinsic {
            x: executor.address(&from),
            y: executor.address(&to),
            count: count as u64,
        };
        let kernel = self.kernel();
        launch(executor, &kernel, &arguments, kernel.constant("CLUSTER").unwrap_or(1) as usize)?;
        let mut y = vec![0; count * 32 * results as usize];
        executor.read(&to, 0, bytemuck::cast_slice_mut(&mut y))?;
        executor.wait()?;
        Ok(y)
    }
}

/// The kernel and its arguments.
mod kernel {
    super::super::super::kernel::kernels! {
        ProbeIntrinsic, "probe intrinsic", "probe_intrinsic", [] {
            "const unsigned*": x;
            "unsigned*": y;
            "unsigned": count;
        }
    }
}
