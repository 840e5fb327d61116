//! A case of any operation.

use super::{Case, ConvCase, OptimizerCase, conv_table, optimizer_table, table};

/// What `engine check` walks.
#[derive(Clone, Debug)]
pub enum AnyCase {
    Rnn(Case),
    Conv(ConvCase),
    Optimizer(OptimizerCase),
}

impl AnyCase {
    /// All tables, one after the other.
    pub fn all() -> Vec<AnyCase> {
        let rnn = table().into_iter().map(AnyCase::Rnn);
        let conv = conv_table().into_iter().map(AnyCase::Conv);
        let optimizer = optimizer_table().into_iter().map(AnyCase::Optimizer);
        rnn.chain(conv).chain(optimizer).collect()
    }

    /// No two cases have one name.
    pub fn name(&self) -> String {
        match self {
            AnyCase::Rnn(case) => case.name(),
            AnyCase::Conv(case) => case.name(),
            AnyCase::Optimizer(case) => case.name(),
        }
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
