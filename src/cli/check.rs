//! `check` and `devices`.

use super::progress::Terminal;
use super::{out, out_json_line};
use crate::backend::any::{self, Restriction};
use crate::backend::cpu::{Cpu, Isa};
use crate::backend::{Algorithm, AnyDevice, Backend, DeviceChoice, Kind, on_device};
use crate::check::cases::RnnCase;
use crate::check::{self, AnyCase, Outcome};
use crate::config::CellName;
use crate::error::{Error, Result};
use crate::progress::Progress;
use clap::{Args, ValueEnum};
use serde::Serialize;

#[derive(Args)]
#[command(
    after_help = "Without --case or --sizes the whole table of cases runs: every operation of a training step. A line is \
printed as soon as its case has ended: the output that comes closest to its bound, its largest absolute error, the bound.\n\n\
Bounds are derived, not chosen: four times the error of the plain equations in the backend's precision with approximated \
activations, plus one rounding of the output's scale; for optimizers the roundings of one update, counted.\n\nExamples:\n  engine \
check\n  engine check --backend cuda --precision tf32 --no-gradients --json\n  engine check --list\n  engine check --backend wgpu --case \
'gru M=1 B=2 T=3 D=5 H=7'"
)]
pub struct CheckCommand {
    /// What to check
    #[arg(long, value_enum, default_value_t = Kind::Cpu)]
    backend: Kind,
    #[command(flatten)]
    device: DeviceChoice,
    /// Only this algorithm of a GPU, and the recurrent layers that fit it
    #[arg(long, value_enum, aliases = ["tier", "regime"])]
    algorithm: Option<Algorithm>,
    /// Only recurrent layers of this cell
    #[arg(long, value_enum)]
    cell: Option<CellName>,
    /// Recurrent layers of these sizes, which need not be in the table: B,T,D,H
    #[arg(long, value_name = "B,T,D,H", value_delimiter = ',')]
    sizes: Option<Vec<usize>>,
    /// Models side by side in those layers
    #[arg(long, value_name = "M", default_value_t = 1, requires = "sizes")]
    models: usize,
    /// Only the case of this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["sizes", "cell"])]
    case: Option<String>,
    /// Print the names of the cases by operation, and run none
    #[arg(long)]
    list: bool,
    /// Leave out the reference's own gradients against finite differences, which are the same for every backend
    #[arg(long)]
    no_gradients: bool,
    /// Print a JSON object a line
    #[arg(long)]
    json: bool,
}

/// What `--json` prints of a case.
#[derive(Serialize)]
struct Line<'a> {
    /// `conformance`, or `gradients`.
    check: &'static str,
    holds: bool,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

impl CheckCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let cases = self.cases()?;
        if self.list {
            return list(&cases);
        }
        let device = AnyDevice::open(self.backend, &self.device)?;
        let (device, cases) = match self.algorithm {
            None => (device, cases),
            Some(algorithm) => {
                let (device, restriction) = device.restrict(algorithm)?;
                (device, that_run(&restriction, cases)?)
            }
        };
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

    fn total(&self, outcomes: &[Outcome]) -> Result<()> {
        if self.json {
            return Ok(());
        }
        let good = outcomes.iter().filter(|outcome| outcome.holds()).count();
        out(&format!("{good} of {} cases within bounds\n", outcomes.len()))
    }

    fn cases(&self) -> Result<Vec<AnyCase>> {
        if let Some(name) = &self.case {
            let found = AnyCase::all().into_iter().find(|case| case.name() == *name);
            let found = found.ok_or_else(|| Error::config(format!("there is no case `{name}`")));
            return Ok(vec![found.map_err(|error| error.hint("`engine check --list` names them"))?]);
        }
        let wanted = self.cell.map(CellName::parts);
        let Some(sizes) = &self.sizes else {
            // Other operations have no cell.
            let fits = |case: &AnyCase| match (wanted, case) {
                (None, _) => true,
                (Some(wanted), AnyCase::Rnn(case)) => wanted == (case.rnn.cell, case.rnn.dirs),
                (Some(_), _) => false,
            };
            return Ok(AnyCase::all().into_iter().filter(fits).collect());
        };
        let sizes: [usize; 4] = sizes.as_slice().try_into().map_err(|_| {
            Error::config(format!("--sizes takes four numbers, B,T,D,H, and not {}", sizes.len()))
        })?;
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
            ..RnnCase::new(cell, dirs, sizes).models(self.models)
        };
        Ok(cells.into_iter().map(case).map(AnyCase::Rnn).collect())
    }
}

/// The cases of recurrent layers that the device runs as it is asked to.
fn that_run(restriction: &Restriction, cases: Vec<AnyCase>) -> Result<Vec<AnyCase>> {
    let runs = |case: &AnyCase| matches!(case, AnyCase::Rnn(case) if restriction.runs(&case.rnn));
    let cases: Vec<AnyCase> = cases.into_iter().filter(runs).collect();
    match cases.is_empty() {
        false => Ok(cases),
        true => Err(Error::config(format!("no recurrent layer of these cases fits {}", restriction.name))),
    }
}

/// The names of the cases by operation.
fn list(cases: &[AnyCase]) -> Result<()> {
    for cases in cases.chunk_by(|a, b| a.operation() == b.operation()) {
        out(&format!("# {}, {} cases", cases[0].operation(), cases.len()))?;
        cases.iter().try_for_each(|case| out(&case.name()))?;
    }
    Ok(())
}

/// `engine devices`
pub fn devices() -> Result<()> {
    for isa in Isa::available().into_iter().rev() {
        let option =
            if isa == Isa::detect() { String::new() } else { format!(" (with --isa {})", isa.name()) };
        let threads = rayon::current_num_threads();
        out(&format!("cpu   {}, {threads} threads{option}", Cpu::with_isa(isa).describe()))?;
    }
    [Kind::Cuda, Kind::Wgpu].into_iter().try_for_each(gpus)
}

/// All GPUs of a backend, opened.
fn gpus(kind: Kind) -> Result<()> {
    let backend = kind.name();
    let gpus = match any::gpus(kind) {
        Ok(gpus) => gpus,
        // CUDA's own errors begin so.
        Err(error) if error.message.contains("not usable: ") => {
            return out(&format!("{backend:<5} {}", error.message));
        }
        Err(error) => return out(&format!("{backend:<5} not usable: {}", error.message)),
    };
    for gpu in gpus {
        out(&format!("{backend:<5} {}: {}", gpu.index, gpu.name))?;
        gpu.details.map_or(Ok(()), |details| out(&format!("         {details}")))?;
        gpu.refused.map_or(Ok(()), |error| out(&format!("         refused: {}", error.message)))?;
    }
    Ok(())
}
