//! The summary of recordings as text.

use super::{ChannelInspection, Inspection, SubjectInspection};
use crate::data::deap;
use crate::data::split::default_kind;
use comfy_table::{CellAlignment, Table, presets};

/// The summary as text.
pub fn render(inspection: &Inspection) -> String {
    let mut lines = Vec::new();
    let trials: usize = inspection.subjects.iter().filter_map(|s| s.trials).sum();
    let series: usize = inspection.subjects.iter().map(|s| s.series).sum();
    let windows = if series == trials { String::new() } else { format!(", {series} windows") };
    lines.push(format!("{}{windows}", inspection.grouping.count(inspection.subjects.len(), trials)));
    lines.push(inspection.grouping.describe());
    lines.push(match default_kind(&inspection.grouping, inspection.subjects.len()) {
        Ok(kind) => format!("split by default: {}", kind.name()),
        Err(error) => format!("no split by default: {}", error.hint.unwrap_or(error.message)),
    });
    if let Some(first) = inspection.subjects.first() {
        lines.push(describe(first));
        lines.push(modalities(first));
    }

    lines.push(String::new());
    let classes = &inspection.classes;
    if classes.is_empty() {
        lines.push("no labels".into());
    } else {
        lines.push(format!(
            "classes ({}), in {}",
            inspection.label_rule,
            if series == trials { "trials" } else { "windows" }
        ));
        lines.extend(class_table(inspection));
    }

    if !inspection.ratings.is_empty() {
        lines.push(String::new());
        lines.push("ratings, trials per bin 1-2, 2-3, ... 8-9".into());
        for (name, bins) in deap::RATINGS.iter().zip(&inspection.ratings) {
            let most = bins.iter().max().copied().unwrap_or(1).max(1);
            let bars: String = bins.iter().map(|&n| BARS[(n * (BARS.len() - 1)).div_ceil(most)]).collect();
            let counts: String = bins.iter().map(|n| format!("{n:>6}")).collect();
            lines.push(format!("  {name:<10} {bars} {counts}"));
        }
    }

    if !inspection.copies.is_empty() {
        lines.push(String::new());
        lines.push(format!("copies: {} pairs of trials under two names", inspection.copies.len()));
        lines.extend(inspection.copies.iter().take(COPIES).map(|copy| format!("  {}", copy.describe())));
        if inspection.copies.len() > COPIES {
            lines.push(format!("  and {} more", inspection.copies.len() - COPIES));
        }
    }

    lines.push(String::new());
    let bad: Vec<String> = inspection.subjects.iter().flat_map(defects).collect();
    match bad.is_empty() {
        true => lines.push("no NaN, infinity or flat channel".into()),
        false => {
            lines.push("bad signals".into());
            lines.extend(bad.into_iter().map(|line| format!("  {line}")));
        }
    }
    lines.join("\n")
}

/// The most copies in a list.
const COPIES: usize = 8;

const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

fn describe(subject: &SubjectInspection) -> String {
    let [shortest, longest] = subject.samples;
    let samples = if shortest == longest { format!("{longest}") } else { format!("{shortest} to {longest}") };
    let rate = match subject.rate {
        Some(rate) => format!("{rate} Hz, {:.1} s", longest as f64 / rate),
        None => "rate unknown".into(),
    };
    let baseline = match subject.baseline_samples {
        0 => String::new(),
        n => format!(", the first {n} before the stimulus"),
    };
    let unit = if subject.trials == Some(subject.series) { "trial" } else { "window" };
    format!("{} channels, {samples} samples per {unit} ({rate}){baseline}", subject.channels.len())
}

/// One line per modality: its channels and the mean of their standard deviations.
fn modalities(subject: &SubjectInspection) -> String {
    let mut groups: Vec<(&str, Vec<&ChannelInspection>)> = Vec::new();
    for channel in &subject.channels {
        match groups.iter_mut().find(|(modality, _)| *modality == channel.modality) {
            Some((_, members)) => members.push(channel),
            None => groups.push((channel.modality, vec![channel])),
        }
    }
    let line = |(modality, members): (&str, Vec<&ChannelInspection>)| {
        let names: Vec<&str> = members.iter().map(|c| c.name.as_str()).collect();
        let deviation = members.iter().map(|c| c.deviation).sum::<f64>() / members.len() as f64;
        let deviation = significant(deviation);
        format!("  {modality:<6} {:>3}  deviation {deviation:<10} {}", members.len(), names.join(" "))
    };
    groups.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Lines with the classes of each subject, and of all of them where there are several.
fn class_table(inspection: &Inspection) -> Vec<String> {
    let classes = &inspection.classes;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let row = |name: &str, counts: &[usize], remark: &str| {
        let counts = counts.iter().map(usize::to_string);
        [name.to_string()].into_iter().chain(counts).chain([remark.to_string()]).collect::<Vec<_>>()
    };
    table.set_header(["subject"].into_iter().chain(classes.iter().map(String::as_str)).chain([""]));
    for (subject, counts) in inspection.subjects.iter().zip(&inspection.class_counts) {
        let one_class = counts.iter().filter(|&&n| n > 0).count() < 2;
        table.add_row(row(&subject.subject, counts, if one_class { "one class only" } else { "" }));
    }
    if inspection.subjects.len() > 1 {
        let total = |class: usize| inspection.class_counts.iter().map(|counts| counts[class]).sum();
        table.add_row(row("all", &(0..classes.len()).map(total).collect::<Vec<usize>>(), ""));
    }
    for column in table.column_iter_mut().skip(1).take(classes.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| format!(" {}", line.trim_end())).collect()
}

/// A number with four significant digits.
fn significant(number: f64) -> String {
    const DIGITS: i32 = 4;
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    let exponent = number.abs().log10().floor() as i32;
    match exponent {
        -3..6 => format!("{number:.*}", (DIGITS - 1 - exponent).max(0) as usize),
        _ => format!("{number:.*e}", DIGITS as usize - 1),
    }
}

fn defects(subject: &SubjectInspection) -> Vec<String> {
    let defect = |c: &ChannelInspection| {
        let not_finite = (c.not_finite > 0).then(|| format!("{} samples not finite", c.not_finite));
        let flat = (c.flat_trials > 0).then(|| format!("flat in {} trials", c.flat_trials));
        let what: Vec<String> = not_finite.into_iter().chain(flat).collect();
        (!what.is_empty()).then(|| format!("{} {}: {}", subject.subject, c.name, what.join(", ")))
    };
    subject.channels.iter().filter_map(defect).collect()
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn numbers_keep_their_significant_digits_in_any_unit() {
        for (number, text) in [
            (12.345678, "12.35"),
            (1.2345678e-5, "1.235e-5"),
            (0.0012345, "0.001234"),
            (123456.7, "123457"),
            (2.5e9, "2.500e9"),
            (0.0, "0"),
        ] {
            assert_eq!(significant(number), text);
        }
    }
}
