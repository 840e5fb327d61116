//! The origin of the scores: the split and its leaks, the network, and the command that repeats the run.

use super::frame::{facts, table};
use super::scope;
use crate::data::grouping::Grouping;
use crate::data::split::honest_kinds;
use crate::experiment::Record;
use crate::ops::Network;
use maud::{Markup, html};

/// The first thing to be seen where a split leaks.
pub(super) fn leak_banner(record: &Record) -> Markup {
    let recorded = record.manifest.scope.as_ref().map(|scope| scope.grouping);
    let honest = honest_kinds(&recorded.unwrap_or(Grouping::KNOWN));
    html! {
        div.banner role="alert" {
            h2 { "Do not believe these scores: the split leaks" }
            p {
                "Split by " code { (record.manifest.split.kind.name()) } ": " (record.manifest.split.leak.describe())
                ". " (record.manifest.split.leak.consequence())
            }
            @if honest.is_empty() {
                p { "For honest scores, add an array \"trials\" or \"groups\" to the data." }
            } @else {
                p {
                    "Run instead: "
                    @for (i, kind) in honest.iter().enumerate() {
                        @if i > 0 { " or " }
                        code { (record.command()) " --split " (kind.name()) }
                    }
                    "."
                }
            }
        }
    }
}

/// The groups that the split keeps apart, and those that the test and training part of a fold share.
pub(super) fn split_table(record: &Record) -> Markup {
    let split = &record.manifest.split;
    let rows: Vec<Vec<String>> = record
        .manifest
        .selected_folds
        .iter()
        .filter_map(|&fold| split.folds.get(fold))
        .map(|fold| {
            let counts = [fold.train, fold.validation, fold.test].map(|n| n.to_string());
            let mut row = vec![fold.name.clone()];
            row.extend(counts);
            let count = |count: Option<usize>| count.map_or("unknown".into(), |count| count.to_string());
            row.push(fold.siblings.map_or("unknown".into(), |mean| format!("{mean:.2}")));
            row.extend([count(fold.fewest_siblings), count(fold.overlapping)]);
            row.push(fold.copies.map_or("not recorded".into(), |copies| copies.to_string()));
            row.push(match (fold.known_stimuli, fold.test_trials) {
                (Some(known), Some(all)) => format!("{known} of {all}"),
                (None, Some(_)) => "unknown".into(),
                (_, None) => "not recorded".into(),
            });
            row
        })
        .collect();
    let header = [
        "fold",
        "training",
        "validation",
        "test",
        "siblings, mean",
        "siblings, fewest",
        "overlapping",
        "copies",
        "known stimulus",
    ];
    html! {
        p {
            "Split by " code { (split.kind.name()) } ", which asks about " (scope::headline(&record.manifest)) ": "
            (rows.len()) " of " (split.folds.len()) " folds. Over all of them, " (split.leak.describe()) "."
        }
        (table("Windows by fold. Siblings: training windows from the trial of a test window. Overlapping: test windows that \
                share raw samples with a training window. Copies: test windows that training holds under another name. Known stimulus: test trials whose stimulus is in training", &header, &rows, 0))
    }
}

/// The layers of the network, and every tensor with its shape.
pub(crate) fn network_table(network: &Network) -> Markup {
    let parameters = network.parameters();
    let module = |name: &str| name.split('.').next().unwrap_or(name).to_string();
    let mut modules: Vec<(String, usize)> = Vec::new();
    for parameter in &parameters {
        let name = module(&parameter.name);
        match modules.last_mut().filter(|(last, _)| *last == name) {
            Some((_, count)) => *count += parameter.count(),
            None => modules.push((name, parameter.count())),
        }
    }
    let total: usize = modules.iter().map(|(_, count)| count).sum();
    let mut rows: Vec<Vec<String>> =
        modules.into_iter().map(|(name, count)| vec![name, count.to_string()]).collect();
    rows.push(vec!["all".into(), total.to_string()]);
    let tensors: Vec<Vec<String>> = parameters
        .iter()
        .map(|p| {
            let shape: Vec<String> = p.shape.iter().map(usize::to_string).collect();
            vec![p.name.clone(), shape.join(" x "), p.count().to_string()]
        })
        .collect();
    html! {
        div.grid {
            (settings(network))
            (table("Parameters by module", &["module", "parameters"], &rows, 1))
        }
        details {
            summary { "Every tensor" }
            (table("Tensors under PyTorch's names", &["tensor", "shape", "parameters"], &tensors, 0))
        }
    }
}

/// The network's fields, whichever it has.
fn settings(network: &Network) -> Markup {
    let fields = serde_json::to_value(network).expect("a network is plain values");
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::Null => "none".to_string(),
        serde_json::Value::String(text) => text.clone(),
        other => {
            other.to_string().replace(['"', '{', '}', '[', ']'], "").replace(':', " ").replace(',', ", ")
        }
    };
    html! {
        dl {
            @for (name, value) in fields.as_object().into_iter().flatten() { dt { (name) } dd { (text(value)) } }
        }
    }
}

/// The command, the configuration and the manifest.
pub(super) fn repeat(record: &Record) -> Markup {
    let known = &record.manifest;
    let classes: Vec<String> = known
        .dataset
        .classes
        .iter()
        .zip(&known.dataset.class_counts)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let devices: Vec<String> = std::iter::once(&known.device)
        .chain(known.moves.iter().map(|change| &change.to))
        .map(ToString::to_string)
        .collect();
    let same = match devices.as_slice() {
        [_] => "the same bits on the same device",
        _ => "the same but for rounding (it was moved between devices)",
    };
    html! {
        p { "From the folder where it was started, with the same recordings, this gives " (same) ":" }
        pre { code { (record.command()) } }
        (facts(&[
            ("engine", format!("{}, {}", known.engine, known.platform)),
            ("device", format!("{}, {} threads", devices.join(", then "), known.threads)),
            ("seed", known.seed.to_string()),
            ("weights at the start", known.from.as_ref().map_or("random".into(), |from| format!("of {}", from.run))),
            ("labels", known.dataset.labels.clone()),
            ("windows", format!("{} of {} steps: {}", known.dataset.sequences, known.dataset.steps, classes.join(", "))),
            ("data, BLAKE3", known.dataset.blake3.clone()),
        ]))
        details { summary { "Configuration (config.toml)" } pre { (record.config) } }
        details { summary { "Manifest (manifest.json), without hashes of files and trials" } pre { (record.manifest.summary()) } }
    }
}
