//! The page of a run without a test part: how its networks were made, and that nothing says how good they are.

use super::{cases, curves, frame, provenance};
use crate::data::split::UNTESTED;
use crate::error::Result;
use crate::experiment::Record;
use crate::run::RunFolder;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Writes report.html of a run without scores.
pub fn write_unscored(folder: &RunFolder) -> Result<()> {
    let record = Record::read(folder.path())?;
    let title = format!("{}: report", record.name());
    folder.write("report.html", frame::frame(&title, &body(&record)).into_string().as_bytes())
}

fn body(record: &Record) -> Markup {
    let split = &record.manifest.split;
    let folds = record.manifest.selected_folds.iter().filter_map(|&fold| split.folds.get(fold));
    let rows: Vec<Vec<String>> = folds
        .map(|fold| vec![fold.name.clone(), fold.train.to_string(), fold.validation.to_string()])
        .collect();
    let epoch = |(&fold, epoch): (&u32, &usize)| {
        let name = record.folds.get(fold as usize - 1).map_or("unknown", String::as_str);
        format!("{name}: {epoch}")
    };
    let epochs: Vec<String> = record.tested.iter().map(epoch).collect();
    html! {
        header {
            h1 { (record.name()) }
            p.under { (record.manifest.dataset.labels) " · trained without a test part" }
        }
        section.result #result aria-labelledby="result-heading" {
            h2 #result-heading { "Result" }
            p { "This run tests " (UNTESTED) ". Its networks are for other recordings: "
                code { "engine predict " (record.folder.display()) " FILES" } "." }
            p { "A cross-validation with the same settings says how good such a network is on people or trials that it \
                 has not seen." }
        }
        (frame::section("training", "Training", &html! {
            (frame::table("Windows of each part", &["fold", "training", "validation"], &rows, 0))
            p { "The weights under " code { "checkpoints/best" } " are of the epoch: " (epochs.join(", ")) "." }
            (curves::curve_chart(&record.epochs, &record.folds, &BTreeMap::new()))
        }))
        @if let Some(ledger) = &record.manifest.dataset.cases {
            (frame::section("cases", "Cases", &cases::cases(ledger)))
        }
        (frame::section("network", "Network", &provenance::network_table(&record.manifest.network)))
        (frame::section("repeat", "Repeating this run", &provenance::repeat(record)))
    }
}
