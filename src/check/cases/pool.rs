//! Cases of pooling over time.

use super::super::buffers::On;
use super::super::case::Case;
use super::super::tensors::{Outputs, Tensors};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{Pool, PoolBackward, PoolBackwardOperands, PoolForward, PoolForwardOperands, PoolKind};
use crate::random::{Random, Stream};

/// Forward and, of another gradient, backward; of three rows one is absent and one has a single step.
#[derive(Clone, Debug)]
pub struct PoolCase {
    /// The operation's sizes.
    pub pool: Pool,
}

impl PoolCase {
    /// Numbers in the pooled tensor.
    fn pooled_len(&self) -> usize {
        let Pool { kind, models, batch, steps, hidden, dirs, states } = self.pool;
        let axis = if kind == PoolKind::Last { states } else { steps };
        models * axis * batch * dirs * hidden
    }
}

impl Case for PoolCase {
    /// `pool mean M=3 B=5 T=7 H=9 dirs=2`
    fn name(&self) -> String {
        let Pool { kind, models, batch, steps, hidden, dirs, .. } = self.pool;
        let kind = if kind == PoolKind::Last { "last" } else { "mean" };
        format!("pool {kind} M={models} B={batch} T={steps} H={hidden} dirs={dirs}")
    }

    fn tensors(&self) -> Tensors {
        let s = &self.pool;
        let mut random =
            Random::new((s.steps * 1_009 + s.hidden) as u64, Stream::Check, [s.batch as u32, 78]);
        let mut normal = |len| (0..len).map(|_| f64::from(random.normal() as f32)).collect();
        let length = |row: usize| [s.steps as u32, 0, 1][row % 3];
        Tensors::default()
            .with("from", normal(self.pooled_len()))
            .with("d_out", normal(s.y_len()))
            .with_words("lengths", (0..s.models * s.batch).map(length).collect())
    }

    fn run<B: Backend>(&self, backend: &B, tensors: &Tensors) -> Result<Outputs> {
        let (s, on) = (&self.pool, On { device: backend, tensors });
        let lengths = &on.words("lengths")?;
        let (mut out, mut d_from) = (on.output(s.y_len())?, on.output(self.pooled_len())?);
        let a = PoolForwardOperands { lengths, from: &on.reals("from")?, out: &mut out };
        backend.run::<PoolForward>(s, a)?;
        let a = PoolBackwardOperands { lengths, d_out: &on.reals("d_out")?, to: &mut d_from };
        backend.run::<PoolBackward>(s, a)?;
        let outputs = [("out", &out, s.y_len()), ("d_from", &d_from, self.pooled_len())];
        on.outputs(&self.name(), &outputs)
    }

    fn golden() -> Option<(&'static str, Self)> {
        let kind = PoolKind::Mean;
        let pool = Pool { kind, models: 1, batch: 3, steps: 5, hidden: 4, dirs: 1, states: 1 };
        Some(("pool", PoolCase { pool }))
    }

    fn values(&self) -> &'static [(&'static str, &'static str)] {
        &[("out", "d_out")]
    }

    fn slopes(&self) -> &'static [(&'static str, &'static str)] {
        &[("from", "d_from")]
    }
}

/// Both kinds, one direction and two, one step and many.
pub fn table() -> Vec<PoolCase> {
    let mut cases = Vec::new();
    for kind in [PoolKind::Last, PoolKind::Mean] {
        for (batch, steps, hidden, dirs) in [(1, 1, 1, 1), (5, 7, 9, 2), (3, 70, 8, 2), (7, 70, 33, 1)] {
            cases.push(PoolCase { pool: Pool { kind, models: 3, batch, steps, hidden, dirs, states: 2 } });
        }
    }
    cases
}
