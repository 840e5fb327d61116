//! A histogram with one value marked in it.

use super::chart::{Axis, label};
use maud::{Markup, html};

/// Bins between two ticks.
const BINS: usize = 4;

/// How often values fall into each bin of an axis, and where one value of another kind lies among them.
pub(crate) struct Histogram<'a> {
    /// The description for screen readers.
    pub(crate) title: &'a str,
    /// The name of the horizontal axis.
    pub(crate) label: &'a str,
    pub(crate) values: &'a [f64],
    /// The name and the place of the marked value.
    pub(crate) mark: (&'a str, f64),
}

impl Histogram<'_> {
    pub(crate) fn draw(&self) -> Markup {
        let (width, height) = (340.0, 210.0);
        let x = Axis::over(self.label, self.values.iter().copied().chain([self.mark.1]), 0.01);
        let bins = self.bins(&x);
        let highest = bins.iter().map(|bin| bin.2).max().unwrap_or(0);
        let y = Axis::over("permutations", [0.0, highest as f64].into_iter(), 1.0);
        let (left, right, top, bottom) = (44.0, width - 14.0, 24.0, height - 36.0);
        let across = |value: f64| x.at(value, left, right);
        let (name, mark) = self.mark;
        let at = across(mark);
        // The text of the mark stays within the chart.
        let anchor = if at > (left + right) / 2.0 { "end" } else { "start" };
        html! {
            svg viewBox={ "0 0 " (width) " " (height) } role="img" {
                title { (self.title) }
                @for (value, text) in y.ticks() {
                    @let level = y.at(value, bottom, top);
                    path class="grid" d=(format!("M{left:.1} {level:.1}H{right:.1}")) {}
                    (label(left - 6.0, level + 4.0, "end", &text))
                }
                @for (value, text) in x.ticks() { (label(across(value), bottom + 16.0, "middle", &text)) }
                (label((left + right) / 2.0, height - 4.0, "middle", self.label))
                @let turn = format!("rotate(-90) translate({:.1} 11)", -(top + bottom) / 2.0);
                text transform=(turn) text-anchor="middle" { "permutations" }
                @for &(from, to, count) in bins.iter().filter(|bin| bin.2 > 0) {
                    @let level = y.at(count as f64, bottom, top);
                    @let (start, wide) = (across(from), across(to) - across(from) - 1.0);
                    g {
                        title { (format!("{from:.3} to {to:.3}: {count} permutations")) }
                        rect class="bar" x=(format!("{start:.1}")) y=(format!("{level:.1}"))
                            width=(format!("{wide:.1}")) height=(format!("{:.1}", bottom - level)) {}
                    }
                }
                path class="observed" d=(format!("M{at:.1} {:.1}V{bottom:.1}", top - 6.0)) {}
                (label(at, top - 10.0, anchor, &format!("{name} {mark:.3}")))
            }
        }
    }

    /// The ends of each bin and the number of values in it. The highest end of all belongs to the last bin.
    fn bins(&self, axis: &Axis) -> Vec<(f64, f64, usize)> {
        let [low, high] = axis.ends();
        let count = (axis.ticks().len() - 1) * BINS;
        let end = |bin: usize| low + (high - low) * bin as f64 / count as f64;
        let mut bins: Vec<_> = (0..count).map(|bin| (end(bin), end(bin + 1), 0)).collect();
        for value in self.values {
            let bin = ((value - low) / (high - low) * count as f64 + 1e-9) as usize;
            bins[bin.min(count - 1)].2 += 1;
        }
        bins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_a_bin_and_the_mark_has_its_name() {
        let values = [0.5, 0.5, 0.53, 0.62, 0.7];
        let histogram =
            Histogram { title: "<t>", label: "accuracy", values: &values, mark: ("this run", 0.7) };
        let x = Axis::over("", values.iter().copied(), 0.01);
        let bins = histogram.bins(&x);
        assert_eq!(bins.iter().map(|bin| bin.2).sum::<usize>(), values.len());
        assert_eq!((bins[0].2, bins.last().unwrap().2), (2, 1), "{bins:?}");
        let text = histogram.draw().into_string();
        assert!(
            text.contains("this run 0.700") && text.contains("&lt;t&gt;") && !text.contains("NaN"),
            "{text}"
        );
        let none = Histogram { values: &[], ..histogram }.draw().into_string();
        assert!(!none.contains("<rect") && !none.contains("NaN"), "{none}");
    }
}
