//! Every intrinsic on the host: the half of `intrinsics.cu` that NVIDIA's compiler does not see.

use crate::support::cuda_on_host::Host;
use crate::support::intrinsics::assert_as_documented;
use engine::backend::cuda::probe::Intrinsic;

#[test]
fn the_host_half_of_every_intrinsic_is_as_documented() {
    for order in [0, 1, 7] {
        for intrinsic in Intrinsic::ALL {
            assert_as_documented(&Host { order, exact: false }, intrinsic);
        }
    }
}

/// Without rounding the fragments have the same layout.
#[test]
fn mmas_of_the_host_with_exact_operands_have_the_same_layout() {
    for intrinsic in
        [Intrinsic::MmaBf16, Intrinsic::MmaTf32, Intrinsic::LoadMatrices, Intrinsic::LoadMatricesTransposed]
    {
        assert_as_documented(&Host { order: 0, exact: true }, intrinsic);
    }
}
