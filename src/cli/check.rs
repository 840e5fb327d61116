//! `check`: compares a backend with the reference.

use super::output::{out, out_json_line};
use super::progress::Terminal;
use crate::backend::any::Restriction;
use crate::backend::{Algorithm, AnyDevice, Backend, DeviceChoice, Kind, on_device};
use crate::check::cases::RnnCase;
use crate::check::{self, AnyCase, Outcome};
use crate::config::CellName;
use crate::error::{Error, Result};
use crate::ops::RnnSize;
use crate::progress::Progress;
use crate::word::{trimmed, word};
use clap::{Args, ValueEnum};
use serde::Serialize;

/// The end of `--help`.
const HELP: &str = "\
A case is one operation of a training step with given sizes. The backend and the reference, plain \
equations in f64, compute the same case, and their outputs are compared. Without --case or --sizes all \
cases run. Each prints a line: the output that is closest to its error bound, its largest absolute \
error, and the bound. The exit code is 6 if an error exceeds its bound.

The bounds are derived: four times the error of the plain equations in the backend's precision with \
approximated activations, plus one rounding at the output's scale. The bound of an optimizer counts the \
roundings of one update.

The gradients of the reference itself are compared with finite differences.

Examples:
  engine check
  engine check --backend cuda --precision tf32 --no-gradients --json
  engine check --list
  engine check --backend wgpu --case 'gru M=1 B=2 T=3 D=5 H=7'";

/// The arguments of `engine check`.
#[derive(Args)]
#[command(after_help = HELP)]
pub struct CheckCommand {
    /// Backend to check
    #[arg(long, value_enum, value_parser = word::<Kind>(), default_value_t = Kind::Cpu)]
    backend: Kind,
    #[command(flatten)]
    device: DeviceChoice,
    /// Run recurrent layers with this algorithm, and skip other cases; GPUs only
    #[arg(long, value_enum, value_parser = word::<Algorithm>(), aliases = ["tier", "regime"])]
    algorithm: Option<Algorithm>,
    /// Check only recurrent layers of this cell
    #[arg(long, value_enum, value_parser = word::<CellName>())]
    cell: Option<CellName>,
    /// Check recurrent layers of these sizes: batch, time steps, inputs, units
    #[arg(long, value_name = "B,T,D,H", value_delimiter = ',', value_parser = trimmed::<usize>)]
    sizes: Option<Vec<usize>>,
    /// Number of models that the layers of --sizes train together
    #[arg(long, value_name = "M", default_value_t = 1, requires = "sizes")]
    models: usize,
    /// Check only the case with this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["sizes", "cell"])]
    case: Option<String>,
    /// Print the names of the cases by operation, without running any; with --algorithm this opens the device
    #[arg(long)]
    list: bool,
    /// Skip the check of the reference's gradients, which is the same for every backend
    #[arg(long)]
    no_gradients: bool,
    /// Print each result as a line of JSON
    #[arg(long)]
    json: bool,
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    /// `conformance`, or `gradients`.
    check: &'static str,
    holds: bool,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

impl CheckCommand {
    /// Runs the cases, and prints a line for each.
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let cases = self.cases()?;
        // Only a device knows which layers its algorithm can run.
        if self.list && self.algorithm.is_none() {
            return list(&cases);
        }
        let device = AnyDevice::open(self.backend, &self.device)?;
        let (device, cases) = match self.algorithm {
            None => (device, cases),
            Some(algorithm) => {
                let (device, restriction) = device.restrict(algorithm)?;
                (device, fitting(&restriction, cases)?)
            }
        };
        if self.list {
            return list(&cases);
        }
        on_device!(&device, backend => self.run_on(backend, &cases, terminal))
    }

    fn run_on<B: Backend>(&self, backend: &B, cases: &[AnyCase], terminal: &Terminal) -> Result<()> {
        self.title(&format!("{} against the f64 reference", backend.describe()))?;
        terminal.start("checking", cases.len() as u64, "cases");
        let mut conformance = Vec::new();
        for case in cases {
            let outcome = case.conformance(backend)?;
            terminal.beside_the_bar(|| self.print("conformance", &outcome))?;
            terminal.advance(1, &outcome.case);
            conformance.push(outcome);
        }
        terminal.finish();
        self.total(&conformance)?;
        let mut gradients = Vec::new();
        if !self.no_gradients {
            self.title("f64 reference against finite differences")?;
            terminal.start("checking", cases.len() as u64, "gradients");
            for case in cases {
                if let Some(outcome) = case.gradients()? {
                    terminal.beside_the_bar(|| self.print("gradients", &outcome))?;
                    gradients.push(outcome);
                }
                terminal.advance(1, &case.name());
            }
            terminal.finish();
            self.total(&gradients)?;
        }
        check::verdict(self.backend.name(), &conformance)?;
        check::verdict("reference", &gradients)
    }

    /// Prints the head of a list of results.
    fn title(&self, title: &str) -> Result<()> {
        if self.json {
            return Ok(());
        }
        out(&format!("{title}\n{:<52} {:<13} {:>10} {:>10}", "case", "closest", "error", "bound"))
    }

    fn print(&self, check: &'static str, outcome: &Outcome) -> Result<()> {
        if self.json {
            return out_json_line(&Line { check, holds: outcome.holds(), outcome });
        }
        let worst = outcome.worst();
        let verdict = if outcome.holds() { "ok" } else { "FAILED" };
        out(&format!(
            "{:<52} {:<13} {:>10.2e} {:>10.2e}  {verdict}",
            outcome.case, worst.buffer, worst.error, worst.bound
        ))
    }

    /// Prints the number of cases within their bounds.
    fn total(&self, outcomes: &[Outcome]) -> Result<()> {
        if self.json {
            return Ok(());
        }
        let good = outcomes.iter().filter(|outcome| outcome.holds()).count();
        out(&format!("{good} of {} cases within bounds\n", outcomes.len()))
    }

    /// The cases that the arguments select.
    fn cases(&self) -> Result<Vec<AnyCase>> {
        if let Some(name) = &self.case {
            let found = AnyCase::all().into_iter().find(|case| case.name() == *name);
            let found = found.ok_or_else(|| Error::config(format!("there is no case `{name}`")));
            return Ok(vec![found.map_err(|error| error.hint("`engine check --list` names them"))?]);
        }
        let wanted = self.cell.map(CellName::parts);
        let Some(sizes) = &self.sizes else {
            // Only recurrent layers have a cell.
            let selected = |case: &AnyCase| match (wanted, case) {
                (None, _) => true,
                (Some(wanted), AnyCase::Rnn(case)) => wanted == (case.rnn.cell, case.rnn.dirs),
                (Some(_), _) => false,
            };
            return Ok(AnyCase::all().into_iter().filter(selected).collect());
        };
        let [batch, steps, input, hidden]: [usize; 4] = sizes.as_slice().try_into().map_err(|_| {
            Error::config(format!("--sizes takes four numbers, B,T,D,H, but {} are given", sizes.len()))
        })?;
        let size = RnnSize { batch, steps, input, hidden };
        if sizes.contains(&0) || self.models == 0 {
            return Err(Error::config("--sizes and --models must be above 0"));
        }
        let cells = match wanted {
            Some(one) => vec![one],
            None => CellName::value_variants().iter().map(|name| name.parts()).collect(),
        };
        let case = |(cell, dirs)| RnnCase {
            ragged: true,
            initial: true,
            ..RnnCase::new(cell, dirs, size).models(self.models)
        };
        Ok(cells.into_iter().map(case).map(AnyCase::Rnn).collect())
    }
}

/// The cases of recurrent layers that fit the device's algorithm.
fn fitting(restriction: &Restriction, cases: Vec<AnyCase>) -> Result<Vec<AnyCase>> {
    let fits = |case: &AnyCase| matches!(case, AnyCase::Rnn(case) if restriction.fits(&case.rnn));
    let cases: Vec<AnyCase> = cases.into_iter().filter(fits).collect();
    match cases.is_empty() {
        false => Ok(cases),
        true => Err(Error::config(format!("no recurrent layer of these cases fits {}", restriction.name))),
    }
}

/// Prints the names of the cases by operation.
fn list(cases: &[AnyCase]) -> Result<()> {
    for cases in cases.chunk_by(|a, b| a.operation() == b.operation()) {
        out(&format!("# {}, {} cases", cases[0].operation(), cases.len()))?;
        cases.iter().try_for_each(|case| out(&case.name()))?;
    }
    Ok(())
}
