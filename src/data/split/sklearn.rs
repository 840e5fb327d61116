//! `train_test_split` of scikit-learn with NumPy's legacy generator, with the same indices.

use rand_mt::Mt;

/// The training and the test part of `items`, in scikit-learn's order. As in `ShuffleSplit`, the test part is
/// the beginning of a permutation, and its size is rounded up.
pub fn train_test_split(items: &[u32], test_share: f64, seed: u32) -> (Vec<u32>, Vec<u32>) {
    let order = permutation(items.len(), seed);
    let tests = (items.len() as f64 * test_share).ceil() as usize;
    let pick = |indices: &[usize]| indices.iter().map(|&index| items[index]).collect();
    (pick(&order[tests..]), pick(&order[..tests]))
}

/// `numpy.random.RandomState(seed).permutation(n)`: a Fisher-Yates shuffle from the end, which draws indices
/// by masked rejection.
fn permutation(n: usize, seed: u32) -> Vec<usize> {
    let mut generator = Mt::new(seed);
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        let mask = u32::MAX >> (last as u32).leading_zeros();
        let other = loop {
            let index = (generator.next_u32() & mask) as usize;
            if index <= last {
                break index;
            }
        };
        order.swap(last, other);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.random.RandomState(42).permutation(10)` and `train_test_split(range(10), test_size=0.25,
    /// random_state=42)`.
    #[test]
    fn small_permutations_are_numpy_s() {
        assert_eq!(permutation(10, 42), [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
        let (train, test) = train_test_split(&(0..10).collect::<Vec<_>>(), 0.25, 42);
        assert_eq!((train, test), (vec![0, 7, 2, 9, 4, 3, 6], vec![8, 1, 5]));
    }
}
