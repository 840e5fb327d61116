//! `check` and `devices`.

use super::progress::Terminal;
use super::{out, out_json};
use crate::backend::cpu::{Cpu, Isa};
#[cfg(feature = "cuda")]
use crate::backend::cuda;
#[cfg(feature = "wgpu")]
use crate::backend::wgpu::adapters;
use crate::backend::{Backend, Device, DeviceChoice, Kind, on_device};
use crate::cases::{self, Case, ConvCase};
use crate::check::{self, Outcome};
use crate::config::CellName;
use crate::error::{Error, Result};
use crate::progress::Progress;
use clap::Args;
use serde::Serialize;

#[derive(Args)]
#[command(
    after_help = "Without sizes the whole table of cases runs. Columns: the output that comes closest to its bound, \
its largest absolute error, the bound.\nBounds are derived, not chosen: four times the error of the plain equations in \
the backend's precision with approximated activations, plus one rounding of the output's scale."
)]
pub struct CheckCommand {
    /// What to check
    #[arg(long, value_enum, default_value_t = Kind::Cpu)]
    backend: Kind,
    #[command(flatten)]
    device: DeviceChoice,
    /// Only this cell
    #[arg(long, value_enum)]
    cell: Option<CellName>,
    /// One case of these sizes: B,T,D,H
    #[arg(long, value_name = "B,T,D,H", value_delimiter = ',')]
    sizes: Option<Vec<usize>>,
    /// Models side by side in that case
    #[arg(long, value_name = "M", default_value_t = 1, requires = "sizes")]
    models: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    device: String,
    conformance: Vec<Outcome>,
    gradients: Vec<Outcome>,
}

impl CheckCommand {
    pub fn run(&self, terminal: &Terminal) -> Result<()> {
        let device = Device::open(self.backend, &self.device)?;
        on_device!(&device, backend => self.run_on(backend, terminal))
    }

    fn run_on<B: Backend>(&self, backend: &B, terminal: &Terminal) -> Result<()> {
        let device = backend.describe();
        let (cases, blocks) = (self.cases()?, self.conv_cases());
        terminal.start("checking", 2 * (cases.len() + blocks.len()) as u64, "cases");
        let mut report = Report { device, conformance: Vec::new(), gradients: Vec::new() };
        for case in &cases {
            report.conformance.push(check::conformance(backend, case)?);
            terminal.advance(1, &case.name());
            // Saturated gates have no slope that a difference could find.
            if case.scale == 1.0 {
                report.gradients.push(check::gradients(case)?);
            }
            terminal.advance(1, "");
        }
        for case in &blocks {
            report.conformance.push(check::conv_conformance(backend, case)?);
            terminal.advance(1, &case.name());
            report.gradients.push(check::conv_gradients(case)?);
            terminal.advance(1, "");
        }
        terminal.finish();
        if self.json {
            out_json(&report)?;
        } else {
            out(&table(&format!("{} against the f64 reference", report.device), &report.conformance))?;
            out(&table("f64 reference against finite differences", &report.gradients))?;
        }
        check::verdict(self.backend.name(), &report.conformance)?;
        check::verdict("reference", &report.gradients)
    }

    /// Convolution blocks have no cell and sizes of their own.
    fn conv_cases(&self) -> Vec<ConvCase> {
        if self.cell.is_none() && self.sizes.is_none() { cases::conv_table() } else { Vec::new() }
    }

    fn cases(&self) -> Result<Vec<Case>> {
        let wanted = self.cell.map(CellName::parts);
        let Some(sizes) = &self.sizes else {
            let fits = |case: &Case| wanted.is_none_or(|wanted| wanted == (case.rnn.cell, case.rnn.dirs));
            return Ok(cases::table().into_iter().filter(fits).collect());
        };
        let sizes: [usize; 4] = sizes.as_slice().try_into().map_err(|_| {
            Error::config(format!("--sizes takes four numbers, B,T,D,H, and not {}", sizes.len()))
        })?;
        if sizes.contains(&0) || self.models == 0 {
            return Err(Error::config("--sizes and --models must be above 0"));
        }
        let cells = match wanted {
            Some(one) => vec![one],
            None => [CellName::Lstm, CellName::Gru, CellName::Bilstm, CellName::Bigru]
                .map(CellName::parts)
                .to_vec(),
        };
        let case = |(cell, dirs)| Case {
            ragged: true,
            initial: true,
            ..Case::new(cell, dirs, sizes).models(self.models)
        };
        Ok(cells.into_iter().map(case).collect())
    }
}

fn table(title: &str, outcomes: &[Outcome]) -> String {
    let mut text = format!("{title}\n{:<52} {:<10} {:>10} {:>10}\n", "case", "closest", "error", "bound");
    for outcome in outcomes {
        let worst = outcome.worst();
        let verdict = if outcome.holds() { "ok" } else { "FAILED" };
        text.push_str(&format!(
            "{:<52} {:<10} {:>10.2e} {:>10.2e}  {verdict}\n",
            outcome.case, worst.buffer, worst.error, worst.bound
        ));
    }
    let good = outcomes.iter().filter(|outcome| outcome.holds()).count();
    text.push_str(&format!("{good} of {} cases within bounds\n", outcomes.len()));
    text
}

/// `engine devices`
pub fn devices() -> Result<()> {
    for isa in Isa::available().into_iter().rev() {
        let option =
            if isa == Isa::detect() { String::new() } else { format!(" (with --isa {})", isa.name()) };
        let threads = rayon::current_num_threads();
        out(&format!("cpu   {}, {threads} threads{option}", Cpu::with_isa(isa).describe()))?;
    }
    #[cfg(feature = "cuda")]
    cuda_gpus()?;
    #[cfg(not(feature = "cuda"))]
    out(&not_usable(Kind::Cuda))?;
    #[cfg(feature = "wgpu")]
    return wgpu_adapters();
    #[cfg(not(feature = "wgpu"))]
    out(&not_usable(Kind::Wgpu))
}

fn not_usable(kind: Kind) -> String {
    match Device::open(kind, &DeviceChoice::default()) {
        Ok(device) => format!("{:<5} {}", kind.name(), device.describe()),
        Err(error) => format!("{:<5} not usable: {}", kind.name(), error.message),
    }
}

/// All GPUs of CUDA, opened: what is wrong with one may show only then.
#[cfg(feature = "cuda")]
fn cuda_gpus() -> Result<()> {
    let gpus = match cuda::gpus() {
        Ok(gpus) => gpus,
        Err(error) => return out(&format!("cuda  {}", error.message)),
    };
    for gpu in gpus {
        let described = gpu.describe();
        out(&format!("cuda  {}: {}", gpu.index, described.trim_start_matches("cuda ")))?;
        match gpu.open(None) {
            Ok(driver) => out(&format!("         {}", driver.details()))?,
            Err(error) => out(&format!("         refused: {}", error.message))?,
        }
    }
    Ok(())
}

/// All adapters, opened: what is wrong with one may show only then.
#[cfg(feature = "wgpu")]
fn wgpu_adapters() -> Result<()> {
    let adapters = adapters();
    if adapters.is_empty() {
        return out(&not_usable(Kind::Wgpu));
    }
    for adapter in adapters {
        let (index, details) = (adapter.index, adapter.details());
        let (name, opened) = (adapter.describe(), adapter.open());
        out(&format!("wgpu  {index}: {name}\n         {details}"))?;
        if let Err(error) = opened {
            out(&format!("         refused: {}", error.message))?;
        }
    }
    Ok(())
}
