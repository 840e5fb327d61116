//! `tools/gpu-suite` without a GPU: its logic on programs of a few lines that hang, crash and lie, each in
//! the place of one of ours; and, end to end, on our own programs with the driver of `stand_in`.

mod end_to_end;
mod logic;

use crate::support::stand_in;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// An engine that lists a GPU; its other behavior follows.
const ENGINE: &str = "#!/bin/sh
if [ \"$1\" = devices ]; then
  echo 'cuda  0: Fake GPU, sm_90, driver 13.0'
  echo '         8.0 GiB, kernels by NVRTC 13.0'
  exit
fi
";

/// The suite as its archive unpacks, with programs of the test's own.
struct Suite {
    folder: tempfile::TempDir,
}

impl Suite {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let suite = Suite { folder };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["tools/gpu", "tests/golden"] {
            fs::create_dir_all(suite.at(&format!("gpu-suite/{part}"))).unwrap();
            for entry in fs::read_dir(root.join(part)).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_file() {
                    let to = suite.at(&format!("gpu-suite/{part}")).join(entry.file_name());
                    fs::copy(entry.path(), to).unwrap();
                }
            }
        }
        fs::copy(root.join("tools/gpu-suite"), suite.at("gpu-suite/tools/gpu-suite")).unwrap();
        fs::create_dir(suite.at("gpu-suite/programs")).unwrap();
        suite.with("engine", ENGINE)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// A program of the archive.
    fn with(self, name: &str, text: &str) -> Self {
        self.script(&format!("gpu-suite/programs/{name}"), text);
        self
    }

    fn script(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), text).unwrap();
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The suite on the stand-in driver, its results in `results`.
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(self.at("gpu-suite/tools/gpu-suite"));
        command
            .current_dir(self.folder.path())
            .arg("results")
            .args(arguments.split_whitespace())
            .env("LD_LIBRARY_PATH", stand_in::libraries());
        command
    }

    fn run(&self, arguments: &str) -> Ended {
        Ended::of(self.command(arguments).output().unwrap())
    }

    fn read(&self, path: &str) -> String {
        let path = self.at("results").join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The record of a step: its last line.
    #[track_caller]
    fn record(&self, step: &str) -> serde_json::Value {
        let lines = self.read("steps.jsonl");
        let mut records = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        records.rfind(|record| record["name"] == step).unwrap_or_else(|| panic!("no {step} in {lines}"))
    }

    #[track_caller]
    fn assert_outcomes(&self, expected: &[(&str, &str)]) {
        for (step, outcome) in expected {
            let record = self.record(step);
            assert_eq!(record["outcome"], *outcome, "{record}");
        }
    }

    /// The files of the archive, which is whole.
    #[track_caller]
    fn archived(&self) -> Vec<String> {
        let listed = Command::new("tar").arg("tJf").arg(self.at("results/results.tar.xz")).output().unwrap();
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        let names = String::from_utf8(listed.stdout).unwrap();
        names.lines().map(|name| name.trim_start_matches("results/").to_string()).collect()
    }

    #[track_caller]
    fn assert_archived(&self, names: &[&str]) {
        let archived = self.archived();
        for name in names {
            assert!(archived.iter().any(|file| file == name), "no {name} in {archived:?}");
        }
    }

    #[track_caller]
    fn assert_page(&self, parts: &[&str]) {
        let page = self.read("summary.md");
        for part in parts {
            assert!(page.contains(part), "no {part:?} in {page}");
        }
    }
}

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        assert!(!self.err.contains("Traceback"), "{}", self.err);
        self
    }
}
