//! The choice of a recurrent layer's algorithm: a pure function of its sizes and the precision.

use super::super::kernel::NO_F16;
use crate::backend::{Algorithm, GemmKernel};
use crate::error::{Error, Result};
use crate::ops::{Precision, Rnn};

/// Why no layer here has the algorithm `streamed`.
pub(super) const NO_STREAMED: &str = "`fits` accepts `streamed` for no layer on CUDA";

/// Whether a layer of `hidden` units can run with `algorithm` in this precision, on a device with or without
/// thread-block clusters.
pub fn fits(algorithm: Algorithm, hidden: usize, precision: Precision, has_clusters: bool) -> bool {
    match (algorithm, precision) {
        (Algorithm::PerStep, _) => true,
        (Algorithm::Streamed, _) => false,
        // Tensor cores take no f32 operands, so the weights would not be fragments in registers.
        (Algorithm::Persistent | Algorithm::Cluster, Precision::Fp32) => false,
        (Algorithm::Persistent, Precision::Tf32) => hidden <= 64,
        (Algorithm::Persistent, Precision::Bf16) => hidden <= 128,
        (Algorithm::Cluster, Precision::Tf32) => has_clusters && hidden <= 128,
        (Algorithm::Cluster, Precision::Bf16) => has_clusters && hidden <= 256,
        (Algorithm::Persistent | Algorithm::Cluster, Precision::F16) => unreachable!("{NO_F16}"),
    }
}

/// The algorithm `wanted`, or without one the first that the layer fits.
///
/// # Errors
/// [`ErrorKind::Config`](crate::error::ErrorKind::Config) if the layer does not fit the wanted one.
pub fn choose(
    wanted: Option<Algorithm>,
    s: &Rnn,
    precision: Precision,
    has_clusters: bool,
) -> Result<Algorithm> {
    let fits = |algorithm: &Algorithm| fits(*algorithm, s.hidden, precision, has_clusters);
    match wanted {
        Some(algorithm) if !fits(&algorithm) => Err(Error::config(format!(
            "a layer of {} units in {} does not fit the algorithm `{algorithm}`",
            s.hidden,
            precision.name(),
        ))
        .hint(
            "`persistent` takes up to 64 units in tf32, 128 in bf16 and none in fp32; `cluster`, from sm_90 on, up to \
             128 and 256; `per-step` takes any",
        )),
        Some(algorithm) => Ok(algorithm),
        None => Ok(Algorithm::ALL.into_iter().find(fits).expect("`per-step` runs every layer")),
    }
}

/// Batch rows of a block of the kernels of one time step: ROWS of rnn_squares.cu.
pub(super) const STEP_ROWS: usize = 32;

/// The numbers of batch rows that a block of the persistent kernels may have: ROWS of rnn_persistent.cu.
pub(super) const PERSISTENT_ROWS: [usize; 3] = [8, 4, 2];

/// The batch rows of a block of the persistent kernels: the fewest for which every block has a multiprocessor
/// of its own, so that the time steps are short, else the most.
pub(super) fn persistent_rows(s: &Rnn, multiprocessors: usize) -> usize {
    let blocks = |rows: usize| s.batch.div_ceil(rows) * s.dirs * s.models;
    let fits = |rows: &usize| blocks(*rows) <= multiprocessors;
    PERSISTENT_ROWS.into_iter().rev().find(fits).unwrap_or(PERSISTENT_ROWS[0])
}

/// The blocks of a thread-block cluster: CLUSTER of rnn_cluster.cu.
pub(super) const CLUSTER: usize = 4;

/// The batch rows of a cluster: ROWS of rnn_cluster.cu.
pub(super) const CLUSTER_ROWS: usize = 8;

/// Overrides of the default choices for recurrent layers and weight gradients.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// The algorithm of all recurrent layers, instead of the one that [`choose`] finds.
    pub algorithm: Option<Algorithm>,
    /// The batch rows of a block of the persistent kernels, instead of those that suit the device.
    pub rows: Option<usize>,
    /// The kernel of the GEMMs of recurrent layers, which are outside of the time loop.
    pub gemm: GemmKernel,
    /// The bytes that the partial sums of weight gradients may take. It limits the models that are computed
    /// at once.
    pub partial_bytes: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning { algorithm: None, rows: None, gemm: GemmKernel::Own, partial_bytes: 256 << 20 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{Cell, RnnSize};

    #[test]
    fn the_algorithm_follows_from_the_width_and_the_precision() {
        for (hidden, precision, algorithm) in [
            (64, Precision::Fp32, Algorithm::PerStep),
            (64, Precision::Tf32, Algorithm::Persistent),
            (65, Precision::Tf32, Algorithm::Cluster),
            (129, Precision::Tf32, Algorithm::PerStep),
            (128, Precision::Bf16, Algorithm::Persistent),
            (129, Precision::Bf16, Algorithm::Cluster),
            (257, Precision::Bf16, Algorithm::PerStep),
        ] {
            let s = Rnn::one(Cell::Gru, RnnSize { batch: 1, steps: 1, input: 1, hidden });
            assert_eq!(choose(None, &s, precision, true).unwrap(), algorithm, "{hidden} {precision:?}");
            let forced = choose(Some(Algorithm::Persistent), &s, precision, true);
            assert_eq!(forced.is_ok(), algorithm == Algorithm::Persistent, "{hidden} {precision:?}");
            // Without clusters.
            let older = if algorithm == Algorithm::Cluster { Algorithm::PerStep } else { algorithm };
            assert_eq!(choose(None, &s, precision, false).unwrap(), older, "{hidden} {precision:?}");
            assert!(choose(Some(Algorithm::Cluster), &s, precision, false).is_err());
        }
    }

    #[test]
    fn blocks_have_as_few_rows_as_there_are_multiprocessors_for() {
        for (batch, dirs, models, rows) in
            [(256, 1, 1, 2), (264, 1, 1, 2), (265, 1, 1, 4), (256, 2, 1, 4), (256, 1, 8, 8), (1, 1, 200, 8)]
        {
            let one = Rnn::one(Cell::Lstm, RnnSize { batch, steps: 1, input: 1, hidden: 8 });
            assert_eq!(persistent_rows(&Rnn { dirs, models, ..one }, 132), rows, "{batch} {dirs} {models}");
        }
    }
}
