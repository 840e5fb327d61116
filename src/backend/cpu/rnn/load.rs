//! Packing the weights.

use super::super::device::Cpu;
use super::super::format::with_format;
use crate::error::Result;
use crate::ops::{Checked, Rnn, RnnLoad, RnnLoadOperands, Runs};
use rayon::prelude::*;

impl Runs<RnnLoad> for Cpu {
    fn execute(&self, s: &Rnn, a: RnnLoadOperands<Self>, _: Checked) -> Result<()> {
        let layer = &mut a.layer.memory;
        layer.check(self.layout());
        let packed = layer.packed.par_iter_mut().enumerate();
        with_format!(self.precision, E => packed.for_each(|(i, packed)| {
            packed.load::<E>(s, a.weights, i / s.dirs, i % s.dirs);
        }));
        Ok(())
    }
}
