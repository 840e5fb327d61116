//! The cases of a run on the page: how many were read, used, and left out by which rule.

use super::frame::table;
use crate::data::cases::{CaseCounts, Ledger, Rule};
use maud::{Markup, html};
use std::collections::BTreeSet;

/// How many cases are used; where some are not, by subject, part and class.
pub(super) fn cases(ledger: &Ledger) -> Markup {
    let rules: BTreeSet<Rule> = ledger.counts.iter().flat_map(|c| c.left_out.keys().copied()).collect();
    let bad = match ledger.bad_windows {
        0 => String::new(),
        windows => format!(" {windows} windows with bad signals were left out."),
    };
    let mut header = vec!["subject", "part", "class", "read", "used"];
    header.extend(rules.iter().map(|rule| rule.describe()));
    let row = |c: &CaseCounts| {
        let part = if c.test { "TEST" } else { "" };
        let class = c.class.clone().unwrap_or_else(|| "none".into());
        let mut row = vec![c.subject.clone(), part.into(), class, c.read.to_string(), c.used.to_string()];
        row.extend(rules.iter().map(|rule| c.left_out.get(rule).unwrap_or(&0).to_string()));
        row
    };
    let rows: Vec<Vec<String>> = ledger.counts.iter().map(row).collect();
    html! {
        p { "A case is a trial, or a series of an archive: " (ledger.describe()) "." (bad) }
        @if !rules.is_empty() { (table("Cases by subject, part and class", &header, &rows, 0)) }
    }
}
