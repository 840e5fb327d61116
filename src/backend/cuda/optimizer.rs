//! Clipping and the parameter update.

use super::device::Cuda;
use super::executor::Executor;
use super::kernel::{Kernel, THREADS, grid, real};
use crate::error::Result;
use crate::ops::{Checked, Optimizer, OptimizerKind, OptimizerOperands, Runs, Work};

/// The gradients whose squares a block of optimizer_squares.cu sums.
const CHUNK: usize = 16 * THREADS as usize;

impl<E: Executor> Runs<Optimizer> for Cuda<E> {
    fn execute(&self, s: &Optimizer, a: OptimizerOperands<Self>, _: Checked) -> Result<()> {
        let chunks = s.params.div_ceil(CHUNK);
        let norms = a.norms.at(a.row * s.models);
        let params = s.params as u64;
        let elements = (s.models * s.params) as u64;
        self.with_scratch(4 * s.models * chunks, |squares| {
            let arguments =
                kernel::Squares { gradients: a.gradients.address(), squares, params, chunks: chunks as u64 };
            let work = Work { flops: 2 * elements, bytes: 4 * elements };
            self.session.launch(
                &Kernel::plain::<kernel::Squares>(),
                &arguments,
                [chunks, 1, s.models],
                work,
            )?;
            let arguments = kernel::Norms {
                squares,
                scalars: a.scalars.address(),
                norms,
                models: s.models as u64,
                chunks: chunks as u64,
            };
            self.session.launch(
                &Kernel::plain::<kernel::Norms>(),
                &arguments,
                grid(s.models, 1),
                Work::default(),
            )
        })?;
        let arguments = kernel::Optimize {
            weights: a.weights.address(),
            first_moment: a.first_moment.address(),
            second_moment: a.second_moment.address(),
            gradients: a.gradients.address(),
            scalars: a.scalars.address(),
            norms,
            params,
            decoupled: u64::from(s.kind == OptimizerKind::Adamw),
            beta1: real(s.beta1),
            beta2: real(s.beta2),
            rest1: real(1.0 - s.beta1),
            rest2: real(1.0 - s.beta2),
            weight_decay: real(s.weight_decay),
            clip: real(s.clip),
        };
        self.session.launch(
            &Kernel::plain::<kernel::Optimize>(),
            &arguments,
            grid(s.params, s.models),
            s.work(),
        )
    }
}

/// Every kernel of the operation.
pub(super) fn kernels() -> Vec<Kernel> {
    vec![
        Kernel::plain::<kernel::Squares>(),
        Kernel::plain::<kernel::Norms>(),
        Kernel::plain::<kernel::Optimize>(),
    ]
}

/// The kernels and their arguments.
mod kernel {
    super::super::kernel::kernels! {
        Squares, "squares", "optimizer_squares", [] {
            "const float*": gradients;
            "float*": squares;
            "unsigned": params chunks;
        }
        Norms, "norms", "optimizer_norms", [] {
            "const float*": squares scalars;
            "float*": norms;
            "unsigned": models chunks;
        }
        Optimize, "optimize", "optimizer_update", [] {
            "float*": weights first_moment second_moment;
            "const float*": gradients scalars norms;
            "unsigned": params decoupled;
            "float": beta1 beta2 rest1 rest2 weight_decay clip;
        }
    }
}
