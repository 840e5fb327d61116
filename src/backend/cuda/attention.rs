//! Attention over time: three launches forward, four backward.

use super::device::Cuda;
use super::executor::Executor;
use super::kernel::{Kernel, THREADS, grid};
use crate::error::Result;
use crate::ops::{
    Attention, AttentionBackward, AttentionBackwardOperands, AttentionForward, AttentionForwardOperands,
    Checked, Operation, Runs,
};

/// The passes of attention.cu; the discriminants are its values of PASS.
#[derive(Clone, Copy)]
enum Pass {
    Scores,
    Softmax,
    Mean,
    OutputDot,
    ScoreGradient,
    InputGradient,
    WeightGradient,
}

const FORWARD: [Pass; 3] = [Pass::Scores, Pass::Softmax, Pass::Mean];
const BACKWARD: [Pass; 4] = [Pass::OutputDot, Pass::ScoreGradient, Pass::InputGradient, Pass::WeightGradient];

impl Pass {
    fn kernel(self) -> Kernel {
        Kernel::new::<kernel::Attention>(None, &[("PASS", self as u32), ("THREADS", THREADS)])
    }

    fn grid(self, s: &Attention) -> [usize; 3] {
        match self {
            Pass::Scores | Pass::OutputDot => grid(s.steps * s.batch, s.models),
            Pass::Softmax | Pass::ScoreGradient => grid(s.batch, s.models),
            Pass::Mean => grid(s.batch * s.width, s.models),
            Pass::InputGradient => grid(s.steps * s.batch * s.width, s.models),
            Pass::WeightGradient => [s.width, 1, s.models],
        }
    }
}

fn sizes(s: &Attention) -> kernel::Attention {
    kernel::Attention {
        stride: s.weights.stride as u64,
        batch: s.batch as u64,
        steps: s.steps as u64,
        width: s.width as u64,
        ..kernel::Attention::default()
    }
}

impl<E: Executor> Runs<AttentionForward> for Cuda<E> {
    fn execute(&self, s: &Attention, a: AttentionForwardOperands<Self>, _: Checked) -> Result<()> {
        let arguments = kernel::Attention {
            lengths: a.lengths.address(),
            weights: a.weights.at(s.weights.offset),
            x: a.x.address(),
            attention: a.attention.address(),
            out: a.out.address(),
            ..sizes(s)
        };
        let work = s.forward_work().share(1, FORWARD.len());
        FORWARD.into_iter().try_for_each(|pass| {
            let label = AttentionForward::LABEL;
            self.session.launch_as(label, &pass.kernel(), &arguments, pass.grid(s), work)
        })
    }
}

impl<E: Executor> Runs<AttentionBackward> for Cuda<E> {
    fn execute(&self, s: &Attention, a: AttentionBackwardOperands<Self>, _: Checked) -> Result<()> {
        let arguments = kernel::Attention {
            lengths: a.lengths.address(),
            weights: a.weights.at(s.weights.offset),
            x: a.x.address(),
            attention: a.attention.address(),
            d_out: a.d_out.address(),
            d_scores: a.d_scores.address(),
            dx: a.dx.address(),
            d_weights: a.d_weights.at(s.weights.offset),
            ..sizes(s)
        };
        let work = s.backward_work().share(1, BACKWARD.len());
        BACKWARD.into_iter().try_for_each(|pass| {
            let label = AttentionBackward::LABEL;
            self.session.launch_as(label, &pass.kernel(), &arguments, pass.grid(s), work)
        })
    }
}

/// Every kernel of the operation.
pub(super) fn kernels() -> Vec<Kernel> {
    FORWARD.into_iter().chain(BACKWARD).map(Pass::kernel).collect()
}

/// The kernels and their arguments.
mod kernel {
    super::super::kernel::kernels! {
        Attention, "attention", "attention", [] {
            "const unsigned*": lengths;
            "const float*": weights x d_out;
            "float*": attention out d_scores dx d_weights;
            "size_t": stride;
            "unsigned": batch steps width;
        }
    }
}
