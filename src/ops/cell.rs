//! The one table of all recurrent cells.

use serde::{Deserialize, Serialize};

/// The table. Calls the macro `$then` with it, so that everything that exists once per cell is written from
/// here: the enum below, and the text of each cell's kernels in the GPU backends.
macro_rules! cells {
    ($then:ident) => {
        $then! {
            /// Hochreiter and Schmidhuber 1997 with forget gate (Gers et al. 2000); gates i, f, g, o.
            Lstm "lstm" { gates: 4, states: 2, joint: 4, forget: Some(1) }
            /// Cho et al. 2014, reset gate applied after the recurrent product (as cuDNN does); gates r, z,
            /// n.
            Gru "gru" { gates: 3, states: 1, joint: 2, forget: None }
        }
    };
}
pub(crate) use cells;

/// The properties of a cell, without its equations.
struct Facts {
    name: &'static str,
    bidirectional_name: &'static str,
    gates: usize,
    states: usize,
    joint: usize,
    forget: Option<usize>,
}

macro_rules! define {
    ($($(#[$doc:meta])* $cell:ident $name:literal { $($fact:ident: $value:expr),* })*) => {
        /// A recurrent cell. Gate order and the two bias vectors are PyTorch's and cuDNN's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Cell {
            $($(#[$doc])* #[serde(rename = $name)] $cell,)*
        }

        impl Cell {
            /// Every cell, in the order of the table.
            pub const ALL: [Cell; [$(Cell::$cell),*].len()] = [$(Cell::$cell),*];

            const fn facts(self) -> Facts {
                match self {
                    $(Cell::$cell => Facts {
                        name: $name,
                        bidirectional_name: concat!("bi", $name),
                        $($fact: $value),*
                    },)*
                }
            }
        }
    };
}
cells!(define);

impl Cell {
    /// The name of the cell, as the command line spells it.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// Of a layer with two directions.
    pub const fn bidirectional_name(self) -> &'static str {
        self.facts().bidirectional_name
    }

    /// `G`: gates per hidden unit, at most 4.
    pub const fn gates(self) -> usize {
        self.facts().gates
    }

    /// `S`: state vectors carried from step to step: `h`, and `c` for cells that have a cell state.
    pub const fn states(self) -> usize {
        self.facts().states
    }

    /// Leading gates whose input and recurrent parts are simply added. The recurrent parts of the others
    /// reach the cell apart.
    pub const fn joint_gates(self) -> usize {
        self.facts().joint
    }

    /// The gate whose bias Keras begins at 1, if the cell has one that forgets.
    pub const fn forget_gate(self) -> Option<usize> {
        self.facts().forget
    }

    /// Numbers per hidden unit and step that forward saves for backward: the gates, then the cell state or,
    /// without one, the recurrent part of the gate whose parts stay apart.
    pub const fn saved(self) -> usize {
        self.gates() + 1
    }

    /// Of those slots, after backward, the one with the gradient of gate `g`'s recurrent part: the gate's own
    /// where the parts are added, else the last.
    pub const fn recurrent_slot(self, gate: usize) -> usize {
        if gate < self.joint_gates() { gate } else { self.gates() }
    }
}
