//! Uses go down only, floor by floor as src/lib.rs draws them, and no files stand in a circle.

mod graph;
mod parse;

use graph::{Crate, circles};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Floor of each module: rows of `| number | [`module`] .. |` in the documentation of the crate.
fn floors(documentation: &str) -> BTreeMap<String, usize> {
    let mut floors = BTreeMap::new();
    let mut expected = None;
    for row in documentation.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let Some((number, modules)) = row.split_once(" | ") else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        assert!(expected.is_none_or(|expected| expected == number), "floor {number} is out of order");
        expected = number.checked_sub(1);
        for module in modules.split("[`").skip(1) {
            let module = module.split_once("`]").expect("a link").0;
            assert!(floors.insert(module.to_string(), number).is_none(), "{module} stands on two floors");
        }
    }
    floors
}

/// The module of the crate that a path of modules begins with.
fn top(module: &str) -> &str {
    module.split("::").next().unwrap()
}

#[test]
fn uses_go_down_only() {
    let krate = Crate::read(&source());
    let floors = floors(&std::fs::read_to_string(source().join("lib.rs")).unwrap());
    let drawn: Vec<&String> = floors.keys().collect();
    assert_eq!(
        drawn,
        krate.top().iter().collect::<Vec<_>>(),
        "modules that src/lib.rs draws, and those that there are"
    );
    let uses = krate.uses();
    let mut wrong = Vec::new();
    for used in uses.iter().filter(|used| used.from != "lib.rs") {
        let own = top(used.from.split(['/', '.']).next().unwrap());
        let others = used.named.iter().map(|module| top(module)).filter(|other| ![own, ""].contains(other));
        wrong.extend(
            others
                .filter(|other| floors[*other] >= floors[own])
                .map(|other| format!("{used}: {other} is not below {own}")),
        );
    }
    assert!(wrong.is_empty(), "uses that do not go down:\n{}", wrong.join("\n"));
    assert!(uses.len() > 1000, "only {} uses found: does this test still see them?", uses.len());
}

#[test]
fn no_files_stand_in_a_circle() {
    let uses = Crate::read(&source()).uses();
    let lines: Vec<String> = circles(&uses)
        .into_iter()
        .map(|circle| circle.iter().map(|used| used.to_string()).collect::<Vec<_>>().join(", "))
        .collect();
    assert!(lines.is_empty(), "circles of files:\n{}", lines.join("\n"));
}

/// The uses of data/own.rs with this text, as `file (item)`.
fn used_by(text: &str) -> Vec<String> {
    let files = [
        ("lib.rs", "pub mod cli; pub mod data; pub mod error; pub use error::Error;"),
        ("error.rs", "pub struct Error;"),
        ("cli/mod.rs", "mod runs; pub use runs::Train; pub fn main() {}"),
        ("cli/runs.rs", "pub struct Train; pub const LIMIT: usize = 3;"),
        ("data/mod.rs", "pub mod deep; pub mod own; pub use deep::Deep;"),
        ("data/deep/mod.rs", "mod leaf; pub use leaf::Leaf as Deep; pub fn deeper() {}"),
        ("data/deep/leaf.rs", "pub struct Leaf;"),
    ];
    let krate = Crate::of(files.into_iter().chain([("data/own.rs", text)]));
    let own = krate.uses().into_iter().filter(|used| used.from == "data/own.rs");
    own.map(|used| format!("{} ({})", used.to, used.item)).collect()
}

#[test]
fn the_parser_is_not_fooled() {
    // Braces, nested ones too, `self`, and other names.
    assert_eq!(used_by("use crate::{cli::main, error};"), ["cli/mod.rs (main)", "error.rs (error)"]);
    assert_eq!(
        used_by("use crate::{cli::{self, runs::{LIMIT, Train as T}}, error::Error};"),
        ["cli/mod.rs (cli)", "cli/runs.rs (LIMIT)", "cli/runs.rs (Train)", "error.rs (Error)"]
    );
    assert_eq!(used_by("use\n  crate :: cli\n :: main ;"), ["cli/mod.rs (main)"]);
    // The way up.
    assert_eq!(used_by("use super::deep::deeper;"), ["data/deep/mod.rs (deeper)"]);
    assert_eq!(used_by("use super::super::cli::main;"), ["cli/mod.rs (main)"]);
    assert_eq!(used_by("use self::super::super::error::Error;"), ["error.rs (Error)"]);
    assert_eq!(used_by("mod inner { use super::super::super::cli::main; }"), ["cli/mod.rs (main)"]);
    assert_eq!(used_by("mod inner { pub fn f() {} } use self::inner::f;"), [""; 0]);
    assert_eq!(
        used_by("#[cfg(unix)] mod os { use crate::cli::main; } #[cfg(windows)] mod os {}"),
        ["cli/mod.rs (main)"]
    );
    // Re-exports lead to the file that defines the item.
    assert_eq!(used_by("use crate::Error;"), ["error.rs (Error)"]);
    assert_eq!(used_by("use super::Deep;"), ["data/deep/leaf.rs (Deep)"]);
    assert_eq!(
        used_by("use crate::cli as face; type T = face::Train;"),
        ["cli/mod.rs (cli)", "cli/runs.rs (Train)"]
    );
    // Paths in code, in macros and in other paths.
    assert_eq!(used_by("fn f() { crate::cli::main() }"), ["cli/mod.rs (main)"]);
    assert_eq!(used_by("fn f() { g(..super::super::cli::main()) }"), ["cli/mod.rs (main)"]);
    assert_eq!(used_by("fn f() { html! { p { (crate::cli::main()) } } }"), ["cli/mod.rs (main)"]);
    assert_eq!(used_by("fn f(x: Vec<crate::cli::Train>) {}"), ["cli/runs.rs (Train)"]);
    assert_eq!(used_by("macro_rules! m { () => { $crate::cli::main() } }"), ["cli/mod.rs (main)"]);
    assert_eq!(used_by("fn f() { use crate::cli; cli::main() }"), ["cli/mod.rs (cli)", "cli/mod.rs (main)"]);
    // Items that only tests see, and those after them.
    assert_eq!(used_by("#[cfg(test)] use crate::cli::main;"), [""; 0]);
    assert_eq!(used_by("#[cfg(all(test, unix))] mod tests { use crate::cli::main; }"), [""; 0]);
    assert_eq!(used_by("#[cfg(test)] mod tests { fn f() {} } use crate::cli::main;"), ["cli/mod.rs (main)"]);
    assert_eq!(
        used_by("#[cfg(test)] #[inline] pub(crate) fn f() {} use crate::cli::main;"),
        ["cli/mod.rs (main)"]
    );
    assert_eq!(used_by("#[cfg(test)] const A: T = T { a: 1 }; use crate::cli::main;"), ["cli/mod.rs (main)"]);
    assert_eq!(used_by("struct S { #[cfg(test)] a: u8, b: crate::cli::Train }"), ["cli/runs.rs (Train)"]);
    assert_eq!(used_by("#[cfg(not(test))] use crate::cli::main;"), ["cli/mod.rs (main)"]);
    // Text that is no code, items of other crates, and methods.
    assert_eq!(
        used_by(
            "// crate::cli::main\n/* use crate::cli; */ /// [`crate::cli`]\nfn f() { \"crate::cli::main\"; }"
        ),
        [""; 0]
    );
    assert_eq!(
        used_by("use std::{cli::main, error::Error}; fn f() { ::error::x(); a.cli::<u8>(); }"),
        [""; 0]
    );
    assert_eq!(used_by("fn f<'error>() -> impl Fn() + use<'error> { error::main() }"), [""; 0]);
}

#[test]
fn a_face_is_no_edge_and_a_face_at_work_is() {
    let uses = |face: &str| {
        let files = [
            ("lib.rs", "pub mod run;"),
            ("run/mod.rs", face),
            ("run/log.rs", "pub struct Log; use super::Kept;"),
        ];
        Crate::of(files).uses().iter().map(|used| used.to_string()).collect::<Vec<_>>()
    };
    let child = "run/log.rs -> run/mod.rs (Kept)";
    assert_eq!(uses("mod log; pub use log::Log; pub struct Kept;"), [child]);
    let works = "run/mod.rs -> run/log.rs (Log)";
    assert_eq!(uses("mod log; pub use log::Log; pub struct Kept(Log);"), [works, child]);
    assert_eq!(uses("mod log; use log::Log; pub struct Kept;"), [works, child]);
    assert_eq!(uses("mod log; pub struct Kept(log::Log);"), [works, child]);
}

#[test]
fn circles_are_told_as_their_uses() {
    let krate = Crate::of([
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "use crate::{a::A, d::D}; pub struct C;"),
        ("d.rs", "pub struct D;"),
    ]);
    let circles = circles(&krate.uses());
    let told: Vec<String> = circles.iter().flatten().map(|used| used.to_string()).collect();
    assert_eq!(told, ["a.rs -> b.rs (B)", "b.rs -> c.rs (C)", "c.rs -> a.rs (A)"]);
}

#[test]
fn floors_are_read_as_they_are_drawn() {
    let drawn =
        "//! | floor | modules |\n//! |---|---|\n//! | 1 | [`b`] of [`c`](mod@c) |\n//! | 0 | [`a`] |\n";
    let read: Vec<(String, usize)> = floors(drawn).into_iter().collect();
    assert_eq!(read, [("a".to_string(), 0), ("b".to_string(), 1), ("c".to_string(), 1)]);
}

/// Names of the files and folders in a folder, without ending.
fn stems(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut stems: Vec<String> =
        paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_string()).collect();
    stems.sort();
    stems
}

/// An operation has one name, and a file or folder of that name wherever it is at home.
#[test]
fn an_operation_has_one_stem_everywhere() {
    let operations: Vec<String> = stems("src/check/cases").into_iter().filter(|stem| stem != "mod").collect();
    assert!(operations.len() >= 8, "{operations:?}");
    for home in ["src/ops", "src/reference", "src/backend/cpu", "src/backend/cuda", "src/backend/wgpu"] {
        let there = stems(home);
        for operation in &operations {
            assert!(there.contains(operation), "{home} has no file for the operation {operation}");
        }
    }
    // Kernels begin with their operation's name; what several share is named after what it does.
    let shared = [
        "activation",
        "cell",
        "formats",
        "lengths",
        "maths",
        "intrinsics",
        "probe",
        "gemm",
        "peak",
        "cycles",
        "budget",
    ];
    for kernels in ["kernels/cuda", "kernels/wgsl"] {
        let there = stems(kernels);
        for operation in &operations {
            let own = there.iter().any(|kernel| kernel.split('_').next() == Some(operation));
            assert!(own, "{kernels} has no kernel of the operation {operation}");
        }
        for kernel in &there {
            let head = kernel.split('_').next().unwrap();
            let known = operations.iter().any(|operation| operation == head) || shared.contains(&head);
            assert!(known, "{kernels}/{kernel} bears the name of no operation, and of nothing shared");
        }
    }
}
