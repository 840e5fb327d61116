//! Commands of a page, as its reader would type them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use super::markdown::Parts;
use crate::support::program::command;

/// Options within sentences that belong to other programs.
const OTHERS: [&str; 2] = ["--nocapture", "--include-ignored"];

/// Names that a page uses as its example and that do not exist, each with one that does.
const EXAMPLES: [(&str, &str); 2] = [("bicifg", "bigru"), ("cifg", "gru")];

/// Everything that a command on a page may name.
pub struct Commands {
    /// The long options of all commands of the program.
    options: BTreeSet<String>,
    /// The modules of the tests, by `tests/main.rs`.
    modules: String,
    root: PathBuf,
}

impl Commands {
    pub fn of_the_program() -> Commands {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let modules = fs::read_to_string(root.join("tests/main.rs")).unwrap();
        let mut options = BTreeSet::new();
        let mut add = |arguments: &[&str]| {
            let help = output(arguments).1;
            let words = help.lines().filter(|line| line.trim_start().starts_with('-'));
            let words = words.flat_map(|line| line.split_whitespace()).filter(|word| word.starts_with("--"));
            options.extend(words.map(|word| word.trim_end_matches([',', '.']).to_string()));
            help
        };
        let list = add(&["--help"]);
        let names = list.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
        let names = names.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        for name in names.filter_map(|line| line.split_whitespace().next()).filter(|&name| name != "help") {
            add(&[name, "--help"]);
        }
        for name in ["demo", "inspect", "export", "formats"] {
            add(&["data", name, "--help"]);
        }
        for name in ["plan", "run", "submit", "status", "collect"] {
            add(&["sweep", name, "--help"]);
        }
        assert!(options.len() > 100, "{options:?}");
        Commands { options, modules, root }
    }

    /// The commands and options of a page that are wrong, each with the reason.
    pub fn wrong(&self, page: &Path, text: &str) -> Vec<String> {
        let mut wrong: Vec<String> = calls(text).iter().filter_map(refusal).collect();
        let parts = Parts::of(text);
        let lines = parts.code.iter().chain(&parts.spans);
        wrong.extend(lines.flat_map(|line| simple(line)).filter_map(|words| self.no_tool(&words)));
        for span in parts.spans.iter().filter(|span| span.starts_with("--")) {
            let names = span
                .split([' ', '='])
                .filter(|word| word.len() > 2 && word.starts_with("--") && !word.contains('*'));
            let strange = names.filter(|&name| !self.options.contains(name) && !OTHERS.contains(&name));
            wrong.extend(strange.map(|name| format!("no command has an option {name}")));
        }
        wrong.into_iter().map(|reason| format!("{}: {reason}", page.display())).collect()
    }

    /// Why a call of a script, of the tests or of a bench is wrong.
    fn no_tool(&self, words: &[String]) -> Option<String> {
        let line = words.join(" ");
        let is_script =
            |word: &str| !word.starts_with("tools/") || self.root.join(word).exists() || word.contains('$');
        let is_bench = |name: &str| self.root.join(format!("benches/{name}.rs")).exists();
        // A filter is a part of a name.
        let is_test = |filter: &str| {
            let module = filter.split("::").next().unwrap();
            self.modules.lines().any(|line| line.starts_with("mod ") && line.contains(module))
        };
        let mut after = words.iter().skip_while(|word| *word != "--").filter(|word| !word.starts_with('-'));
        let unknown = match line {
            _ if line.starts_with("cargo test") => after.find(|filter| !is_test(filter)),
            _ if line.starts_with("cargo bench") => after.find(|name| !is_bench(name)),
            _ => words.iter().find(|word| !is_script(word)),
        };
        unknown.map(|name| format!("{line}: there is no {name}"))
    }
}

/// A call of the program.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    pub arguments: Vec<String>,
    /// Whether it is a line to type. A sentence may name a command without all of its arguments.
    is_whole: bool,
}

/// Every call of the program on a page, in code and in sentences.
pub fn calls(text: &str) -> Vec<Call> {
    let parts = Parts::of(text);
    let lines =
        parts.code.iter().map(|line| (line, true)).chain(parts.spans.iter().map(|line| (line, false)));
    let commands =
        lines.flat_map(|(line, is_whole)| simple(line).into_iter().map(move |words| (words, is_whole)));
    let calls = commands.filter_map(|(words, is_whole)| {
        let start = match words.iter().position(|word| word == "engine") {
            // Settings of the environment may stand in front.
            Some(at) if words[..at].iter().all(|word| word.contains('=')) => at + 1,
            _ if words.starts_with(&["cargo", "run", "--release", "--"].map(String::from)) => 4,
            _ => return None,
        };
        let mut arguments = words[start..].to_vec();
        // Three dots after an option are its value, and others mean more arguments.
        let is_value = arguments.iter().rev().nth(1).is_some_and(|word| word.starts_with("--"));
        if arguments.last().is_some_and(|word| word == "...") && !is_value {
            arguments.pop();
        }
        (!arguments.is_empty()).then_some(Call { arguments, is_whole })
    });
    calls.collect()
}

/// Whether a call is a line to type, ends within seconds, and needs nothing but `recordings`.
pub fn cheap(call: &Call) -> bool {
    let arguments = &call.arguments;
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    match arguments[0].as_str() {
        _ if !call.is_whole => false,
        "devices" | "summary" => !has("--data"),
        "data" => has("formats") || (has("inspect") && has("recordings")),
        "check" => *arguments == ["check", "--list"],
        "kernels" => !has("--arch"),
        "profile" => has("--predict") && cfg!(feature = "cuda"),
        "train" | "crossval" => has("--print-config") || (has("--dry-run") && has("recordings")),
        _ => has("--help"),
    }
}

/// Why the program refuses these arguments.
fn refusal(call: &Call) -> Option<String> {
    let mut arguments: Vec<&str> = call.arguments.iter().map(String::as_str).collect();
    for argument in &mut arguments {
        if let Some((_, instead)) = EXAMPLES.iter().find(|(example, _)| example == argument) {
            *argument = instead;
        }
    }
    // The help comes after all arguments are parsed, so that nothing runs. It hides that one is missing.
    let (code, _, error) = output(&[&arguments[..], &["--help"]].concat());
    let (code, error) = match arguments[0] {
        _ if code != 0 || !call.is_whole => (code, error),
        "train" | "crossval" if !arguments.contains(&"--resume") => {
            let print = if arguments.contains(&"--print-config") { &[][..] } else { &["--print-config"] };
            let (code, _, error) = output(&[&arguments[..], print].concat());
            (code, error)
        }
        // These end at once where their files are missing.
        "evaluate" | "report" | "compare" | "predict" => {
            let (_, _, error) = output(&arguments);
            (i32::from(error.contains("Usage: engine")), error)
        }
        _ => (0, error),
    };
    (code != 0)
        .then(|| format!("engine {}: {}", arguments.join(" "), error.lines().next().unwrap_or_default()))
}

/// Exit code, stdout and stderr of the program in an empty folder.
fn output(arguments: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = command(folder.path(), "").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// The simple commands of a line of a shell, in words: comments and redirections are left out.
fn simple(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word = String::new();
    let (mut quote, mut is_redirected) = (None, false);
    let end = |word: &mut String, commands: &mut Vec<Vec<String>>, is_redirected: &mut bool| {
        let done = std::mem::take(word);
        match done.as_str() {
            "" => {}
            "&&" | ";" | "|" => {
                commands.push(Vec::new());
                *is_redirected = false;
            }
            ">" => *is_redirected = true,
            _ if *is_redirected => {}
            _ => commands.last_mut().unwrap().push(done),
        }
    };
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if word.is_empty() => break,
            (None, ';') => {
                end(&mut word, &mut commands, &mut is_redirected);
                word.push(c);
                end(&mut word, &mut commands, &mut is_redirected);
            }
            (None, _) if c.is_whitespace() => end(&mut word, &mut commands, &mut is_redirected),
            (None, _) => word.push(c),
        }
    }
    end(&mut word, &mut commands, &mut is_redirected);
    commands
}
