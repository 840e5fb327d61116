//! Local maxima and their prominence.

/// The local maxima of a signal, in order: the middle of each plateau that is higher than both neighbors. The
/// first and the last sample are none.
pub fn maxima(signal: &[f64]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut i = 1;
    while i + 1 < signal.len() {
        let mut end = i;
        if signal[i - 1] < signal[i] {
            while end + 2 < signal.len() && signal[end + 1] == signal[i] {
                end += 1;
            }
            if signal[end + 1] < signal[i] {
                found.push((i + end) / 2);
            }
        }
        i = end + 1;
    }
    found
}

/// The height of a maximum above the higher of the two lowest points on the way to a higher sample, or to
/// the end, on either side.
pub fn prominence(signal: &[f64], peak: usize) -> f64 {
    let top = signal[peak];
    let lowest = |side: &mut dyn Iterator<Item = &f64>| {
        side.take_while(|&&x| x <= top).fold(top, |low, &x| low.min(x))
    };
    let left = lowest(&mut signal[..peak].iter().rev());
    let right = lowest(&mut signal[peak..].iter());
    top - left.max(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plateaus_and_ends_count_as_they_should() {
        let signal = [3.0, 1.0, 2.0, 2.0, 2.0, 0.0, 5.0, 4.0, 4.5, 4.5];
        assert_eq!(maxima(&signal), [3, 6]);
        assert_eq!(prominence(&signal, 3), 1.0);
        assert_eq!(prominence(&signal, 6), 1.0);
        assert!(maxima(&[1.0, 1.0]).is_empty() && maxima(&[]).is_empty());
    }
}
