//! A path at which there is nothing.

use super::place::entries;
use crate::data::deap;
use crate::error::Error;
use std::path::Path;

/// The least similarity of names that are worth a question.
const SIMILAR: f64 = 0.8;

/// The most names in a question.
const NAMES: usize = 3;

/// Says what there is instead: similar names, the nearest folder that exists, where DEAP comes from.
pub fn missing(path: &Path) -> Error {
    let mut hints = Vec::new();
    let parent = path.ancestors().skip(1).map(named).find(|parent| parent.is_dir());
    if let Some(parent) = parent {
        let wanted = path.strip_prefix(parent).unwrap_or(path).iter().next().unwrap_or_default();
        match similar(parent, &wanted.to_string_lossy()) {
            names if !names.is_empty() => hints.push(format!("did you mean {}?", names.join(" or "))),
            _ if named(path.parent().unwrap_or(path)) != parent => {
                hints.push(format!("the nearest folder that exists is {}", parent.display()));
            }
            _ => {}
        }
    }
    if may_be_deap(path) {
        hints.push(deap::SOURCE.into());
    }
    if hints.is_empty() {
        hints.push("a relative path begins in the working directory".into());
    }
    Error::data(format!("{} does not exist", path.display())).hint(hints.join("; "))
}

/// The folder, also where its name is empty.
fn named(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// The paths in a folder whose names are most like the wanted one.
fn similar(folder: &Path, wanted: &str) -> Vec<String> {
    // A folder that cannot be listed has no names to offer; the message is about the path.
    let entries = entries(folder).unwrap_or_default();
    let likeness = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &wanted.to_lowercase());
    let mut names: Vec<(f64, String)> = entries
        .into_iter()
        .map(|entry| (likeness(&entry.name), entry.path.display().to_string()))
        .filter(|(likeness, _)| *likeness >= SIMILAR)
        .collect();
    names.sort_by(|one, other| other.0.total_cmp(&one.0));
    names.into_iter().take(NAMES).map(|(_, name)| name.trim_start_matches("./").to_string()).collect()
}

/// Whether the path may have been meant for DEAP: a folder, or a subject's file.
fn may_be_deap(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.extension().is_none() || deap::subject_number(&name).is_some()
}
