//! Tensors of parameters.

/// One tensor of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// PyTorch's name within its module.
    pub name: String,
    /// Shape of the tensor, as in PyTorch.
    pub shape: Vec<usize>,
    /// The initialization that the tensor needs.
    pub role: Role,
    /// Numbers that one output sees, or the hidden units of a recurrent layer: PyTorch's defaults follow from
    /// them.
    pub fan: usize,
}

/// The role of a tensor, which decides its initial values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Multiplies inputs.
    Weight,
    /// Multiplies the state of the step before.
    Recurrent,
    /// A bias.
    Bias,
    /// The bias of a recurrent layer's gates, one of which forgets.
    GateBias {
        /// Index of the forget gate.
        gate: usize,
        /// `H`: hidden units of each gate.
        hidden: usize,
    },
}

impl Tensor {
    pub(super) fn new(name: impl Into<String>, shape: &[usize], role: Role, fan: usize) -> Self {
        Tensor { name: name.into(), shape: shape.to_vec(), role, fan }
    }
}
