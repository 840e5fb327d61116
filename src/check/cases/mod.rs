//! The table of cases of all operations, which tests, `engine check` and the benches run.

pub mod attention;
pub mod conv;
pub mod dropout;
pub mod gather;
pub mod linear;
pub mod loss;
pub mod optimizer;
pub mod pool;
pub mod rnn;

pub use attention::{AttentionCase, AttentionSize};
pub use conv::{ConvCase, ConvSize};
pub use dropout::DropoutCase;
pub use gather::GatherCase;
pub use linear::{LinearCase, LinearSize};
pub use loss::LossCase;
pub use optimizer::OptimizerCase;
pub use pool::PoolCase;
pub use rnn::RnnCase;

use super::bound::Outcome;
use super::case::Case;
use super::conformance::{conformance, conformance_of};
use super::gradients::gradients;
use super::tensors::{Outputs, Tensors};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::Precision;

/// One line an operation: its module, its case and its title, in the order of a training step.
macro_rules! operations {
    ($($variant:ident: $module:ident, $case:ident, $title:literal;)*) => {
        /// A case of any operation: the elements of the table that `engine check` runs.
        #[derive(Clone, Debug)]
        pub enum AnyCase {
            $(#[doc = $title] $variant($case),)*
        }

        impl AnyCase {
            /// The whole table, one operation after the other.
            pub fn all() -> Vec<AnyCase> {
                let mut all = Vec::new();
                $(all.extend($module::table().into_iter().map(AnyCase::$variant));)*
                all
            }

            /// See [`Case::golden`].
            pub fn goldens() -> Vec<(&'static str, AnyCase)> {
                let mut goldens = Vec::new();
                $(goldens.extend($case::golden().map(|(name, case)| (name, AnyCase::$variant(case))));)*
                goldens
            }

            /// Its operation and what that is.
            pub fn operation(&self) -> &'static str {
                match self {
                    $(AnyCase::$variant(_) => $title,)*
                }
            }

            /// No two cases have one name.
            pub fn name(&self) -> String {
                match self {
                    $(AnyCase::$variant(case) => case.name(),)*
                }
            }

            /// See [`Case::run`].
            pub fn run<B: Backend>(&self, backend: &B, tensors: &Tensors) -> Result<Outputs> {
                match self {
                    $(AnyCase::$variant(case) => case.run(backend, tensors),)*
                }
            }

            /// See [`Case::tensors`].
            pub fn tensors(&self) -> Tensors {
                match self {
                    $(AnyCase::$variant(case) => case.tensors(),)*
                }
            }

            /// See [`conformance`].
            pub fn conformance<B: Backend>(&self, backend: &B) -> Result<Outcome> {
                match self {
                    $(AnyCase::$variant(case) => conformance(backend, case),)*
                }
            }

            /// See [`conformance_of`].
            pub fn conformance_of(
                &self,
                precision: Precision,
                run: impl Fn(&Tensors) -> Result<Outputs>,
            ) -> Result<Outcome> {
                match self {
                    $(AnyCase::$variant(case) => conformance_of(case, precision, run),)*
                }
            }

            /// See [`gradients`].
            pub fn gradients(&self) -> Result<Option<Outcome>> {
                match self {
                    $(AnyCase::$variant(case) => gradients(case),)*
                }
            }
        }
    };
}

operations! {
    Gather: gather, GatherCase, "gather: a mini-batch out of the frame table";
    Conv: conv, ConvCase, "conv: convolution, ReLU and max-pooling";
    Rnn: rnn, RnnCase, "rnn: recurrent layers";
    Pool: pool, PoolCase, "pool: pooling over time";
    Attention: attention, AttentionCase, "attention: pooling by learned weights of the steps";
    Linear: linear, LinearCase, "linear: linear layers";
    Dropout: dropout, DropoutCase, "dropout";
    Loss: loss, LossCase, "loss: softmax cross-entropy";
    Optimizer: optimizer, OptimizerCase, "optimizer: clipping and the parameter update";
}

impl AnyCase {
    /// The whole table by operation.
    pub fn by_operation() -> Vec<Vec<AnyCase>> {
        let all = AnyCase::all();
        all.chunk_by(|a, b| a.operation() == b.operation()).map(<[AnyCase]>::to_vec).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_cases_have_one_name() {
        let mut names: Vec<String> = AnyCase::all().iter().map(AnyCase::name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
