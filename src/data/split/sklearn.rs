//! The random split of scikit-learn, index for index: its `train_test_split` on NumPy's legacy generator.

use rand_mt::Mt;

/// Training and test part of `items`, in the order in which scikit-learn gives them: the test part is the beginning of a
/// permutation (`ShuffleSplit`), rounded up.
pub fn train_test_split(items: &[u32], test_share: f64, seed: u32) -> (Vec<u32>, Vec<u32>) {
    let order = permutation(items.len(), seed);
    let tests = (items.len() as f64 * test_share).ceil() as usize;
    let pick = |places: &[usize]| places.iter().map(|&place| items[place]).collect();
    (pick(&order[tests..]), pick(&order[..tests]))
}

/// `numpy.random.RandomState(seed).permutation(n)`: Fisher and Yates from the end, places drawn by masked rejection.
fn permutation(n: usize, seed: u32) -> Vec<usize> {
    let mut generator = Mt::new(seed);
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        let mask = u32::MAX >> (last as u32).leading_zeros();
        let place = loop {
            let place = (generator.next_u32() & mask) as usize;
            if place <= last {
                break place;
            }
        };
        order.swap(last, place);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.random.RandomState(42).permutation(10)` and `train_test_split(range(10), test_size=0.25, random_state=42)`.
    #[test]
    fn small_permutations_are_numpy_s() {
        assert_eq!(permutation(10, 42), [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
        let (train, test) = train_test_split(&(0..10).collect::<Vec<_>>(), 0.25, 42);
        assert_eq!((train, test), (vec![0, 7, 2, 9, 4, 3, 6], vec![8, 1, 5]));
    }
}
