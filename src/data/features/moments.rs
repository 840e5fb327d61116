//! Mean, spread and trend of a stretch of signal.

/// The mean.
pub fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// The sum of the squared differences from the mean.
fn squares(x: &[f64]) -> f64 {
    let mean = mean(x);
    x.iter().map(|x| (x - mean).powi(2)).sum()
}

/// The variance, with the divisor `n`.
pub fn variance(x: &[f64]) -> f64 {
    squares(x) / x.len() as f64
}

/// The standard deviation, with the divisor `n - 1`.
pub fn deviation(x: &[f64]) -> f64 {
    (squares(x) / (x.len() as f64 - 1.0)).sqrt()
}

/// The root of the mean square.
pub fn root_mean_square(x: &[f64]) -> f64 {
    (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt()
}

/// The median; the mean of the middle two of an even number.
pub fn median(x: &[f64]) -> f64 {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// The slope of the least-squares line, in units per minute.
pub fn slope_per_minute(x: &[f64], rate: f64) -> f64 {
    let middle = (x.len() as f64 - 1.0) / 2.0;
    let mean = mean(x);
    let time = |i: usize| i as f64 - middle;
    let joint: f64 = x.iter().enumerate().map(|(i, x)| time(i) * (x - mean)).sum();
    let squares: f64 = (0..x.len()).map(|i| time(i).powi(2)).sum();
    joint / squares * rate * 60.0
}
