//! The sketches of a data set's series.

use super::sketch::Sketch;
use ndarray::{ArcArray2, ArrayView2, s};
use rayon::prelude::*;
use std::ops::{Deref, Range};
use std::sync::OnceLock;

/// The [`Sketch`] of each series of a data set. Those of arrays are taken when somebody asks: to train one
/// network on all windows needs none. They share the frames that they are taken from.
#[derive(Clone, Debug)]
pub struct Sketches {
    taken: OnceLock<Vec<Sketch>>,
    /// The samples that the untaken ones lie in.
    sources: Vec<Source>,
}

/// The series of one recording: its samples `(samples, channels)`, and the rows of each series.
type Source = (ArcArray2<f32>, Vec<Range<usize>>);

impl Sketches {
    /// Sketches that somebody took.
    pub fn taken(sketches: Vec<Sketch>) -> Self {
        Sketches { taken: sketches.into(), sources: Vec::new() }
    }

    /// Those of the series that lie in these rows of `samples`, `(samples, channels)`.
    pub fn later(samples: ArcArray2<f32>, rows: Vec<Range<usize>>) -> Self {
        Sketches { taken: OnceLock::new(), sources: vec![(samples, rows)] }
    }

    /// Appends others.
    pub fn append(&mut self, others: Sketches) {
        if self.taken.get().is_none() && others.taken.get().is_none() {
            self.sources.extend(others.sources);
            return;
        }
        let mut taken = std::mem::replace(self, Sketches::taken(Vec::new())).into_taken();
        taken.extend(others.into_taken());
        *self = Sketches::taken(taken);
    }

    fn into_taken(self) -> Vec<Sketch> {
        let sources = self.sources;
        self.taken.into_inner().unwrap_or_else(|| take(&sources))
    }
}

fn take(sources: &[Source]) -> Vec<Sketch> {
    let series =
        sources.par_iter().flat_map(|(samples, rows)| rows.par_iter().map(move |rows| (samples, rows)));
    series.map(|(samples, rows)| sketch(samples.slice(s![rows.clone(), ..]))).collect()
}

/// Of the series `(samples, channels)`.
fn sketch(samples: ArrayView2<f32>) -> Sketch {
    let channel = |c: usize| samples.column(c).iter().map(|&sample| f64::from(sample)).collect();
    let channels: Vec<Vec<f64>> = (0..samples.ncols()).map(channel).collect();
    Sketch::of(&channels.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

impl Deref for Sketches {
    type Target = [Sketch];

    fn deref(&self) -> &[Sketch] {
        if let Some(taken) = self.taken.get() {
            return taken;
        }
        // Outside of the lock: it is parallel, and a thread that waits for it may take up other work that
        // asks for the sketches, too.
        let taken = take(&self.sources);
        self.taken.get_or_init(|| taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Series of four channels and of unequal length, of which the shortest is taken across its channels, and
    /// their sketches.
    fn series() -> (ArcArray2<f32>, Vec<Range<usize>>, Vec<Sketch>) {
        let samples = ArcArray2::from_shape_fn((60, 4), |(t, c)| ((t * t * (c + 3)) as f32).sin());
        let rows = vec![0..30, 30..59, 59..60];
        let sketch = |rows: &Range<usize>| {
            let channel = |c: usize| rows.clone().map(|t| f64::from(samples[[t, c]])).collect();
            let channels: Vec<Vec<f64>> = (0..4).map(channel).collect();
            Sketch::of(&channels.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let sketches: Vec<Sketch> = rows.iter().map(sketch).collect();
        assert!(sketches[2].is_across);
        (samples, rows, sketches)
    }

    #[test]
    fn sketches_that_are_taken_later_are_the_same() {
        let (samples, rows, sketches) = series();
        assert_eq!(*Sketches::later(samples, rows), *sketches);
    }

    #[test]
    fn appended_sketches_keep_their_order_taken_or_not() {
        let (samples, rows, sketches) = series();
        let later = |rows: &[Range<usize>]| Sketches::later(samples.clone(), rows.to_vec());
        let taken = |sketches: &[Sketch]| Sketches::taken(sketches.to_vec());
        let parts = [
            [later(&rows[..2]), later(&rows[2..])],
            [taken(&sketches[..2]), taken(&sketches[2..])],
            [later(&rows[..2]), taken(&sketches[2..])],
            [taken(&sketches[..2]), later(&rows[2..])],
        ];
        for [mut all, others] in parts {
            all.append(others);
            assert_eq!(*all, *sketches);
        }
    }
}
