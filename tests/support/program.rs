//! Runs the program as a user does, in a folder of its own.

use assert_cmd::cargo::cargo_bin;
use engine::random::{Random, Stream};
use signal_hook::consts::{SIGHUP, SIGINT};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};

/// How a call of the program ended.
pub struct Call {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Call {
    /// Nobody is ever shown a panic or, away from a terminal, an escape sequence.
    #[track_caller]
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let call = Call {
            code: output.status.code().expect("an exit code"),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        for text in [&call.out, &call.err] {
            for bad in ["panicked", "RUST_BACKTRACE", "stack backtrace", "\x1b"] {
                assert!(!text.contains(bad), "{bad:?} in {text}");
            }
        }
        call
    }

    /// Ended with `code`, having said all of `parts` on stderr.
    #[track_caller]
    pub fn ends(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        for part in parts {
            assert!(self.err.contains(part), "no {part:?} in: {}", self.err);
        }
        self
    }
}

/// The program leaves alone a signal that its parent ignores. Tests in the background ignore SIGINT, those
/// behind `nohup` SIGHUP. A handler in this process is none in its children: they begin with the default.
fn hear_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for signal in [SIGINT, SIGHUP] {
            let always = Arc::new(AtomicBool::new(true));
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, always).unwrap();
        }
    });
}

/// The program with `arguments`, separated by blanks, in `folder`.
pub fn command(folder: &Path, arguments: &str) -> Command {
    hear_signals();
    let mut command = Command::new(cargo_bin!("engine"));
    command.current_dir(folder).args(arguments.split_whitespace());
    command
}

#[track_caller]
pub fn engine(folder: &Path, arguments: &str) -> Call {
    Call::of(command(folder, arguments).output().unwrap())
}

/// A new folder on the disk that the build is on, so that files can be linked into it.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A new folder with `x.ts` in it: 40 cases.
pub fn with_series() -> tempfile::TempDir {
    let folder = folder();
    fs::write(folder.path().join("x.ts"), series(40, 2, 1)).unwrap();
    folder
}

/// A `.ts` file of `cases` of 8 values per channel, in turn of class a and, a little higher, of class b.
pub fn series(cases: u32, channels: u32, seed: u64) -> String {
    let mut text = String::from("@univariate false\n@classLabel true a b\n@data\n");
    for case in 0..cases {
        for channel in 0..channels {
            let mut random = Random::new(seed, Stream::Demo, [case, channel]);
            let value = |_| format!("{:.3}", random.normal() + f64::from(case % 2));
            text += &(0..8).map(value).collect::<Vec<_>>().join(",");
            text.push(':');
        }
        text += ["a\n", "b\n"][case as usize % 2];
    }
    text
}

/// The same cases without their classes.
pub fn unlabeled(series: &str) -> String {
    series.replace("true a b", "false").replace(":a\n", "\n").replace(":b\n", "\n")
}

pub fn read(path: PathBuf) -> Vec<u8> {
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The two folders hold the same bytes in each of `files`.
#[track_caller]
pub fn assert_same(one: &Path, other: &Path, files: &[&str]) {
    for file in files {
        assert!(read(one.join(file)) == read(other.join(file)), "{file} differs");
    }
}
