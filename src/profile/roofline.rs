//! The roofline plot (Williams, Waterman and Patterson, "Roofline: an insightful visual performance model",
//! 2009).
//!
//! It shows each kernel's rate over its arithmetic intensity, below the limits that peak and bandwidth set.

use super::Profile;
use std::fmt::Write;

const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 470.0;
/// The plotted area: left, right, top and bottom.
const FRAME: [f64; 4] = [64.0, 790.0, 46.0, 420.0];

/// A logarithmic axis that begins and ends at a power of ten.
struct Axis {
    /// The decimal logarithms of both ends.
    low: f64,
    high: f64,
    /// The coordinates of both ends.
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (low, high) = values
            .filter(|value| *value > 0.0)
            .map(f64::log10)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        Axis { low: low.floor(), high: high.ceil().max(low.floor() + 1.0), from, to }
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (self.to - self.from) * (value.log10() - self.low) / (self.high - self.low)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.low as i32..=self.high as i32).map(|power| 10f64.powi(power))
    }
}

/// The roofline plot as an SVG file, for light and dark pages. Kernels without arithmetic are left out.
///
/// The area of a dot grows with the kernel's share of the time. Its label ends with the share of the
/// roofline.
pub fn roofline(device: &str, profile: &Profile) -> String {
    let peak = profile.peak;
    let kernels: Vec<_> = profile.kernels.iter().filter(|kernel| kernel.gflops > 0.0).collect();
    let ridge = peak.gflops / peak.gbytes;
    let [left, right, top, bottom] = FRAME;
    let x = Axis::over(kernels.iter().map(|k| k.intensity).chain([ridge * 10.0, ridge / 10.0]), left, right);
    let y = Axis::over(kernels.iter().map(|k| k.gflops).chain([peak.gflops]), bottom, top);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <style>svg {{ color: #1b1b1b; background: #ffffff }} \
         @media (prefers-color-scheme: dark) {{ svg {{ color: #e8e8e8; background: #16181c }} }} \
         text {{ fill: currentColor }} .grid {{ stroke: currentColor; opacity: .15 }} \
         .peak {{ stroke: #d9480f; stroke-width: 2; fill: none }} .kernel {{ fill: #1971c2 }}</style>\n\
         <text x=\"{left}\" y=\"24\" font-size=\"15\">{device}: {:.0} GFLOP/s, {:.1} GB/s</text>\n",
        peak.gflops, peak.gbytes
    );
    let mut draw = |text: std::fmt::Arguments| svg.write_fmt(text).expect("a String takes all");
    for tick in x.ticks() {
        let at = x.at(tick);
        draw(format_args!("<path class=\"grid\" d=\"M{at:.1} {top}V{bottom}\"/>\n"));
        draw(format_args!("<text x=\"{at:.1}\" y=\"438\" text-anchor=\"middle\">{tick}</text>\n"));
    }
    for tick in y.ticks() {
        let at = y.at(tick);
        draw(format_args!("<path class=\"grid\" d=\"M{left} {at:.1}H{right}\"/>\n"));
        draw(format_args!("<text x=\"58\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>\n", at + 4.0));
    }
    draw(format_args!(
        "<text x=\"{:.1}\" y=\"460\" text-anchor=\"middle\">operations per byte</text>\n",
        (left + right) / 2.0
    ));
    draw(format_args!("<text x=\"{left}\" y=\"40\">GFLOP/s</text>\n"));
    // The slope starts where it crosses the bottom or the left edge.
    let lowest = (10f64.powf(y.low) / peak.gbytes).max(10f64.powf(x.low));
    draw(format_args!(
        "<path class=\"peak\" d=\"M{:.1} {:.1}L{:.1} {peak:.1}H{right}\"/>\n",
        x.at(lowest),
        y.at(lowest * peak.gbytes),
        x.at(ridge),
        peak = y.at(peak.gflops)
    ));
    for kernel in kernels {
        let (cx, cy) = (x.at(kernel.intensity), y.at(kernel.gflops));
        let radius = 3.0 + 9.0 * kernel.share.sqrt();
        draw(format_args!("<circle class=\"kernel\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"{radius:.1}\"/>\n"));
        let label = format!("{} {:.0} %", kernel.name, 100.0 * kernel.peak_share);
        let (anchor, dx) = if cx > 0.7 * right { ("end", -radius - 4.0) } else { ("start", radius + 4.0) };
        let (tx, ty) = (cx + dx, cy + 4.0);
        draw(format_args!("<text x=\"{tx:.1}\" y=\"{ty:.1}\" text-anchor=\"{anchor}\">{label}</text>\n"));
    }
    svg.push_str("</svg>\n");
    svg
}
