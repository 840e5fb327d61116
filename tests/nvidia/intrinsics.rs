//! The tests of `cuda::intrinsics` for the PTX half of `intrinsics.cu`, on every GPU. Each intrinsic has its
//! own test, so that each can run in its own process.

use crate::support::intrinsics::assert_as_documented;
use engine::backend::cuda::probe::Intrinsic;
use engine::backend::cuda::{default_folder, gpus};

fn assert_on_every_gpu(intrinsic: Intrinsic) {
    let gpus = gpus().expect("these tests need an NVIDIA GPU");
    let usable: Vec<_> = gpus.iter().filter(|gpu| gpu.refusal().is_none()).collect();
    assert!(!usable.is_empty(), "no GPU here is new enough");
    // Older GPUs have no clusters, and launch no kernel that needs them.
    usable
        .iter()
        .filter(|gpu| gpu.arch >= intrinsic.oldest_arch())
        .for_each(|gpu| assert_as_documented(&gpu.open(default_folder().as_deref()).unwrap(), intrinsic));
}

macro_rules! on_every_gpu {
    ($($name:ident: $intrinsic:ident;)*) => {
        $(
            #[test]
            #[ignore = "needs an NVIDIA GPU; tools/gpu-suite runs it"]
            fn $name() {
                assert_on_every_gpu(Intrinsic::$intrinsic);
            }
        )*

        #[test]
        fn each_intrinsic_has_a_test() {
            assert_eq!(Intrinsic::ALL, [$(Intrinsic::$intrinsic),*]);
        }
    };
}

on_every_gpu! {
    round_tf32: RoundTf32;
    round_bf16: RoundBf16;
    tanh_approximate: TanhApproximate;
    exp2_approximate: Exp2Approximate;
    reciprocal_approximate: ReciprocalApproximate;
    mma_bf16: MmaBf16;
    mma_tf32: MmaTf32;
    load_matrices: LoadMatrices;
    shared_and_barrier: SharedAndBarrier;
    clock: Clock;
    multiply_high: MultiplyHigh;
    fused_multiply_add: FusedMultiplyAdd;
    multiply_then_add: MultiplyThenAdd;
    divide: Divide;
    round_bf16_pair: RoundBf16Pair;
    load_matrices_transposed: LoadMatricesTransposed;
    copy: Copy;
    shuffle_xor: ShuffleXor;
    copy_to_block: CopyToBlock;
}
