//! Folds that can train or predict together.

/// Numbers in groups of those that are alike. Groups stand in the order of their first numbers, and the
/// numbers of a group in the order that they had.
pub(super) fn alike(
    numbers: impl IntoIterator<Item = usize>,
    is_alike: impl Fn(usize, usize) -> bool,
) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for number in numbers {
        match groups.iter_mut().find(|group| is_alike(group[0], number)) {
            Some(group) => group.push(number),
            None => groups.push(vec![number]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    #[test]
    fn groups_keep_the_order_of_their_numbers() {
        let groups = super::alike([5, 2, 3, 7, 4], |a, b| a % 2 == b % 2);
        assert_eq!(groups, [vec![5, 3, 7], vec![2, 4]]);
        assert!(super::alike([], |_, _| true).is_empty());
    }
}
