//! Cases of cutting a mini-batch out of the frame table.

use super::super::buffers::On;
use super::super::case::Case;
use super::super::tensors::{Outputs, Tensors};
use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{Gather, GatherOperands};
use crate::random::{Random, Stream};
use ndarray::ArcArray2;

/// Ragged rows out of a table in two chunks, some beginning in the second; every fifth row is absent.
#[derive(Clone, Debug)]
pub struct GatherCase {
    /// The operation's sizes.
    pub gather: Gather,
}

impl GatherCase {
    fn random(&self, place: u32) -> Random {
        let s = &self.gather;
        Random::new((s.steps * 1_009 + s.features) as u64, Stream::Check, [s.batch as u32, place])
    }

    /// Frames of both chunks together.
    fn frames(&self) -> usize {
        3 * self.gather.steps + 2
    }

    /// Those of the first chunk.
    fn first_chunk(&self) -> usize {
        self.gather.steps + 1
    }
}

impl Case for GatherCase {
    /// `gather M=2 B=3 T=4 D=5 statistics per step`
    fn name(&self) -> String {
        let Gather { models, batch, steps, features, stat_steps } = self.gather;
        let per_step = if stat_steps > 1 { " statistics per step" } else { "" };
        format!("gather M={models} B={batch} T={steps} D={features}{per_step}")
    }

    fn tensors(&self) -> Tensors {
        let s = &self.gather;
        let (rows, frames) = (s.models * s.batch, self.frames());
        let mut random = self.random(0);
        let normal = |_| f64::from(random.normal() as f32);
        let stats = (0..s.models * 2 * s.stat_steps * s.features).map(normal).collect();
        let length = |row: usize| if row % 5 == 4 { 0 } else { s.steps - row % s.steps };
        // A row lies in one chunk.
        let first = |row: usize| match row % 2 {
            0 => row % (self.first_chunk() - length(row) + 1),
            _ => self.first_chunk() + row % (frames - self.first_chunk() - length(row) + 1),
        };
        Tensors::default()
            .with("stats", stats)
            .with_words("first", (0..rows).map(|row| first(row) as u32).collect())
            .with_words("lengths", (0..rows).map(|row| length(row) as u32).collect())
    }

    fn run<B: Backend>(&self, backend: &B, tensors: &Tensors) -> Result<Outputs> {
        let (s, on) = (&self.gather, On { device: backend, tensors });
        let mut random = self.random(1);
        let mut chunk =
            |frames| ArcArray2::from_shape_simple_fn((frames, s.features), || random.normal() as f32);
        let chunks = [chunk(self.first_chunk()), chunk(self.frames() - self.first_chunk())];
        let len = s.models * s.steps * s.batch * s.features;
        let mut x = on.output(len)?;
        let a = GatherOperands {
            frames: &backend.frames(&chunks)?,
            first: &on.words("first")?,
            lengths: &on.words("lengths")?,
            stats: &on.reals("stats")?,
            x: &mut x,
        };
        backend.run::<Gather>(s, a)?;
        on.outputs(&self.name(), &[("x", &x, len)])
    }
}

/// One statistic for all steps and one for each; sizes of one, odd, and of more than one task.
pub fn table() -> Vec<GatherCase> {
    let mut cases = Vec::new();
    for (models, batch, steps, features) in [(1, 1, 1, 1), (2, 3, 4, 5), (3, 9, 7, 33), (2, 32, 40, 37)] {
        for stat_steps in if steps == 1 { vec![1] } else { vec![1, steps] } {
            cases.push(GatherCase { gather: Gather { models, batch, steps, features, stat_steps } });
        }
    }
    cases
}
