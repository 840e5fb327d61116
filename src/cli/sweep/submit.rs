//! `sweep submit`.

use super::settings::SettingsFlags;
use super::slurm::Slurm;
use crate::cli::output::out;
use crate::cli::progress::Terminal;
use crate::cli::resume::refuse_other_options;
use crate::error::{Error, ErrorKind, Result};
use crate::run;
use crate::sweep::Sweep;
use clap::{ArgMatches, Args};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The options that are not settings of the sweep.
const OF_THE_JOBS: [&str; 9] =
    ["slurm", "resume", "script_only", "partition", "time", "gres", "cpus", "mem", "array_limit"];

/// The script in the sweep's folder.
const SCRIPT: &str = "slurm.sh";

#[derive(Args)]
#[command(
    after_help = "Examples:\n  engine sweep submit --slurm --grid cell=lstm,gru --seeds 1,2,3 --split subject --time 01:00:00 --array-limit 20\n  engine \
sweep submit --slurm --resume runs/sweep-cell --partition gpu --gres gpu:1\n  engine sweep submit --slurm --script-only --seeds 1,2,3\n\nThe folder of the sweep must lie on \
a file system that all nodes share. Slurm tells a job 60 s before its time is over: it saves its state, and is queued again. Then collect with `engine sweep collect`."
)]
pub struct SubmitCommand {
    /// Submit to Slurm, by sbatch
    #[arg(long, required = true)]
    slurm: bool,
    /// Submit the tasks of this sweep that have no scores
    #[arg(long, value_name = "SWEEP")]
    resume: Option<PathBuf>,
    /// Write the script, and do not submit it
    #[arg(long)]
    script_only: bool,
    /// Partition of the cluster
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// Most time of a job: 04:00:00
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Other resources of a job: gpu:1
    #[arg(long, value_name = "LIST")]
    gres: Option<String>,
    /// Processors of a job
    #[arg(long, value_name = "N")]
    cpus: Option<usize>,
    /// Memory of a job: 8G
    #[arg(long, value_name = "SIZE")]
    mem: Option<String>,
    /// Most jobs at a time
    #[arg(long, value_name = "N")]
    array_limit: Option<usize>,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl SubmitCommand {
    pub fn run(&self, matches: &ArgMatches, terminal: &Terminal) -> Result<()> {
        let sweep = match &self.resume {
            None => {
                let (settings, on_all) = self.settings.settings(matches, terminal)?;
                if on_all {
                    return Err(Error::config("--adapter all is for one machine, and a job has one task")
                        .hint("leave --adapter out, and ask for a GPU of each job: --gres gpu:1"));
                }
                SettingsFlags::begin(settings, terminal)?
            }
            Some(folder) => {
                refuse_other_options::<Self>(matches, &OF_THE_JOBS)?;
                Sweep::open(folder)?
            }
        };
        let path = sweep.path().canonicalize().map_err(|e| Error::io("open", sweep.path(), e))?;
        let sweep = Sweep::open(&path)?;
        let program = std::env::current_exe().map_err(|e| {
            Error::new(ErrorKind::Io, format!("nobody knows where this program is: {e}")).caused_by(e)
        })?;
        let place = std::env::current_dir().map_err(|e| Error::io("open", Path::new("."), e))?;
        let slurm = Slurm {
            partition: self.partition.clone(),
            time: self.time.clone(),
            gres: self.gres.clone(),
            cpus: self.cpus,
            memory: self.mem.clone(),
            array_limit: self.array_limit,
        };
        let script = path.join(SCRIPT);
        run::write_file(&script, slurm.script(&sweep, &program, &place)?.as_bytes())?;
        terminal.say(&format!("script   {}", script.display()));
        if self.script_only {
            return out(&script.display().to_string());
        }
        let answer = Command::new("sbatch").arg(&script).output().map_err(|e| {
            Error::new(ErrorKind::Io, format!("sbatch does not start: {e}"))
                .hint("submit from a node that has Slurm, or write the script alone with --script-only")
        })?;
        if !answer.status.success() {
            let text = String::from_utf8_lossy(&answer.stderr);
            return Err(Error::new(ErrorKind::Io, format!("sbatch refuses the script: {}", text.trim())));
        }
        out(String::from_utf8_lossy(&answer.stdout).trim())
    }
}
