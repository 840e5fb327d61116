//! Charts as inline SVG: axes with round ticks, curves, and bars with intervals.
//!
//! The page's style sheet styles them; they have no script. Color alone never carries information: text or
//! dashes do, too.

use maud::{Markup, html};

/// The width of a character, in units of the view box.
const CHARACTER: f64 = 6.2;
/// The height of a bar's row, in units of the view box.
const ROW: f64 = 22.0;

/// A linear axis from one round number to another.
pub(crate) struct Axis {
    label: String,
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    /// From 0 to 1.
    pub(crate) fn unit(label: &str) -> Self {
        Axis { label: label.into(), low: 0.0, high: 1.0, step: 0.2 }
    }

    /// An axis that covers all `values`, or 0 to 1 without values. It has about six ticks. Their distance is
    /// 1, 2 or 5 times a power of ten, but at least `finest`.
    pub(crate) fn over(label: &str, values: impl Iterator<Item = f64>, finest: f64) -> Self {
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return Axis::unit(label);
        }
        let step = round_step((high - low) / 6.0).max(finest);
        let low = (low / step).floor() * step;
        let high = ((high / step).ceil() * step).max(low + step);
        Axis { label: label.into(), low, high, step }
    }

    /// The lowest and the highest value.
    pub(super) fn ends(&self) -> [f64; 2] {
        [self.low, self.high]
    }

    /// The coordinate of `value` on an axis that is drawn between the coordinates `from` and `to`.
    pub(super) fn at(&self, value: f64, from: f64, to: f64) -> f64 {
        from + (to - from) * (value - self.low) / (self.high - self.low)
    }

    /// The ticks' values and texts.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let decimals = (-self.step.log10()).ceil().max(0.0) as usize;
        let count = ((self.high - self.low) / self.step).round() as usize;
        let value = |i: usize| self.low + i as f64 * self.step;
        (0..=count).map(|i| (value(i), format!("{:.decimals$}", value(i)))).collect()
    }
}

/// The smallest number of at least `raw` that is 1, 2 or 5 times a power of ten.
fn round_step(raw: f64) -> f64 {
    // The range of a single value is 0; `Axis::over` then takes the finest step.
    let raw = raw.max(1e-9);
    let power = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= raw * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// A line through points (x, y).
pub(crate) struct Curve {
    /// The tooltip.
    pub(crate) name: String,
    /// Classes of the page's style sheet: `strong`, `faint` or `chance`, and `dashed`.
    pub(crate) style: &'static str,
    /// Points that are not finite are left out.
    pub(crate) points: Vec<[f64; 2]>,
}

/// Curves over two axes.
pub(crate) struct Plot<'a> {
    /// The description for screen readers.
    pub(crate) title: &'a str,
    /// Width and height.
    pub(crate) size: [f64; 2],
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) curves: &'a [Curve],
}

impl Plot<'_> {
    pub(crate) fn draw(&self) -> Markup {
        let [width, height] = self.size;
        let y_ticks = self.y.ticks();
        let widest = y_ticks.iter().map(|(_, text)| text.len()).max().unwrap_or(0);
        let (left, right) = (24.0 + widest as f64 * CHARACTER, width - 12.0);
        let (top, bottom) = (8.0, height - 36.0);
        let place = |[x, y]: [f64; 2]| [self.x.at(x, left, right), self.y.at(y, bottom, top)];
        html! {
            svg viewBox={ "0 0 " (width) " " (height) } role="img" {
                title { (self.title) }
                @for (value, text) in y_ticks {
                    @let y = self.y.at(value, bottom, top);
                    path class="grid" d=(format!("M{left:.1} {y:.1}H{right:.1}")) {}
                    (label(left - 6.0, y + 4.0, "end", &text))
                }
                @for (value, text) in self.x.ticks() {
                    @let x = self.x.at(value, left, right);
                    path class="grid" d=(format!("M{x:.1} {top:.1}V{bottom:.1}")) {}
                    (label(x, bottom + 16.0, "middle", &text))
                }
                (label((left + right) / 2.0, height - 4.0, "middle", &self.x.label))
                @let turn = format!("rotate(-90) translate({:.1} 11)", -(top + bottom) / 2.0);
                text transform=(turn) text-anchor="middle" { (self.y.label) }
                @for curve in self.curves { (draw_curve(curve, place)) }
            }
        }
    }
}

/// Draws a single point as a dot, because a line of one point is invisible.
fn draw_curve(curve: &Curve, place: impl Fn([f64; 2]) -> [f64; 2]) -> Markup {
    let points: Vec<[f64; 2]> =
        curve.points.iter().filter(|p| p.iter().all(|v| v.is_finite())).map(|&p| place(p)).collect();
    html! {
        g class={ "curve " (curve.style) } {
            title { (curve.name) }
            @if let [[x, y]] = points.as_slice() {
                circle class="dot" cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="3" {}
            } @else {
                @let points: Vec<String> = points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
                polyline points=(points.join(" ")) {}
            }
        }
    }
}

/// A text at a place; `anchor` is `start`, `middle` or `end`.
pub(super) fn label(x: f64, y: f64, anchor: &str, text: &str) -> Markup {
    html! { text x=(format!("{x:.1}")) y=(format!("{y:.1}")) text-anchor=(anchor) { (text) } }
}

/// A row of a bar chart. Parts that are `None` are not drawn.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: Option<f64>,
    /// The ends of a line through the bar's end.
    pub(crate) interval: Option<[f64; 2]>,
    /// The name and the place of a diamond.
    pub(crate) mark: Option<(&'static str, f64)>,
}

/// A chart of horizontal bars.
pub(crate) fn bars(title: &str, axis: &Axis, bars: &[Bar]) -> Markup {
    const LONGEST: usize = 24;
    let width = 340.0;
    let longest = bars.iter().map(|bar| bar.name.chars().count()).max().unwrap_or(0).min(LONGEST);
    let (left, right) = (12.0 + (longest + 1) as f64 * CHARACTER, width - 14.0);
    let (top, bottom) = (4.0, 4.0 + bars.len() as f64 * ROW);
    // An interval over few units can exceed the axis; it is cut there.
    let x = |value: f64| axis.at(value.clamp(axis.low, axis.high), left, right);
    html! {
        svg viewBox={ "0 0 " (width) " " (bottom + 36.0) } role="img" {
            title { (title) }
            @for (value, text) in axis.ticks() {
                path class="grid" d=(format!("M{:.1} {top:.1}V{bottom:.1}", x(value))) {}
                (label(x(value), bottom + 16.0, "middle", &text))
            }
            (label((left + right) / 2.0, bottom + 32.0, "middle", &axis.label))
            @for (i, bar) in bars.iter().enumerate() {
                @let middle = top + (i as f64 + 0.5) * ROW;
                g {
                    title { (bar.describe()) }
                    (label(left - 6.0, middle + 4.0, "end", &shortened(&bar.name, LONGEST)))
                    @if let Some(value) = bar.value {
                        @let long = format!("{:.1}", x(value) - left);
                        rect class="bar" x=(format!("{left:.1}")) y=(middle - 6.0) width=(long) height="12" {}
                    }
                    @if let Some([low, high]) = bar.interval {
                        @let (from, to) = (x(low), x(high));
                        @let (above, below) = (middle - 4.0, middle + 4.0);
                        path class="interval" d=(format!(
                            "M{from:.1} {middle}H{to:.1}M{from:.1} {above}V{below}M{to:.1} {above}V{below}"
                        )) {}
                    }
                    @if let Some((_, mark)) = bar.mark {
                        path class="mark" d=(format!("M{:.1} {}l5 5-5 5-5-5z", x(mark), middle - 5.0)) {}
                    }
                }
            }
        }
    }
}

impl Bar {
    /// The tooltip.
    fn describe(&self) -> String {
        let mut text = self.name.clone();
        if let Some(value) = self.value {
            text += &format!(": {value:.3}");
        }
        if let Some([low, high]) = self.interval {
            text += &format!(" [{low:.3}, {high:.3}]");
        }
        if let Some((name, mark)) = self.mark {
            text += &format!(", {name} {mark:.3}");
        }
        text
    }
}

fn shortened(name: &str, longest: usize) -> String {
    match name.chars().count() > longest {
        true => name.chars().take(longest - 1).chain(['…']).collect(),
        false => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_the_values() {
        let over = |values: &[f64], finest| Axis::over("", values.iter().copied(), finest);
        assert_eq!(texts(&over(&[0.613, 0.694], 0.0)), ["0.60", "0.62", "0.64", "0.66", "0.68", "0.70"]);
        assert_eq!(texts(&over(&[1.0, 100.0], 1.0)), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(texts(&over(&[1.0, 2.0, 3.0], 1.0)), ["1", "2", "3"]);
        assert_eq!(texts(&over(&[1.0], 1.0)), ["1", "2"]);
        assert_eq!(texts(&over(&[], 1.0)).len(), 6);
        assert_eq!(texts(&Axis::unit("")).last().unwrap(), "1.0");
        let constant = over(&[0.25, 0.25], 0.0);
        assert!(constant.low <= 0.25 && 0.25 < constant.high);
        for (low, high) in [(-3.0, 8.0), (0.0, 1e-4), (2e6, 9e6)] {
            let axis = over(&[low, high], 0.0);
            assert!(axis.low <= low && high <= axis.high && axis.ticks().len() <= 9, "{low} to {high}");
        }
    }

    #[test]
    fn one_point_is_a_dot_and_points_that_are_not_finite_are_left_out() {
        let draw = |points: Vec<[f64; 2]>| {
            let curve = Curve { name: "fold".into(), style: "strong", points };
            let (x, y) = (Axis::unit("x"), Axis::unit("y"));
            Plot { title: "t", size: [200.0, 100.0], x, y, curves: &[curve] }.draw().into_string()
        };
        assert!(draw(vec![[0.5, 0.5]]).contains("<circle"));
        let two = draw(vec![[0.0, 0.0], [0.5, f64::NAN], [1.0, 1.0]]);
        assert!(two.contains("<polyline") && !two.contains("NaN"), "{two}");
    }

    #[test]
    fn names_are_escaped_and_shortened() {
        let bar = |name: &str| Bar {
            name: name.into(),
            value: Some(0.5),
            interval: None,
            mark: Some(("majority", 0.25)),
        };
        let text =
            bars("<b>", &Axis::unit(""), &[bar("<script>"), bar("a name of many more letters than fit")])
                .into_string();
        assert!(text.contains("&lt;b&gt;") && text.contains("&lt;script&gt;") && !text.contains("<script"));
        assert!(
            text.contains("a name of many more let…<") && text.contains("than fit: 0.500, majority 0.250")
        );
    }
}
