//! Dropout with the bits of the reference: whole-number arithmetic on arrays, which the compiler turns into
//! the vectors of the path that it compiles for.

use super::device::Cpu;
use super::format::Fp32;
use super::isa::{self, Task};
use super::simd::Simd;
use super::tasks::for_each_task;
use crate::backend::disjoint::Disjoint;
use crate::error::Result;
use crate::ops::{Checked, Dropout, DropoutOperands, Runs};
use crate::random::philox_lanes;

/// Counters drawn side by side.
const LANES: usize = 16;
/// Numbers that those decide on.
const DRAW: usize = 4 * LANES;
/// Draws of one task.
const DRAWS: usize = 16;

impl Runs<Dropout> for Cpu {
    fn execute(&self, s: &Dropout, a: DropoutOperands<Self>, _: Checked) -> Result<()> {
        let isa = self.isa();
        let DropoutOperands { counters, x, out } = a;
        let chunks = s.len.div_ceil(DRAWS * DRAW);
        let out = Disjoint::new(out);
        /// Numbers that could be copied in the time that it takes to draw one.
        const DRAWN: usize = 8;
        for_each_task(s.models * chunks, DRAWN * DRAWS * DRAW, |i| {
            let (m, first) = (i / chunks, i % chunks * DRAWS * DRAW);
            let range = m * s.len + first..m * s.len + (first + DRAWS * DRAW).min(s.len);
            let [key_0, key_1, fold, step] = [0, 1, 2, 3].map(|i| counters[4 * m + i]);
            let task = Chunk {
                key: [key_0, key_1],
                place: [step, fold, s.layer],
                counter: (first / 4) as u32,
                threshold: s.threshold(),
                scale: (1.0 / (1.0 - s.rate)) as f32,
                x: &x[range.clone()],
                // SAFETY: each task has a chunk of a model of its own, and chunks end where the next begins
                // or the model does.
                out: unsafe { out.range(range) },
            };
            isa::run(isa, task);
        });
        Ok(())
    }
}

struct Chunk<'a> {
    key: [u32; 2],
    /// Step, fold, layer.
    place: [u32; 3],
    /// Of the first number.
    counter: u32,
    threshold: u32,
    scale: f32,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Task for Chunk<'_> {
    type Format = Fp32;
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        const { assert!(DRAW.is_multiple_of(S::LANES), "factors are whole vectors") };
        let [step, fold, layer] = self.place.map(|word| [word; LANES]);
        let mut counters: [u32; LANES] = std::array::from_fn(|lane| self.counter + lane as u32);
        for (x, out) in self.x.chunks(DRAW).zip(self.out.chunks_mut(DRAW)) {
            let words = philox_lanes(self.key, [counters, step, fold, layer]);
            let mut factors = [0.0; DRAW];
            for lane in 0..LANES {
                for word in 0..4 {
                    let dropped = words[word][lane] < self.threshold;
                    factors[lane * 4 + word] = if dropped { 0.0 } else { self.scale };
                }
            }
            let x = &x[..out.len()];
            for i in (0..out.len()).step_by(S::LANES) {
                let count = out.len() - i;
                // SAFETY: `run`'s caller has `S`'s instructions; from `i` on `x` and `out` have `count`
                // numbers left, and `factors`, which are whole vectors, at least one vector.
                unsafe {
                    let (zero, factor) = (S::splat(0.0), S::load(factors.as_ptr().add(i)));
                    let scaled = S::mul(S::load_first(x.as_ptr().add(i), count), factor);
                    // Their product would be NaN for a dropped infinity, which is 0, too.
                    let scaled = S::select_less(zero, factor, scaled, zero);
                    S::store_first(out.as_mut_ptr().add(i), scaled, count);
                }
            }
            for counter in &mut counters {
                *counter += LANES as u32;
            }
        }
    }
}
