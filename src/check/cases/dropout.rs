//! Cases of dropout.

use super::super::buffers::On;
use super::super::case::Case;
use super::super::tensors::{Outputs, Tensors};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{Dropout, DropoutOperands};
use crate::random::{Random, Stream};

/// Two models of other seeds at different steps, an activation forward and a gradient back.
#[derive(Clone, Debug)]
pub struct DropoutCase {
    /// The operation's sizes.
    pub dropout: Dropout,
}

impl Case for DropoutCase {
    /// `dropout M=2 len=1000 p=0.3`
    fn name(&self) -> String {
        let Dropout { models, len, rate, .. } = self.dropout;
        format!("dropout M={models} len={len} p={rate}")
    }

    fn tensors(&self) -> Tensors {
        let s = &self.dropout;
        let mut random = Random::new(s.len as u64, Stream::Check, [s.models as u32, 77]);
        let mut normal = || (0..s.models * s.len).map(|_| f64::from(random.normal() as f32)).collect();
        let counters =
            (0..s.models as u32).flat_map(|m| [7 + m, 11 + 3 * m, 4 + 5 * m, 1 + 249 * m]).collect();
        Tensors::default().with("x", normal()).with("d_out", normal()).with_words("counters", counters)
    }

    fn run<B: Backend>(&self, backend: &B, tensors: &Tensors) -> Result<Outputs> {
        let (s, on) = (&self.dropout, On { device: backend, tensors });
        let (counters, len) = (&on.words("counters")?, s.models * s.len);
        let (mut out, mut dx) = (on.output(len)?, on.output(len)?);
        backend.run::<Dropout>(s, DropoutOperands { counters, x: &on.reals("x")?, out: &mut out })?;
        backend.run::<Dropout>(s, DropoutOperands { counters, x: &on.reals("d_out")?, out: &mut dx })?;
        on.outputs(&self.name(), &[("out", &out, len), ("dx", &dx, len)])
    }

    fn values(&self) -> &'static [(&'static str, &'static str)] {
        &[("out", "d_out")]
    }

    fn slopes(&self) -> &'static [(&'static str, &'static str)] {
        &[("x", "dx")]
    }
}

/// Less than a draw of four numbers, no whole number of draws, and more than one task's.
pub fn table() -> Vec<DropoutCase> {
    let case = |(i, len): (usize, usize)| DropoutCase {
        dropout: Dropout { models: 2, len, rate: [0.3, 0.5][i % 2], layer: 3 + i as u32 },
    };
    [1, 3, 64, 1000, 1024, 5001, 40_000].into_iter().enumerate().map(case).collect()
}
