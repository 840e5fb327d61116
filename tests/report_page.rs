//! report.html is complete, needs no other file, and escapes all text.

mod browser;

use assert_cmd::cargo::cargo_bin;
use engine::config::Preset;
use engine::data::grouping::Grouping;
use engine::data::split::{Scope, Tested};
use engine::experiment::Record;
use engine::metrics::Summary;
use engine::metrics::text::render;
use engine::report::Page;
use engine::reproduce::{Comparison, Figure, Protocol, Row};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

fn engine(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(cargo_bin!("engine"));
    command.current_dir(folder).args(arguments.split_whitespace()).output().unwrap()
}

#[track_caller]
fn succeeds(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A folder with the runs `honest` (three subjects, four classes) and `leaky`. All tests share it.
fn runs() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let small = "crossval --data demo --demo-subjects 3 --cell gru --hidden 4 --epochs 3";
        for flags in
            ["--split subject --label quadrant --name honest", "--split window --folds 2 --name leaky"]
        {
            succeeds(engine(folder.path(), &format!("{small} {flags}")));
        }
        folder
    };
    FOLDER.get_or_init(make).path()
}

fn page(name: &str) -> String {
    fs::read_to_string(runs().join("runs").join(name).join("report.html")).unwrap()
}

/// A new folder with a copy of the run under the same name, and the copy's path.
fn copied(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let run = folder.path().join("runs").join(name);
    fs::create_dir_all(&run).unwrap();
    for entry in fs::read_dir(runs().join("runs").join(name)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, run.join(path.file_name().unwrap())).unwrap();
        }
    }
    (folder, run)
}

/// The names of all tags in order. Panics unless every tag is closed in order.
fn tags(html: &str) -> Vec<String> {
    const VOID: [&str; 2] = ["meta", "br"];
    let (mut open, mut seen) = (Vec::<&str>::new(), Vec::new());
    for tag in html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let name = tag.split_whitespace().next().unwrap();
        match name.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed), "</{closed}> after {seen:?}"),
            None if name.starts_with('!') || VOID.contains(&name) => {}
            None => open.push(name),
        }
        seen.push(name.to_string());
    }
    assert!(open.is_empty(), "left open: {open:?}");
    seen
}

const SECTIONS: [&str; 9] =
    ["result", "scores", "confusion", "classes", "roc", "training", "split", "network", "repeat"];

#[test]
fn a_page_has_every_section_and_stands_alone() {
    for name in ["honest", "leaky"] {
        let html = page(name);
        let tags = tags(&html);
        for section in SECTIONS.iter().chain(&["subjects"]) {
            assert!(html.contains(&format!("id=\"{section}\"")), "{name} has no section {section}");
        }
        for foreign in ["http:", "https:", "src=", "href=", "<script", "<link", "<iframe", "url(", "@import"]
        {
            assert!(!html.contains(foreign), "{name} has {foreign}");
        }
        assert!(html.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:"));
        assert!(!html.contains("NaN") && !html.contains(">inf<"));
        // Every chart has a description for screen readers.
        let charts = tags.iter().filter(|tag| *tag == "svg").count();
        let titled = html.matches("role=\"img\"><title>").count();
        assert!(charts >= 5 && charts == titled, "{charts} charts, {titled} with a title");
        assert_eq!(tags.iter().filter(|tag| *tag == "table").count(), html.matches("<caption>").count());
    }
    assert_eq!(page("honest").matches("</b>, AUC ").count(), 4);
    assert_eq!(page("leaky").matches("</b>, AUC ").count(), 1, "two classes mirror each other");
}

#[test]
fn a_leaky_split_is_named_before_the_result() {
    let html = page("leaky");
    let banner = html.find("Do not believe these scores: the split leaks").unwrap();
    assert!(banner < html.find("id=\"result\"").unwrap());
    for wanted in
        ["sibling windows (same trial) in training", " --split trial</code>", "are evidence of nothing"]
    {
        assert!(html.contains(wanted), "{wanted}");
    }
    assert!(!page("honest").contains("Do not believe"));
}

/// The page has the numbers that the terminal prints.
#[test]
fn a_page_shows_the_scores_beside_their_baselines() {
    let record = Record::read(&runs().join("runs/honest")).unwrap();
    let (scores, _) = record.results().unwrap();
    let (html, text) = (page("honest"), render(&scores));
    let accuracy = &scores.trial.by_subject.accuracy;
    let [low, high] = accuracy.interval.unwrap();
    let quote = format!("Accuracy <b>{:.3}</b> [{low:.3}, {high:.3}]", accuracy.mean.unwrap());
    assert!(html.contains(&quote), "no {quote}");
    for name in ["global majority", "subject oracle", "stimulus majority"] {
        assert!(html.contains(&format!("<th scope=\"row\">{name}</th>")), "{name}");
    }
    let numbers: Vec<&str> = text.split_whitespace().filter(|word| word.starts_with("0.")).collect();
    assert!(numbers.len() > 50);
    // Only the terminal prints standard deviations and the windows of each subject.
    let missing = numbers.iter().filter(|number| !html.contains(**number)).count();
    assert!(missing * 5 < numbers.len(), "{missing} of {} numbers are not on the page", numbers.len());
}

#[test]
fn names_are_escaped() {
    let evil = "<script>alert(1)</script>\"'&";
    let mut record = Record::read(&runs().join("runs/honest")).unwrap();
    let (mut scores, predictions) = record.results().unwrap();
    record.folder = PathBuf::from("runs/<script>alert(1)<b> \"'&");
    record.config = format!("</pre>{evil}");
    record.manifest.engine = evil.into();
    scores.class_names[0] = evil.into();
    scores.trial.by_subject.rows[0].name = evil.into();
    let page = Page { record: &record, scores: &scores, predictions: &predictions, note: Some(evil) }
        .html()
        .unwrap();
    tags(&page);
    assert!(!page.contains("<script"), "a tag got through");
    assert!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;").count() >= 6);
    assert!(page.contains("<h1>&lt;script&gt;alert(1)&lt;b&gt; &quot;'&amp;</h1>"));
}

#[test]
fn the_run_folder_suffices_to_write_the_page_again() {
    let (folder, run) = copied("honest");
    fs::remove_file(run.join("report.html")).unwrap();
    let printed = succeeds(engine(folder.path(), "report runs/honest"));
    assert_eq!(printed.trim(), "runs/honest/report.html");
    assert!(fs::read_to_string(run.join("report.html")).unwrap() == page("honest"));

    // The scores belong to other predictions, or there are none.
    let refuses = |part: &str| {
        let output = engine(folder.path(), "report runs/honest");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(3) && text.contains(part), "{text}");
    };
    let predictions = fs::read_to_string(run.join("predictions.csv")).unwrap();
    let fewer: Vec<&str> = predictions.lines().take(50).collect();
    fs::write(run.join("predictions.csv"), fewer.join("\n")).unwrap();
    refuses("predictions.csv is not as the run left it");
    fs::remove_file(run.join("scores.json")).unwrap();
    refuses("runs/honest has no scores.json");
}

#[test]
fn an_evaluation_leaves_the_runs_own_page() {
    let before = page("honest");
    succeeds(engine(runs(), "evaluate runs/honest --checkpoint last --isa portable"));
    assert!(page("honest") == before);
    let evaluation = fs::read_to_string(runs().join("runs/honest/evaluation.html")).unwrap();
    tags(&evaluation);
    assert!(evaluation.contains("The last weights of each fold, scored again on cpu portable"));
}

/// The scope of scores on new people.
fn scope() -> Scope {
    Scope {
        asks: "new people, known videos".into(),
        grouping: Grouping::KNOWN,
        caution: None,
        copies: None,
        copied_windows: 0,
        unbound: false,
        lost_test_cases: None,
        transductive: false,
        tested: Tested { trials: Some([12, 12]), windows: [48, 48], parts_of_trials: false },
        missing_classes: Vec::new(),
    }
}

/// Two networks under all protocols, with invented scores.
fn comparison() -> Comparison {
    let figure = |protocol, accuracy: f64| Figure {
        protocol,
        folds: 5,
        scope: scope(),
        accuracy: Some(accuracy),
        macro_f1: Some(accuracy - 0.02),
        by_subject: Summary::of(&[accuracy - 0.05, accuracy, accuracy + 0.05], 120),
        trial_accuracy: Some(accuracy),
        trial_balanced_accuracy: Some(accuracy),
        majority: Some(0.34),
        subject_majority: None,
        epoch_seconds: Some(1.5),
    };
    let row = |preset: Preset| Row {
        preset,
        parameters: preset.published().parameters,
        published: preset.published(),
        figures: vec![
            figure(Protocol::Original, 0.91),
            figure(Protocol::NewTrials, 0.33),
            figure(Protocol::NewPeople, 0.29),
        ],
    };
    Comparison {
        engine: "0",
        device: "a device".into(),
        data: "<script>alert(1)</script>".into(),
        epochs: 3,
        rows: vec![row(Preset::StudyLstm), row(Preset::StudyGru)],
    }
}

#[test]
fn the_comparison_shows_published_scores_beside_ours_and_escapes_names() {
    let comparison = comparison();
    let html = comparison.page("data = \"<b>\"");
    tags(&html);
    assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains("http:"));
    for part in [".701", ".730", ".910", ".330", ".290", ".340", "study-lstm-original/report.html"] {
        assert!(html.contains(part), "no {part}");
    }
    let text = comparison.table();
    let row = text.lines().find(|line| line.starts_with("study-gru ")).unwrap();
    let numbers: Vec<&str> = row.split_whitespace().skip(1).collect();
    assert_eq!(numbers, [".730", ".910", ".330", ".290", ".340", "1.5"]);
    assert!(text.contains(".330 [.220, .462]"), "{text}");
}

/// Accuracies close to 1 once had the interval [0.935, 1.034].
#[test]
fn intervals_stay_within_the_range_of_a_score() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/npz/interval.npz");
    let run = "--split subject --cell gru --hidden 8 --epochs 8 --name x --quiet --json";
    let json = succeeds(engine(folder.path(), &format!("crossval --data {} {run}", data.display())));
    fn intervals(json: &serde_json::Value, found: &mut Vec<[f64; 2]>, low: f64) {
        match json {
            serde_json::Value::Object(fields) => fields.iter().for_each(|(key, value)| {
                let low = if key == "bars" { -1.0 } else { low };
                if let (true, Some(ends)) = (key.ends_with("interval"), value.as_array()) {
                    let [from, to] = [0, 1].map(|i| ends[i].as_f64().unwrap());
                    assert!(low <= from && from <= to && to <= 1.0, "{key}: {from} to {to}");
                    found.push([from, to]);
                }
                intervals(value, found, low);
            }),
            serde_json::Value::Array(list) => list.iter().for_each(|value| intervals(value, found, low)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    intervals(&serde_json::from_str(&json).unwrap(), &mut found, 0.0);
    assert!(found.len() > 10 && found.iter().any(|[_, to]| *to > 0.95), "{found:?}");
}

#[test]
fn the_tested_epochs_are_named_and_marked() {
    let html = page("honest");
    assert!(html.contains(
        "Each fold was tested with the weights of the first epoch with the lowest validation loss."
    ));
    assert!(html.contains("By fold: s01: "));
    assert_eq!(html.matches("<title>tested epoch ").count(), 6, "three folds in two charts");
    assert!(html.contains("The rule: in the last epoch, the validation loss lies more than 10 % above"));
}
