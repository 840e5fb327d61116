//! Packs the weights of a layer for forward and backward.

use super::super::address::nullable;
use super::super::device::Cuda;
use super::super::executor::Executor;
use super::super::gemm::{padded_row, size};
use super::super::kernel::THREADS;
use super::kernels::kernel::{PackInput, PackPersistent, PackStep};
use super::kernels::{Kernels, cluster_padded, padded};
use super::plan::NO_STREAMED;
use crate::backend::Algorithm;
use crate::error::Result;
use crate::ops::{Checked, Rnn, RnnLoad, RnnLoadOperands, Runs};

impl<E: Executor> Runs<RnnLoad> for Cuda<E> {
    fn execute(&self, s: &Rnn, a: RnnLoadOperands<Self>, _: Checked) -> Result<()> {
        let layer = &a.layer.memory;
        layer.check(self.precision);
        let kernels = Kernels::of(s, self.precision);
        let (loops, threads) = (s.models * s.dirs, THREADS as usize);
        let weights = a.weights.at(s.weights.offset);
        let stride = s.weights.stride as u64;
        let [input, hidden, biases, dirs] = [s.input, s.hidden, s.biases, s.dirs].map(|n| n as u64);
        let pack = PackInput {
            weights,
            inputs: layer.inputs.address,
            bias: layer.bias.address,
            stride,
            input,
            row: padded_row(s.input, self.precision) as u64,
            hidden,
            biases,
            dirs,
        };
        let elements = s.hidden * 4 * (s.input + 1);
        let work = s.load_work();
        self.session.launch(
            &kernels.pack_input(),
            &pack,
            [elements.div_ceil(threads), 1, loops],
            work.share(s.input, s.input + s.hidden),
        )?;
        let work = work.share(s.hidden, s.input + s.hidden);
        let backward = layer.training.as_ref().map(|training| training.backward.address);
        let (passes, backward) = (1 + usize::from(backward.is_some()), nullable(backward));
        match layer.algorithm {
            Algorithm::Streamed => unreachable!("{NO_STREAMED}"),
            Algorithm::PerStep => {
                let pack = PackStep {
                    weights,
                    forward: layer.recurrents.address,
                    backward,
                    stride,
                    input,
                    hidden,
                    biases,
                    dirs,
                };
                // Operands of the larger pass.
                let slots = if passes == 2 { 4 } else { s.cell.gates() };
                let operands = slots * padded(s.hidden) * padded(s.hidden);
                self.session.launch(
                    &kernels.pack_step(),
                    &pack,
                    [operands.div_ceil(threads), passes, loops],
                    work,
                )
            }
            Algorithm::Persistent | Algorithm::Cluster => {
                let pack = PackPersistent {
                    weights,
                    forward: layer.recurrents.address,
                    backward,
                    stride,
                    input,
                    hidden,
                    biases,
                    dirs,
                };
                let (kernel, gates, units) = if layer.algorithm == Algorithm::Cluster {
                    (kernels.pack_cluster(), 4, cluster_padded(s.hidden))
                } else {
                    (kernels.pack_persistent(), s.cell.gates(), padded(s.hidden))
                };
                // Vectors of 16 bytes.
                let vectors = gates * units * units * size(self.precision) / 16;
                self.session.launch(&kernel, &pack, [vectors.div_ceil(threads), passes, loops], work)
            }
        }
    }
}
