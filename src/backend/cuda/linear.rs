//! Linear layers.

use super::device::Cuda;
use super::executor::Executor;
use super::kernel::{Kernel, grid};
use crate::error::Result;
use crate::ops::{
    Checked, Linear, LinearBackward, LinearBackwardOperands, LinearForward, LinearForwardOperands, Runs,
};

impl<E: Executor> Runs<LinearForward> for Cuda<E> {
    fn execute(&self, s: &Linear, a: LinearForwardOperands<Self>, _: Checked) -> Result<()> {
        let arguments = kernel::LinearForward {
            weights: a.weights.at(s.weights.offset),
            x: a.x.address(),
            y: a.y.address(),
            stride: s.weights.stride as u64,
            batch: s.batch as u64,
            inputs: s.input as u64,
            outputs: s.output as u64,
            relu: u64::from(s.relu),
        };
        let kernel = Kernel::plain::<kernel::LinearForward>();
        self.session.launch(&kernel, &arguments, sums(s.batch * s.output, s.models), s.forward_work())
    }
}

impl<E: Executor> Runs<LinearBackward> for Cuda<E> {
    fn execute(&self, s: &Linear, a: LinearBackwardOperands<Self>, _: Checked) -> Result<()> {
        if let Some(dx) = a.dx {
            let arguments = kernel::LinearInputGradient {
                weights: a.weights.at(s.weights.offset),
                y: a.y.address(),
                dy: a.dy.address(),
                dx: dx.address(),
                stride: s.weights.stride as u64,
                batch: s.batch as u64,
                inputs: s.input as u64,
                outputs: s.output as u64,
                relu: u64::from(s.relu),
            };
            let kernel = Kernel::plain::<kernel::LinearInputGradient>();
            self.session.launch(
                &kernel,
                &arguments,
                grid(s.batch * s.input, s.models),
                s.backward_work().share(1, 2),
            )?;
        }
        let arguments = kernel::LinearWeightGradient {
            x: a.x.address(),
            y: a.y.address(),
            dy: a.dy.address(),
            d_weights: a.d_weights.at(s.weights.offset),
            stride: s.weights.stride as u64,
            batch: s.batch as u64,
            inputs: s.input as u64,
            outputs: s.output as u64,
            relu: u64::from(s.relu),
        };
        let kernel = Kernel::plain::<kernel::LinearWeightGradient>();
        self.session.launch(&kernel, &arguments, sums(s.params(), s.models), s.backward_work().share(1, 2))
    }
}

/// The grid for a number of sums of split_sum.cu, for each model.
fn sums(count: usize, models: usize) -> [usize; 3] {
    const SUMS: usize = 32;
    [count.div_ceil(SUMS), 1, models]
}

/// Every kernel of the operation.
pub(super) fn kernels() -> Vec<Kernel> {
    vec![
        Kernel::plain::<kernel::LinearForward>(),
        Kernel::plain::<kernel::LinearInputGradient>(),
        Kernel::plain::<kernel::LinearWeightGradient>(),
    ]
}

/// The kernels and their arguments.
mod kernel {
    super::super::kernel::kernels! {
        LinearForward, "linear forward", "linear_forward", ["split_sum"] {
            "const float*": weights x;
            "float*": y;
            "size_t": stride;
            "unsigned": batch inputs outputs relu;
        }
        LinearInputGradient, "linear input gradient", "linear_input_gradient", [] {
            "const float*": weights y dy;
            "float*": dx;
            "size_t": stride;
            "unsigned": batch inputs outputs relu;
        }
        LinearWeightGradient, "linear weight gradient", "linear_weight_gradient", ["split_sum"] {
            "const float*": x y dy;
            "float*": d_weights;
            "size_t": stride;
            "unsigned": batch inputs outputs relu;
        }
    }
}
