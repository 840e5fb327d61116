//! Which file of the crate uses which, and circles among them. What a path leads to is followed through
//! re-exports to the file that defines it. A method is not a path: of a type whose methods stand in several
//! files, the type's own file counts.

use super::parse::{self, Module, child};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

/// All modules of the crate.
#[derive(Default)]
pub struct Crate {
    modules: BTreeMap<String, (Module, String)>,
}

/// `from` uses an item that `to` defines; `named` are the modules that the path to it goes through.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    pub from: String,
    pub to: String,
    pub item: String,
    pub named: Vec<String>,
}

impl std::fmt::Display for Use {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} -> {} ({})", self.from, self.to, self.item)
    }
}

/// Where a path ends: at a module itself, or at an item of it.
struct Found {
    module: String,
    item: bool,
    named: Vec<String>,
}

impl Crate {
    /// Every file below `folder`.
    pub fn read(folder: &Path) -> Self {
        let mut files = Vec::new();
        rust_files(folder, &mut files);
        let relative = |file: &Path| file.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
        let texts = files.iter().map(|file| (relative(file), std::fs::read_to_string(file).unwrap()));
        Crate::of(texts.collect::<Vec<_>>().iter().map(|(file, text)| (file.as_str(), text.as_str())))
    }

    /// Of files with their text; `lib.rs` is the root.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut all = Crate::default();
        for (file, text) in files.into_iter().filter(|(file, _)| *file != "main.rs") {
            let path = file.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
            let path = if path == "lib" { String::new() } else { path };
            for module in parse::modules(&path, text) {
                let new = || (Module::default(), file.to_string());
                all.modules.entry(module.path.clone()).or_insert_with(new).0.add(module);
            }
        }
        all
    }

    /// The modules below the root.
    pub fn top(&self) -> &BTreeSet<String> {
        &self.modules[""].0.children
    }

    fn file(&self, module: &str) -> &str {
        &self.modules[module].1
    }

    /// Where `path`, as `from` writes it, leads; `None` out of the crate, or to what `from` defines itself.
    fn resolve(&self, from: &str, path: &[String], depth: usize) -> Option<Found> {
        /// Longer than any chain of re-exports; `use name::name` of another crate would lead to itself.
        const DEEPEST: usize = 20;
        if depth > DEEPEST {
            return None;
        }
        let (mut base, mut rest) = (from.to_string(), path);
        match path.first()?.as_str() {
            "crate" => (base, rest) = (String::new(), &path[1..]),
            "self" | "super" => {
                while let Some(name) = rest.first().filter(|name| ["self", "super"].contains(&name.as_str()))
                {
                    if name == "super" {
                        base = base.rsplit_once("::").map_or(String::new(), |(parent, _)| parent.into());
                    }
                    rest = &rest[1..];
                }
            }
            // A name of the module's own, or another crate.
            name => {
                let (module, _) = &self.modules[from];
                let import = |import: &&parse::Import| import.name == name && import.path != [name];
                if !module.children.contains(name) && !module.imports.iter().any(|i| import(&i)) {
                    return None;
                }
            }
        }
        self.follow(base, rest, depth)
    }

    fn follow(&self, module: String, rest: &[String], depth: usize) -> Option<Found> {
        let [name, after @ ..] = rest else {
            return Some(Found { named: vec![module.clone()], module, item: false });
        };
        let (here, _) = self.modules.get(&module)?;
        let through = |mut found: Found| {
            found.named.insert(0, module.clone());
            found
        };
        assert!(name != "*", "a glob of crate::{module} hides what is used of it: name that");
        let inner = child(&module, name);
        let as_child = here.children.contains(name) && self.modules.contains_key(&inner);
        // At the end of a path a name may be both, and the item is meant.
        let reexports: Vec<_> =
            here.imports.iter().filter(|i| i.name == *name && i.path != [name.clone()]).collect();
        if as_child && (!after.is_empty() || reexports.is_empty()) {
            return self.follow(inner, after, depth).map(through);
        }
        for import in &reexports {
            match self.resolve(&module, &import.path, depth + 1) {
                Some(found) if found.item || after.is_empty() => return Some(through(found)),
                Some(found) => return self.follow(found.module, after, depth + 1).map(through),
                None => {}
            }
        }
        // Items of other crates are not items of this module.
        match reexports.is_empty() {
            true => Some(Found { named: vec![module.clone()], module, item: true }),
            false => None,
        }
    }

    /// Every use of another file.
    pub fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        for (module, file) in self.modules.values() {
            let mut add = |path: &[String]| {
                if let Some(found) = self.resolve(&module.path, path, 0) {
                    let (to, item) = (self.file(&found.module).to_string(), path[path.len() - 1].clone());
                    uses.push(Use { from: file.clone(), to, item, named: found.named });
                }
            };
            for import in &module.imports {
                // The face of a folder shows items of its files. It uses those that its own code works with.
                let face = import.public && self.is_below(module, &import.path);
                if !face || module.words.contains(&import.name) {
                    add(&import.path);
                }
            }
            for path in &module.paths {
                add(path);
            }
        }
        uses.retain(|used| used.from != used.to);
        uses
    }

    /// Whether a path leads into a file below `module`.
    fn is_below(&self, module: &Module, path: &[String]) -> bool {
        let own = module.path.clone();
        let found = self.resolve(&own, path, 0);
        found.is_some_and(|found| own.is_empty() || found.module.starts_with(&format!("{own}::")))
    }
}

fn rust_files(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// For every file that reaches itself a shortest circle that it is part of, as the uses that the circle is
/// made of; each circle once.
pub fn circles(uses: &[Use]) -> Vec<Vec<Use>> {
    let mut next: BTreeMap<&str, BTreeMap<&str, &Use>> = BTreeMap::new();
    for used in uses {
        next.entry(&used.from).or_default().entry(&used.to).or_insert(used);
    }
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for &file in next.keys() {
        if seen.contains(file) {
            continue;
        }
        if let Some(circle) = way_back(&next, file) {
            seen.extend(circle.iter().map(|used| used.from.clone()));
            circles.push(circle);
        }
    }
    circles
}

/// The shortest way from `file` to itself.
fn way_back(next: &BTreeMap<&str, BTreeMap<&str, &Use>>, file: &str) -> Option<Vec<Use>> {
    let mut came: BTreeMap<&str, &Use> = BTreeMap::new();
    let mut queue = VecDeque::from([file]);
    while let Some(at) = queue.pop_front() {
        for (&to, &used) in next.get(at).into_iter().flatten() {
            if came.contains_key(to) {
                continue;
            }
            came.insert(to, used);
            if to == file {
                let mut circle = vec![used.clone()];
                while circle[0].from != file {
                    let before = came[circle[0].from.as_str()].clone();
                    circle.insert(0, before);
                }
                return Some(circle);
            }
            queue.push_back(to);
        }
    }
    None
}
