//! The arrays of a data set: names, shapes, types and meanings, for the reader, the export and the help.

/// One array of a data set. `N` windows have `T` time steps and `C` channels.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// The names that it may have; the export writes the first.
    pub names: &'static [&'static str],
    /// Its shape, in letters.
    pub shape: &'static str,
    /// The types that are read.
    pub types: &'static str,
    /// Its meaning, and what counts without it.
    pub meaning: &'static str,
}

/// Array `windows`.
pub const WINDOWS: Field = Field {
    names: &["windows", "X"],
    shape: "(N, T, C)",
    types: "float, integer, bool",
    meaning: "samples in order of time; (N, C, T) with `layout = nct`",
};
/// Array `labels`.
pub const LABELS: Field = Field {
    names: &["labels", "y"],
    shape: "(N)",
    types: "integer, text, bool, whole float",
    meaning: "class of each window; all windows of a trial have one. Without it and \"ratings\", windows can be \
              predicted but not trained on",
};
/// Array `classes`.
pub const CLASSES: Field = Field {
    names: &["classes"],
    shape: "(K)",
    types: "as labels",
    meaning: "all classes in their order. Without it, the labels in ascending order",
};
/// Array `ratings`.
pub const RATINGS: Field = Field {
    names: &["ratings"],
    shape: "(N, 2 to 4)",
    types: "float, integer",
    meaning: "ratings in columns valence, arousal, dominance, liking, for `label = valence` and others",
};
/// Array `rating_scale`.
pub const RATING_SCALE: Field = Field {
    names: &["rating_scale"],
    shape: "(2)",
    types: "float, integer",
    meaning: "lowest and highest possible rating. Without it, `scale_range = 1-9` says so",
};
/// Array `groups`.
pub const GROUPS: Field = Field {
    names: &["groups"],
    shape: "(N)",
    types: "integer, text, whole float",
    meaning: "person of each window. Blanks around a name are cut; two spellings of one name (`s01` and `S01`, `1` \
              and `1.0`) are refused. Without it, people are unknown",
};
/// Array `trials`.
pub const TRIALS: Field = Field {
    names: &["trials"],
    shape: "(N)",
    types: "integer, whole float",
    meaning: "trial of each window, unique within a person: windows cut from one series share a number. Without it, \
              trials are unknown",
};
/// Array `stimuli`.
pub const STIMULI: Field = Field {
    names: &["stimuli"],
    shape: "(N)",
    types: "integer, text, whole float",
    meaning: "stimulus of each window, the same for all windows of a trial. Without it, stimuli are unknown",
};
/// Array `parts`.
pub const PARTS: Field = Field {
    names: &["parts"],
    shape: "(N)",
    types: "text",
    meaning: "`train` or `test` for each window: the predefined split",
};
/// Array `lengths`.
pub const LENGTHS: Field = Field {
    names: &["lengths"],
    shape: "(N)",
    types: "integer, whole float",
    meaning: "time steps of each window, 1 to T; the rest is padding and is not read. Without it, NaN in all \
              channels up to the end is padding",
};
/// Array `rate`.
pub const RATE: Field =
    Field { names: &["rate"], shape: "() or (1)", types: "float, integer", meaning: "sampling rate in Hz" };
/// Array `channels`.
pub const CHANNELS: Field = Field {
    names: &["channels"],
    shape: "(C)",
    types: "text",
    meaning: "name of each channel. Without it, `ch0`, `ch1`, ...",
};
/// Array `modalities`.
pub const MODALITIES: Field = Field {
    names: &["modalities"],
    shape: "(C)",
    types: "text",
    meaning: "`eeg`, `eog`, `emg`, `gsr`, `resp`, `pleth`, `temp` or `other` for each channel. Without it, channels \
              are `eeg` if all names are electrodes of the 10-20 or 10-10 system, and `other` if not",
};

/// All arrays, in the order in which the export writes them.
pub const KNOWN: [Field; 13] = [
    WINDOWS,
    LABELS,
    CLASSES,
    RATINGS,
    RATING_SCALE,
    GROUPS,
    TRIALS,
    STIMULI,
    PARTS,
    LENGTHS,
    RATE,
    CHANNELS,
    MODALITIES,
];
