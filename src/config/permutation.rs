//! The options of the permutation test.

use serde::{Deserialize, Serialize};

/// The permutation test of a cross-validation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
#[cfg_attr(feature = "cli", command(next_help_heading = "Permutation test"))]
#[serde(default, deny_unknown_fields)]
pub struct PermutationConfig {
    /// Only for crossval: train the whole cross-validation again under this many random permutations of the
    /// labels, and say how often one scores as high as the run: an exact p value. It takes about N times as
    /// long as the run. The smallest p is 1/(N+1): 99 permutations can show .01, 999 can show .001, and with
    /// fewer than 19 no p reaches .05
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permutations: Option<u32>,
    /// Seed of the permutations [default: 1]
    #[cfg_attr(feature = "cli", arg(long, value_name = "SEED"))]
    #[serde(skip_serializing_if = "Option::is_none", with = "super::seed::optional")]
    pub permutation_seed: Option<u64>,
}

impl PermutationConfig {
    /// The seed of the permutations.
    pub fn seed(&self) -> u64 {
        self.permutation_seed.unwrap_or(1)
    }

    /// Whether no option is given.
    pub(super) fn is_absent(&self) -> bool {
        *self == PermutationConfig::default()
    }
}
