//! Links of a page: files that exist, and headings that a page has.

use std::fs;
use std::path::Path;

use super::markdown::Parts;

/// The links of `page` that lead nowhere. Addresses of the web are not asked.
pub fn dead_links(root: &Path, page: &Path, text: &str) -> Vec<String> {
    let parts = Parts::of(text);
    let dead = |target: &&str| {
        if target.contains("://") {
            return false;
        }
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let path = root.join(page).parent().unwrap().join(file);
        let anchors = match file {
            "" => anchors(&parts),
            _ if !path.exists() => return true,
            _ => fs::read_to_string(&path).map(|text| anchors(&Parts::of(&text))).unwrap_or_default(),
        };
        !anchor.is_empty() && !anchors.iter().any(|name| name == anchor)
    };
    let targets = parts.prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(dead).map(|target| format!("{}: no {target}", page.display())).collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(parts: &Parts) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for heading in &parts.headings {
        let kept = heading.chars().filter(|&c| c.is_alphanumeric() || " -_".contains(c));
        let name = kept.collect::<String>().trim().to_lowercase().replace(' ', "-");
        let before = anchors.iter().filter(|&anchor| *anchor == name).count();
        anchors.push(if before == 0 { name } else { format!("{name}-{before}") });
    }
    anchors
}
