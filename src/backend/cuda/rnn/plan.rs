//! How a recurrent layer is run: a pure function of its sizes and the precision.

use crate::backend::Products;
use crate::error::{Error, Result};
use crate::ops::{Precision, Rnn};

/// Where the recurrent weights are while a layer walks its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Regime {
    /// In registers of one multiprocessor: a block walks all steps of eight rows. tf32 up to 64 units, bf16
    /// up to 128.
    Solo,
    /// In memory: a product and a kernel for the cells at each step. Any width, any precision.
    PerStep,
}

impl Regime {
    pub const ALL: [Regime; 2] = [Regime::Solo, Regime::PerStep];

    pub fn name(self) -> &'static str {
        match self {
            Regime::Solo => "solo",
            Regime::PerStep => "per-step",
        }
    }

    /// Whether a layer of so many units can run so.
    pub fn runs(self, hidden: usize, precision: Precision) -> bool {
        match (self, precision) {
            (Regime::PerStep, _) => true,
            // Products in f32 have no operand that would stay in registers.
            (Regime::Solo, Precision::Fp32) => false,
            (Regime::Solo, Precision::Tf32) => hidden <= 64,
            (Regime::Solo, Precision::Bf16) => hidden <= 128,
        }
    }

    /// The one asked for, or the first that runs.
    pub fn choose(wanted: Option<Regime>, s: &Rnn, precision: Precision) -> Result<Regime> {
        match wanted {
            Some(regime) if !regime.runs(s.hidden, precision) => Err(Error::config(format!(
                "a layer of {} units in {} does not fit the regime `{}`",
                s.hidden,
                precision.name(),
                regime.name()
            ))
            .hint("tf32 runs solo up to 64 units, bf16 up to 128, fp32 never")),
            Some(regime) => Ok(regime),
            None => Ok(if Regime::Solo.runs(s.hidden, precision) { Regime::Solo } else { Regime::PerStep }),
        }
    }
}

/// What is chosen by default, and can be forced.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    pub regime: Option<Regime>,
    pub products: Products,
    /// That weight gradients which are not yet added up may take: of so many models they are made at once.
    pub partial_bytes: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning { regime: None, products: Products::Own, partial_bytes: 256 << 20 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Cell;

    #[test]
    fn the_regime_follows_from_the_width_and_the_precision() {
        for (hidden, precision, regime) in [
            (64, Precision::Fp32, Regime::PerStep),
            (64, Precision::Tf32, Regime::Solo),
            (65, Precision::Tf32, Regime::PerStep),
            (128, Precision::Bf16, Regime::Solo),
            (129, Precision::Bf16, Regime::PerStep),
        ] {
            let s = Rnn::one(Cell::Gru, [1, 1, 1, hidden]);
            assert_eq!(Regime::choose(None, &s, precision).unwrap(), regime, "{hidden} {precision:?}");
            let forced = Regime::choose(Some(Regime::Solo), &s, precision);
            assert_eq!(forced.is_ok(), regime == Regime::Solo, "{hidden} {precision:?}");
        }
    }
}
