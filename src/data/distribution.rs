//! The distribution of each feature, by subject and class.

use super::feature::Feature;
use super::frames::FrameTable;
use serde::Serialize;

/// The values of one feature in the frames of one subject and class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distribution {
    /// Name of the feature, with its unit.
    pub feature: String,
    /// Name of the subject; `all` for all of them.
    pub subject: String,
    /// Name of the class; `all` for all of them, labeled or not.
    pub class: String,
    /// Number of finite values.
    pub frames: usize,
    /// Number of other values.
    pub not_finite: usize,
    /// Their mean; `None` without values.
    pub mean: Option<f64>,
    /// Their standard deviation; `None` without values.
    pub deviation: Option<f64>,
    /// The least and the greatest; `None` without values.
    pub range: Option<[f64; 2]>,
}

/// The distributions of every feature: of all subjects, then of each; of all classes, then of each.
/// `classes` are the class names, and the class of each segment of the table.
pub fn distributions(table: &FrameTable, classes: (&[String], &[Option<u32>])) -> Vec<Distribution> {
    let (names, of_segment) = classes;
    let subjects: Vec<(&str, Option<u32>)> = [("all", None)]
        .into_iter()
        .chain(table.subjects.iter().zip(0..).map(|(name, index)| (name.as_str(), Some(index))))
        .collect();
    let classes: Vec<(&str, Option<u32>)> = [("all", None)]
        .into_iter()
        .chain(names.iter().zip(0..).map(|(name, index)| (name.as_str(), Some(index))))
        .collect();
    let mut rows = Vec::new();
    for (column, Feature { name, .. }) in table.origins.iter().enumerate() {
        for &(subject, number) in &subjects {
            for &(class, label) in &classes {
                let is_inside = |(segment, own): &(&super::frames::Segment, &Option<u32>)| {
                    number.is_none_or(|number| segment.subject == number)
                        && (label.is_none() || label == **own)
                };
                let segments = table.segments.iter().zip(of_segment).filter(is_inside);
                let values = segments.filter(|(segment, _)| segment.frames > 0).flat_map(|(segment, _)| {
                    let rows = table.rows(segment.first, segment.frames);
                    rows.column(column).iter().map(|&x| f64::from(x)).collect::<Vec<f64>>()
                });
                let [subject, class] = [subject, class].map(str::to_string);
                rows.push(Distribution { feature: name.clone(), subject, class, ..describe(values) });
            }
        }
    }
    rows
}

/// The distribution of these values, in one pass (Welford 1962).
fn describe(values: impl Iterator<Item = f64>) -> Distribution {
    let (mut frames, mut not_finite, mut mean, mut squares) = (0, 0, 0.0, 0.0);
    let [mut low, mut high] = [f64::INFINITY, f64::NEG_INFINITY];
    for x in values {
        if !x.is_finite() {
            not_finite += 1;
            continue;
        }
        frames += 1;
        let difference = x - mean;
        mean += difference / frames as f64;
        squares += difference * (x - mean);
        (low, high) = (low.min(x), high.max(x));
    }
    let some = |value| (frames > 0).then_some(value);
    Distribution {
        feature: String::new(),
        subject: String::new(),
        class: String::new(),
        frames,
        not_finite,
        mean: some(mean),
        deviation: some((squares / frames as f64).sqrt()),
        range: (frames > 0).then_some([low, high]),
    }
}

/// The distributions as a table, whose rows name a feature and a subject once.
#[cfg(feature = "cli")]
pub fn render(distributions: &[Distribution]) -> String {
    use comfy_table::{CellAlignment, Table, presets};

    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "feature",
        "subject",
        "class",
        "frames",
        "not finite",
        "mean",
        "SD",
        "least",
        "greatest",
    ]);
    let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.4}"));
    let mut last = ["", ""];
    for d in distributions {
        let once = |name: &str, is_new: bool| if is_new { name.to_string() } else { String::new() };
        let is_feature = last[0] != d.feature;
        let is_subject = is_feature || last[1] != d.subject;
        last = [&d.feature, &d.subject];
        table.add_row([
            once(&d.feature, is_feature),
            once(&d.subject, is_subject),
            d.class.clone(),
            d.frames.to_string(),
            d.not_finite.to_string(),
            number(d.mean),
            number(d.deviation),
            number(d.range.map(|range| range[0])),
            number(d.range.map(|range| range[1])),
        ]);
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_not_finite_are_counted_apart() {
        let found = describe([1.0, f64::NAN, 2.0, 6.0].into_iter());
        assert_eq!(
            (found.frames, found.not_finite, found.mean, found.range),
            (3, 1, Some(3.0), Some([1.0, 6.0]))
        );
        assert!((found.deviation.unwrap() - (14.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(describe([].into_iter()).mean, None);
    }
}
