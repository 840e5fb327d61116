//! The loss: a few numbers a row, for which the reference itself is fast enough.

use super::device::Cpu;
use crate::error::Result;
use crate::ops::{Checked, Loss, LossOperands, Runs};
use crate::reference::Reference;

impl Runs<Loss> for Cpu {
    fn execute(&self, s: &Loss, a: LossOperands<Self>, checked: Checked) -> Result<()> {
        let LossOperands { logits, labels, lengths, class_weights, losses, row, d_logits } = a;
        let on_the_host: LossOperands<Reference<f32>> =
            LossOperands { logits, labels, lengths, class_weights, losses, row, d_logits };
        Runs::<Loss>::execute(&Reference::<f32>::default(), s, on_the_host, checked)
    }
}
