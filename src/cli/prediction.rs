//! The output of `engine profile --predict`.

use super::output::{out, out_json};
use crate::backend::{Prediction, Rule};
use crate::error::Result;
use serde::Serialize;

/// All launches of one kernel.
#[derive(Serialize)]
struct Kernel {
    name: &'static str,
    launches: usize,
    total_us: f64,
    share: f64,
    rules: Vec<Rule>,
    has_record: bool,
}

/// The output of `--json`.
#[derive(Serialize)]
struct Report {
    /// So that nobody takes it for a measurement.
    is_prediction: bool,
    device: &'static str,
    precision: &'static str,
    rows_per_step: usize,
    total_us: f64,
    error: f64,
    kernels: Vec<Kernel>,
}

impl Report {
    fn new(prediction: &Prediction, precision: &'static str, rows_per_step: usize) -> Self {
        let total_us: f64 = prediction.launches.iter().map(|launch| launch.us).sum();
        let mut kernels: Vec<Kernel> = Vec::new();
        for launch in &prediction.launches {
            let at = kernels.iter().position(|kernel| kernel.name == launch.kernel).unwrap_or_else(|| {
                let (name, has_record) = (launch.kernel, true);
                kernels.push(Kernel {
                    name,
                    launches: 0,
                    total_us: 0.0,
                    share: 0.0,
                    rules: vec![],
                    has_record,
                });
                kernels.len() - 1
            });
            let kernel = &mut kernels[at];
            kernel.launches += 1;
            kernel.total_us += launch.us;
            kernel.share += launch.us / total_us;
            kernel.has_record &= launch.has_record;
            if !kernel.rules.contains(&launch.rule) {
                kernel.rules.push(launch.rule);
            }
        }
        kernels.sort_by(|a, b| b.total_us.total_cmp(&a.total_us));
        let &Prediction { device, error, .. } = prediction;
        Report { is_prediction: true, device, precision, rows_per_step, total_us, error, kernels }
    }

    /// As a table.
    fn text(&self) -> String {
        let width = self.kernels.iter().map(|kernel| kernel.name.len()).max().unwrap_or(0).max(16);
        let mut text = format!(
            "predicted for an {} in {}\n\n{:<width$} {:>8} {:>10} {:>7}  rule\n",
            self.device, self.precision, "kernel", "launches", "us", "share"
        );
        for kernel in &self.kernels {
            let rules: Vec<String> = kernel.rules.iter().map(Rule::to_string).collect();
            let mark = if kernel.has_record { "" } else { " *" };
            text.push_str(&format!(
                "{:<width$} {:>8} {:>10.1} {:>5.1} %  {}{mark}\n",
                kernel.name,
                kernel.launches,
                kernel.total_us,
                100.0 * kernel.share,
                rules.join(", ")
            ));
        }
        let launches: usize = self.kernels.iter().map(|kernel| kernel.launches).sum();
        text.push_str(&format!(
            "{:<width$} {launches:>8} {:>10.1}\n\na prediction for an {} from machine code, not a measurement; off by up to {:.0} % in \
             the training steps that were measured, and more in single kernels",
            "total",
            self.total_us,
            self.device,
            100.0 * self.error
        ));
        if self.kernels.iter().any(|kernel| !kernel.has_record) {
            text.push_str(
                "\n* such a kernel was never measured beside its prediction: its error is unknown, and the total's too",
            );
        }
        text
    }
}

/// Prints a prediction, as a table or as JSON.
pub fn print(
    prediction: &Prediction,
    precision: &'static str,
    rows_per_step: usize,
    json: bool,
) -> Result<()> {
    let report = Report::new(prediction, precision, rows_per_step);
    if json { out_json(&report) } else { out(&report.text()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::PredictedLaunch;

    #[test]
    fn launches_of_one_kernel_are_one_row_and_shares_add_up() {
        let launch = |kernel, us, rule| PredictedLaunch { kernel, us, rule, has_record: kernel != "b" };
        let launches = vec![
            launch("a", 1.0, Rule::Once),
            launch("b", 6.0, Rule::Loop),
            launch("a", 3.0, Rule::Memory),
            launch("a", 2.0, Rule::Once),
        ];
        let prediction = Prediction { device: "GPU", error: 0.25, launches };
        let report = Report::new(&prediction, "bf16", 32);
        let rows: Vec<_> = report.kernels.iter().map(|k| (k.name, k.launches, k.total_us, k.share)).collect();
        assert_eq!(rows, [("a", 3, 6.0, 0.5), ("b", 1, 6.0, 0.5)]);
        let text = report.text();
        let expected = [
            "once, memory\n",
            "loop *\n",
            "predicted for an GPU in bf16\n",
            "a prediction for an GPU from machine code, not a measurement; off by up to 25 %",
            "its error is unknown",
        ];
        for part in expected {
            assert!(text.contains(part), "no {part} in {text}");
        }
    }
}
