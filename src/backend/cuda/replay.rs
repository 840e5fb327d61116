//! Lists of launches that were issued before, and their graphs.

use super::launches::Launches;

/// The lists that are remembered. A training has four: its training steps and its evaluations, each with and
/// without loading the weights.
const LISTS: usize = 8;

/// The lists, the last issued at the end. The one that was not issued for the longest time is forgotten.
pub(super) struct Replay<G> {
    lists: Vec<Known<G>>,
}

/// A list that was issued before.
pub(super) struct Known<G> {
    /// The launches, with the arguments that the graph has.
    pub launches: Launches,
    /// The graph, from the second time on.
    pub graph: Option<G>,
}

impl<G> Default for Replay<G> {
    fn default() -> Self {
        Replay { lists: Vec::new() }
    }
}

impl<G> Replay<G> {
    /// Takes the list with these kernels and grids. An error before it is put back leaves no graph behind
    /// whose arguments are unknown.
    pub fn take(&mut self, launches: &Launches) -> Option<Known<G>> {
        let found = self.lists.iter().position(|known| known.launches.is_like(launches))?;
        Some(self.lists.remove(found))
    }

    /// Puts a list that was issued.
    pub fn put(&mut self, known: Known<G>) {
        if self.lists.len() == LISTS {
            self.lists.remove(0);
        }
        self.lists.push(known);
    }
}

#[cfg(test)]
mod tests {
    use super::super::executor::Launch;
    use super::super::{every_kernel, kernel::Kernel};
    use super::*;
    use crate::ops::Work;

    fn launches(kernels: &[&Kernel], blocks: u32, argument: u8) -> Launches {
        let mut launches = Launches::default();
        for kernel in kernels {
            let (arguments, grid) = (&[argument; 8][..], [blocks, 1, 1]);
            launches.add(&Launch { label: "test", kernel, arguments, grid, work: Work::default() });
        }
        launches
    }

    #[test]
    fn a_list_is_found_by_its_kernels_and_grids_alone() {
        let kernels = every_kernel();
        let (a, b) = (&kernels[0], &kernels[1]);
        let mut replay = Replay::default();
        replay.put(Known { launches: launches(&[a, b], 2, 7), graph: Some('g') });
        for other in [launches(&[a], 2, 7), launches(&[b, a], 2, 7), launches(&[a, b], 3, 7)] {
            assert!(replay.take(&other).is_none());
        }
        let found = replay.take(&launches(&[a, b], 2, 8)).unwrap();
        assert!(found.graph == Some('g') && found.launches.iter().all(|launch| launch.arguments == [7; 8]));
        assert!(replay.take(&launches(&[a, b], 2, 7)).is_none(), "it was taken");
    }

    #[test]
    fn the_list_that_was_not_issued_for_the_longest_time_is_forgotten() {
        let kernels = every_kernel();
        let list = |blocks| launches(&[&kernels[0]], blocks, 0);
        let mut replay = Replay::<()>::default();
        (1..=8).for_each(|blocks| replay.put(Known { launches: list(blocks), graph: None }));
        let again = replay.take(&list(1)).unwrap();
        replay.put(again);
        replay.put(Known { launches: list(9), graph: None });
        assert!(replay.take(&list(2)).is_none());
        assert!([1, 3, 9].into_iter().all(|blocks| replay.take(&list(blocks)).is_some()));
    }
}
