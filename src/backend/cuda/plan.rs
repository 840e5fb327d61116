//! How a recurrent layer is run: a pure function of its sizes and the precision.

use super::kernel::{
    self, Kernel, PackInput, PackSolo, PackStep, SoloBackward, SoloForward, StepBackward, StepEnd,
    StepForward,
};
use crate::backend::Products;
use crate::error::{Error, Result};
use crate::ops::{Cell, Precision, Rnn};

/// Where the recurrent weights are while a layer walks its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Regime {
    /// In registers of one multiprocessor: a block walks all steps of eight rows. tf32 up to 64 units, bf16 up to 128.
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

/// Units to whole warps of 16.
pub fn padded(hidden: usize) -> usize {
    hidden.next_multiple_of(16)
}

/// The kernels of a layer.
#[derive(Clone, Copy)]
pub struct Kernels {
    pub cell: Cell,
    pub hidden: usize,
    pub precision: Precision,
}

impl Kernels {
    pub fn of(s: &Rnn, precision: Precision) -> Self {
        Kernels { cell: s.cell, hidden: s.hidden, precision }
    }

    pub fn pack_input(&self) -> Kernel {
        Kernel::of_cell::<PackInput>(self.cell, self.precision)
    }

    pub fn pack_step(&self) -> Kernel {
        Kernel::of_cell::<PackStep>(self.cell, self.precision)
    }

    pub fn pack_solo(&self) -> Kernel {
        Kernel::of_width::<PackSolo>(self.cell, self.precision, padded(self.hidden), kernel::THREADS)
    }

    pub fn solo_forward(&self) -> Kernel {
        Kernel::of_width::<SoloForward>(self.cell, self.precision, padded(self.hidden), self.solo_threads())
    }

    pub fn solo_backward(&self) -> Kernel {
        Kernel::of_width::<SoloBackward>(self.cell, self.precision, padded(self.hidden), self.solo_threads())
    }

    /// A warp for 16 units.
    fn solo_threads(&self) -> u32 {
        2 * padded(self.hidden) as u32
    }

    pub fn step_forward(&self) -> Kernel {
        Kernel::of_cell::<StepForward>(self.cell, self.precision)
    }

    pub fn step_backward(&self) -> Kernel {
        Kernel::of_cell::<StepBackward>(self.cell, self.precision)
    }

    pub fn step_end(&self) -> Kernel {
        Kernel::of_cell::<StepEnd>(self.cell, self.precision)
    }

    pub fn project(&self) -> Kernel {
        Kernel::product(self.precision, false, true, true)
    }

    pub fn recurrent_product(&self) -> Kernel {
        Kernel::product(self.precision, false, true, false)
    }

    pub fn gradient_product(&self) -> Kernel {
        Kernel::product(self.precision, true, false, false)
    }

    pub fn weight_gradient(&self) -> Kernel {
        Kernel::of_cell::<kernel::WeightGradient>(self.cell, self.precision)
    }

    pub fn weight_gradient_sum(&self) -> Kernel {
        Kernel::of_cell::<kernel::WeightGradientSum>(self.cell, self.precision)
    }

    /// Those of a training step with all gradients, in the order of their first launch.
    pub fn all(&self, regime: Regime) -> Vec<Kernel> {
        let walk = match regime {
            Regime::Solo => vec![
                self.pack_solo(),
                self.pack_input(),
                self.project(),
                self.solo_forward(),
                self.solo_backward(),
                self.gradient_product(),
            ],
            Regime::PerStep => vec![
                self.pack_step(),
                self.pack_input(),
                self.project(),
                self.recurrent_product(),
                self.step_forward(),
                self.step_backward(),
                self.gradient_product(),
                self.step_end(),
            ],
        };
        walk.into_iter().chain([self.weight_gradient(), self.weight_gradient_sum()]).collect()
    }
}

/// Every kernel that a layer, the rest of a training step or a measurement of the device may ask for.
pub fn every_kernel() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    for precision in Precision::ALL {
        for cell in Cell::ALL {
            for regime in Regime::ALL {
                let widths = (16..=128).step_by(16).filter(|&hidden| regime.runs(hidden, precision));
                kernels.extend(widths.flat_map(|hidden| Kernels { cell, hidden, precision }.all(regime)));
            }
        }
        kernels.extend([
            Kernel::of_precision::<kernel::ConvForward>(precision),
            Kernel::of_precision::<kernel::ConvWeightGradient>(precision),
            Kernel::of_precision::<kernel::ConvInputGradient>(precision),
            Kernel::roof_compute(precision, super::roof::CHAINS),
        ]);
    }
    kernels.extend([
        Kernel::plain::<kernel::ConvWeightGradientSum>(),
        Kernel::plain::<kernel::Gather>(),
        Kernel::plain::<kernel::Dropout>(),
        Kernel::plain::<kernel::PoolForward>(),
        Kernel::plain::<kernel::PoolBackward>(),
        Kernel::plain::<kernel::LinearForward>(),
        Kernel::plain::<kernel::LinearInputGradient>(),
        Kernel::plain::<kernel::LinearWeightGradient>(),
        Kernel::plain::<kernel::Loss>(),
        Kernel::plain::<kernel::Squares>(),
        Kernel::plain::<kernel::Norms>(),
        Kernel::plain::<kernel::Optimize>(),
        Kernel::plain::<kernel::RoofMemory>(),
    ]);
    kernels.extend(super::probe::every_kernel());
    let mut seen = std::collections::HashSet::new();
    kernels.retain(|kernel| seen.insert(kernel.clone()));
    kernels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Slab;

    #[test]
    fn the_regime_follows_from_the_width_and_the_precision() {
        for (hidden, precision, regime) in [
            (64, Precision::Fp32, Regime::PerStep),
            (64, Precision::Tf32, Regime::Solo),
            (65, Precision::Tf32, Regime::PerStep),
            (128, Precision::Bf16, Regime::Solo),
            (129, Precision::Bf16, Regime::PerStep),
        ] {
            let weights = Slab { offset: 0, stride: 0 };
            let s = Rnn {
                cell: Cell::Gru,
                models: 1,
                batch: 1,
                steps: 1,
                input: 1,
                hidden,
                dirs: 1,
                biases: 2,
                weights,
            };
            assert_eq!(Regime::choose(None, &s, precision).unwrap(), regime, "{hidden} {precision:?}");
            let forced = Regime::choose(Some(Regime::Solo), &s, precision);
            assert_eq!(forced.is_ok(), regime == Regime::Solo, "{hidden} {precision:?}");
        }
    }

    #[test]
    fn every_kernel_is_listed_once_and_has_a_text() {
        let kernels = every_kernel();
        let solo = kernels.iter().filter(|kernel| kernel.is_solo()).count();
        // Forward and backward of two cells, at 4 widths in tf32 and 8 in bf16.
        assert_eq!(solo, 2 * 2 * (4 + 8));
        let names: std::collections::HashSet<String> = kernels.iter().map(Kernel::name).collect();
        assert_eq!(names.len(), kernels.len());
    }
}
