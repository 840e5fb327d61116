//! The variants as CSV.

use crate::compare::RunComparison;
use crate::error::{Error, Result};

/// A row for each variant: accuracy and its interval; difference to all features, its interval, effect and p
/// values.
///
/// # Errors
///
/// If a row cannot be written.
pub fn csv(comparison: &RunComparison) -> Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let failed = |e: csv::Error| Error::data(format!("ablation: {e}")).caused_by(e);
    csv.write_record([
        "variant",
        "accuracy",
        "accuracy low",
        "accuracy high",
        "difference",
        "difference low",
        "difference high",
        "d",
        "p",
        "p holm",
    ])
    .map_err(failed)?;
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    for run in &comparison.runs {
        let pair = comparison.pairs.iter().find(|pair| pair.first == run.name);
        let ends = |interval: Option<[f64; 2]>| [0, 1].map(|end| number(interval.map(|ends| ends[end])));
        let mut row = vec![run.name.clone(), number(run.accuracy.mean)];
        row.extend(ends(run.accuracy.interval));
        row.push(number(pair.map(|pair| pair.paired.difference)));
        row.extend(ends(pair.and_then(|pair| pair.paired.interval)));
        row.push(number(pair.and_then(|pair| pair.paired.effect)));
        row.push(number(pair.and_then(|pair| pair.paired.p)));
        row.push(number(pair.and_then(|pair| pair.p_holm)));
        csv.write_record(&row).map_err(failed)?;
    }
    csv.into_inner().map_err(|e| Error::data(format!("ablation: {e}")))
}
