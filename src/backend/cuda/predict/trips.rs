//! How often a block runs through its kernel's main loop: from the launch's own arguments.

use super::figures::Figures;
use super::recorder::Recorded;

/// The trips of a block, or `None` for a kernel whose arguments do not tell.
pub(super) fn trips(launch: &Recorded, figures: &Figures) -> Option<usize> {
    let argument = |name| launch.argument(name);
    // Units, rounded up to the squares of rnn_squares.cu.
    let units = || argument("hidden").next_multiple_of(16);
    let depth = match launch.kernel.entry {
        // A trip is a time step.
        "rnn_persistent_forward"
        | "rnn_persistent_backward"
        | "rnn_cluster_forward"
        | "rnn_cluster_backward" => return Some(argument("steps")),
        // The first time step may have no recurrent product.
        "rnn_step_forward" | "rnn_step_backward" if argument("before") == 0 => return Some(0),
        // SHARES warps have a share of the depth each: rnn_step_forward.cu, rnn_step_backward.cu.
        "rnn_step_forward" => units().div_ceil(2),
        "rnn_step_backward" | "rnn_step_end" => (4 * units()).div_ceil(8),
        "gemm" => argument("depth"),
        "rnn_weight_gradient" | "conv_weight_gradient" => argument("share"),
        "conv_forward" => argument("input") * argument("kernel"),
        "conv_input_gradient" => argument("filters") * argument("kernel"),
        _ => return None,
    };
    Some(depth.div_ceil(trip_depth(launch, figures)))
}

/// The depth of a product that a trip takes: the multiply-adds of a lane over its sums.
fn trip_depth(launch: &Recorded, figures: &Figures) -> usize {
    // A warp's mma is 16 x 8 x 16 multiply-adds in bf16, and 16 x 8 x 8 in tf32.
    let of_mma = if launch.kernel.constant("PRECISION") == Some(16) { 64 } else { 32 };
    let multiply_adds = if figures.mma > 0 { figures.mma * of_mma } else { figures.ffma };
    // The sums of a lane: of 128 threads in gemm_tile.cu; of a warp with 32 x 16 in rnn_step.cu.
    let constant = |name| launch.kernel.constant(name).map(|value| value as usize);
    let tile = constant("TILE_ROWS").zip(constant("TILE_COLUMNS"));
    let sums = tile.map_or(16, |(rows, columns)| rows * columns / 128);
    (multiply_adds / sums).max(1)
}

#[cfg(test)]
mod tests {
    use super::super::super::rnn::Kernels;
    use super::*;
    use crate::ops::{Cell, Precision};

    #[test]
    fn trips_follow_from_the_arguments_and_the_machine_code() {
        let of = |precision| Kernels { cell: Cell::Lstm, input: 160, dirs: 1, hidden: 200, precision };
        let (bf16, tf32, fp32) = (of(Precision::Bf16), of(Precision::Tf32), of(Precision::Fp32));
        let of_mma = |mma| Figures { mma, ..Figures::default() };
        let of_ffma = Figures { ffma: 128, ..Figures::default() };
        let step: &[(&str, u64)] = &[("hidden", 200), ("before", 1)];
        for (kernel, arguments, figures, expected) in [
            (bf16.persistent_forward(2), &[("steps", 77)][..], of_mma(16), Some(77)),
            (bf16.cluster_backward(), &[("steps", 78)], of_mma(16), Some(78)),
            // 4 x 8 mma are a depth of 16: 160 / 32.
            (bf16.project(), &[("depth", 160)], of_mma(64), Some(5)),
            (tf32.project(), &[("depth", 161)], of_mma(64), Some(11)),
            (bf16.weight_gradient(), &[("share", 512)], of_mma(64), Some(16)),
            // 208 units: a share of 104, in trips of 128, 64 and 8.
            (bf16.step_forward(1), step, of_mma(32), Some(1)),
            (tf32.step_forward(1), step, of_mma(32), Some(2)),
            (fp32.step_forward(1), step, of_ffma, Some(13)),
            (tf32.step_backward(2), step, of_mma(16), Some(4)),
            (bf16.step_backward(1), &[("hidden", 200), ("before", 0)], of_mma(32), Some(0)),
            (bf16.pack_input(), &[], Figures::default(), None),
        ] {
            let name = kernel.name();
            let launch = Recorded::of(kernel, [1; 3], arguments);
            assert_eq!(trips(&launch, &figures), expected, "{name}");
        }
    }
}
