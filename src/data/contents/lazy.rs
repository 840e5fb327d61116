//! The contents of a data set, compared when somebody asks for them.

use super::comparison::Contents;
use super::sketches::Sketches;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// The [`Contents`] of series. All of them are compared at the first use: where copies are allowed and no
/// fold has two parts, nobody asks.
#[derive(Debug)]
pub struct LazyContents {
    sketches: Arc<Sketches>,
    contents: OnceLock<Contents>,
}

impl LazyContents {
    /// Of these series, not yet compared.
    pub fn of(sketches: &Arc<Sketches>) -> Self {
        LazyContents { sketches: sketches.clone(), contents: OnceLock::new() }
    }
}

impl Deref for LazyContents {
    type Target = Contents;

    fn deref(&self) -> &Contents {
        if let Some(contents) = self.contents.get() {
            return contents;
        }
        // Outside of the lock: the comparison is parallel, and a thread that waits for it may take up other
        // work that asks for the contents, too.
        let contents = Contents::of(&self.sketches);
        self.contents.get_or_init(|| contents)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;
    use rayon::prelude::*;

    #[test]
    fn threads_that_ask_at_once_get_the_same() {
        let series: Vec<Vec<f64>> =
            (0..40).map(|n| (0..1000).map(|t| f64::sin((t * t * (1 + n % 20)) as f64)).collect()).collect();
        let sketches = series.iter().map(|series| Sketch::of(&[series.as_slice()])).collect();
        let sketches = Arc::new(Sketches::taken(sketches));
        let right = Contents::of(&sketches);
        assert_eq!(right.equal.len(), 20);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        for _ in 0..10 {
            let lazy = LazyContents::of(&sketches);
            pool.install(|| (0..64).into_par_iter().for_each(|_| assert_eq!(*lazy, right)));
        }
    }
}
