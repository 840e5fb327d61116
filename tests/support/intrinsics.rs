//! Runs every intrinsic of `kernels/cuda/intrinsics.cu`, and the other operations whose exact bits the
//! kernels rely on, in one warp. The expected results follow the PTX ISA and are computed here independently.
//! `cuda::intrinsics` asks the host, `nvidia::intrinsics` asks GPUs.

mod arithmetic;
mod exchange;
mod expected;
mod functions;
mod inputs;
mod matrices;

use arithmetic::{divide, multiply_add, multiply_high};
use engine::backend::cuda::Executor;
use engine::backend::cuda::probe::Intrinsic;
use exchange::{clock, copies, copies_to_a_block, shared_and_barrier, shuffles};
use functions::{
    bf16_pairs, exp2, function_inputs, reciprocal, rounded, rounded_inputs, rounded_to_bf16, tanh, unary,
};
use matrices::{Fragments, matrices, mmas};

/// Panics with a list of all wrong results: lane, operands, expected and found value.
pub fn assert_as_documented<E: Executor>(executor: &E, intrinsic: Intrinsic) {
    let mut wrong = match intrinsic {
        Intrinsic::RoundTf32 => {
            unary(executor, intrinsic, &rounded_inputs(10), |x| rounded(x, 10, f64::round))
        }
        Intrinsic::RoundBf16 => unary(executor, intrinsic, &rounded_inputs(7), rounded_to_bf16),
        Intrinsic::RoundBf16Pair => bf16_pairs(executor),
        Intrinsic::TanhApproximate => unary(executor, intrinsic, &function_inputs(), tanh),
        Intrinsic::Exp2Approximate => unary(executor, intrinsic, &function_inputs(), exp2),
        Intrinsic::ReciprocalApproximate => unary(executor, intrinsic, &function_inputs(), reciprocal),
        Intrinsic::MmaBf16 => mmas(executor, intrinsic, Fragments { depth: 16, per_word: 2 }),
        Intrinsic::MmaTf32 => mmas(executor, intrinsic, Fragments { depth: 8, per_word: 1 }),
        Intrinsic::LoadMatrices => matrices(executor, intrinsic),
        Intrinsic::LoadMatricesTransposed => matrices(executor, intrinsic),
        Intrinsic::SharedAndBarrier => shared_and_barrier(executor),
        Intrinsic::Clock => clock(executor),
        Intrinsic::MultiplyHigh => multiply_high(executor),
        Intrinsic::FusedMultiplyAdd => multiply_add(executor, intrinsic, |[x, y, z]| x.mul_add(y, z)),
        Intrinsic::MultiplyThenAdd => multiply_add(executor, intrinsic, |[x, y, z]| x * y + z),
        Intrinsic::Divide => divide(executor),
        Intrinsic::Copy => copies(executor),
        Intrinsic::ShuffleXor => shuffles(executor),
        Intrinsic::CopyToBlock => copies_to_a_block(executor),
    };
    let count = wrong.len();
    wrong.truncate(12);
    let device = executor.describe();
    assert!(
        count == 0,
        "{device}: {count} results of {intrinsic:?} are not as documented:\n{}",
        wrong.join("\n")
    );
}
