//! Packing the weights.

use super::super::device::Cpu;
use crate::error::Result;
use crate::ops::{Checked, Rnn, RnnLoad, RnnLoadOperands, Runs};
use rayon::prelude::*;

impl Runs<RnnLoad> for Cpu {
    fn execute(&self, s: &Rnn, a: RnnLoadOperands<Self>, _: Checked) -> Result<()> {
        let layer = &mut a.layer.memory;
        layer.check(self.isa().lanes());
        let packed = layer.packed.par_iter_mut().enumerate();
        packed.for_each(|(i, packed)| packed.load(s, a.weights, i / s.dirs, i % s.dirs));
        Ok(())
    }
}
