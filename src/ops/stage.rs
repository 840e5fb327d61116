//! The stages of a network: a list that everything walks which asks something of each of them.

use super::{Conv, Linear, Pool, Rnn};

/// An operation with an output of its own that the next one reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    Conv(Conv),
    Rnn(Rnn),
    Pool(Pool),
    Linear(Linear),
}

/// Calls a method that the sizes of every stage have.
macro_rules! each_stage {
    ($stage:expr, $s:ident => $work:expr) => {
        match $stage {
            $crate::ops::Stage::Conv($s) => $work,
            $crate::ops::Stage::Rnn($s) => $work,
            $crate::ops::Stage::Pool($s) => $work,
            $crate::ops::Stage::Linear($s) => $work,
        }
    };
}

impl Stage {
    /// Numbers of its output, `(M, T, B, ...)` or `(M, B, ...)`.
    pub fn output_len(&self) -> usize {
        each_stage!(self, s => s.y_len())
    }

    /// Parameters of one model.
    pub fn params(&self) -> usize {
        each_stage!(self, s => s.params())
    }

    /// Its parameters of one model, in the order of the flat buffer.
    pub fn tensors(&self) -> Vec<Tensor> {
        each_stage!(self, s => s.tensors())
    }

    /// What it is, for a table of layers.
    pub fn describe(&self) -> String {
        each_stage!(self, s => s.describe())
    }

    /// Its output of one row, `steps x features`, or one number where there is no time any more.
    pub fn output_shape(&self) -> String {
        each_stage!(self, s => s.output_shape())
    }
}

/// One tensor of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// PyTorch's name within its module.
    pub name: String,
    pub shape: Vec<usize>,
    pub role: Role,
    /// Numbers that one output sees, or the hidden units of a recurrent layer: PyTorch's defaults follow from them.
    pub fan: usize,
}

/// What a tensor is for, which decides how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Multiplies inputs.
    Weight,
    /// Multiplies the state of the step before.
    Recurrent,
    Bias,
    /// The bias of a recurrent layer's gates, one of which forgets.
    GateBias {
        gate: usize,
        hidden: usize,
    },
}

impl Tensor {
    pub(super) fn new(name: impl Into<String>, shape: &[usize], role: Role, fan: usize) -> Self {
        Tensor { name: name.into(), shape: shape.to_vec(), role, fan }
    }
}
