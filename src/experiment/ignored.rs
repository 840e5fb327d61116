//! Settings that are given and would have no effect: they are refused, because their user expects one.

use crate::config::{Config, Given};
use crate::data::demo;
use crate::data::frames::FrameKind;
use crate::data::labels::LabelScheme;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Settings that have no effect in a certain case.
struct Rule {
    keys: &'static [&'static str],
    /// Whether it is the case. What a configuration leaves open is none.
    applies: fn(&Config) -> bool,
    why: &'static str,
    /// The other way out, beside leaving the setting out.
    instead: &'static str,
}

const RULES: [Rule; 7] = [
    Rule {
        keys: &["folds"],
        applies: |config| config.split.split_file.is_some(),
        why: "the split file has its own folds",
        instead: "leave `split_file` out for new folds",
    },
    Rule {
        keys: &[
            "demo_subjects",
            "demo_seed",
            "demo_effect",
            "demo_effect_sd",
            "demo_trial_sd",
            "demo_subject_sd",
            "demo_prior_sd",
        ],
        applies: |config| !demo::is_generated(&config.data.path),
        why: "it is for generated recordings, and these are files",
        instead: "use `path = demo` for generated ones",
    },
    Rule {
        keys: &["frame_length", "frame_step", "bands"],
        applies: |config| config.frames.frame_kind == Some(FrameKind::Raw),
        why: "a raw frame is one sample",
        instead: "use `frame_kind = bandpower`; the length and step of windows are `window` and `window_step`",
    },
    Rule {
        keys: &["families", "feature_window", "gsr_unit"],
        applies: |config| config.frames.frame_kind.is_some_and(|kind| kind != FrameKind::Features),
        why: "it is for frames of features",
        instead: "use `frame_kind = features`",
    },
    Rule {
        keys: &["threshold", "tie", "dead_zone", "scale_range"],
        applies: |config| config.labels.label == Some(LabelScheme::Class),
        why: "the classes are the data set's own, and no ratings are compared",
        instead: "choose a rating as `label` if the data have ratings",
    },
    Rule {
        keys: &["inner_folds"],
        applies: |config| config.tuning.tune.is_empty(),
        why: "no settings are chosen inside the folds",
        instead: "say which with `tune`",
    },
    Rule {
        keys: &["permutation_seed"],
        applies: |config| config.permutation.permutations.is_none(),
        why: "there is no permutation test",
        instead: "ask for one with `permutations`",
    },
];

/// Says of a share for validation that a split file has validation parts of its own. Without a share no
/// training stops early, so it has an effect.
pub fn warn_of_validation(config: &Config, given: &Given, progress: &dyn Progress) {
    if config.split.split_file.is_some() && given.first(&["validation"]).is_some() {
        progress.warn("`validation` changes no fold: the split file has validation parts of its own");
    }
}

/// Refuses a given setting that has no effect. Before reading this sees what `config` asks for, and after it
/// what was left open, too.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) with the setting and the reason.
pub fn refuse_ignored(config: &Config, given: &Given) -> Result<()> {
    for rule in RULES.iter().filter(|rule| (rule.applies)(config)) {
        if let Some(key) = given.first(rule.keys) {
            return Err(Error::config(format!("`{key}` would have no effect: {}", rule.why))
                .hint(format!("leave `{key}` out, or {}", rule.instead)));
        }
    }
    Ok(())
}
