//! Lines of Python that save recordings of another format as windows, which are read.

use std::path::Path;

/// The end of a call that the user completes.
const LABELS: &str = "labels=labels, groups=groups)";

/// MNE reads it by its name.
pub const MNE: &str = "\
import mne, numpy
raw = mne.io.read_raw(\"FILE\")
cut = mne.make_fixed_length_epochs(raw, duration=4)
numpy.savez(\"OUT\", windows=cut.get_data().transpose(0, 2, 1), rate=raw.info[\"sfreq\"], channels=raw.ch_names, LABELS";

/// Epochs or a continuous recording of MNE.
pub const FIF: &str = "\
import mne, numpy
cut = mne.read_epochs(\"FILE\")  # of a continuous recording: mne.make_fixed_length_epochs(mne.io.read_raw(\"FILE\"), duration=4)
numpy.savez(\"OUT\", windows=cut.get_data().transpose(0, 2, 1), rate=cut.info[\"sfreq\"], channels=cut.ch_names, LABELS";

/// MATLAB up to version 7.
pub const MATLAB: &str = "\
import numpy, scipy.io
mat = scipy.io.loadmat(\"FILE\")  # print(mat.keys()) shows the names
numpy.savez(\"OUT\", windows=mat[\"data\"], LABELS";

/// A subject of DEAP in MATLAB's format becomes one of the Python version.
pub const DEAP: &str = "\
import pickle, scipy.io
mat = scipy.io.loadmat(\"FILE\")
pickle.dump({\"data\": mat[\"data\"], \"labels\": mat[\"labels\"]}, open(\"STEM.dat\", \"wb\"))";

/// MATLAB 7.3, whose axes are in reverse order.
pub const MATLAB_73: &str = "\
import h5py, numpy
mat = h5py.File(\"FILE\")  # print(list(mat)) shows the names; the axes are in reverse order
numpy.savez(\"OUT\", windows=mat[\"data\"][()].T, LABELS";

/// HDF5.
pub const HDF5: &str = "\
import h5py, numpy
file = h5py.File(\"FILE\")  # file.visit(print) shows the names
numpy.savez(\"OUT\", windows=file[\"data\"][()], LABELS";

/// A table of samples.
pub const TABLE: &str = "\
import numpy, pandas
table = pandas.read_csv(\"FILE\", sep=None, engine=\"python\")  # a row for each time step, a column for each channel
numpy.savez(\"OUT\", windows=[table.to_numpy(float)], channels=[str(name) for name in table], LABELS";

/// A table of samples in columns.
pub const PARQUET: &str = "\
import numpy, pandas
table = pandas.read_parquet(\"FILE\")  # a row for each time step, a column for each channel
numpy.savez(\"OUT\", windows=[table.to_numpy(float)], channels=[str(name) for name in table], LABELS";

/// Records of PhysioNet.
pub const WFDB: &str = "\
import numpy, wfdb
record = wfdb.rdrecord(\"FOLDERSTEM\")
numpy.savez(\"OUT\", windows=[record.p_signal], rate=record.fs, channels=record.sig_name, LABELS";

/// ARFF with numbers.
pub const ARFF: &str = "\
import numpy, scipy.io.arff
data, meta = scipy.io.arff.loadarff(\"FILE\")  # univariate: a column for each time step, the class last
x = numpy.array([list(row)[:-1] for row in data], float)
numpy.savez(\"OUT\", windows=x[:, :, None], labels=[str(row[-1], \"utf8\") for row in data])";

/// Tensors.
pub const TORCH: &str = "\
import numpy, torch
x = torch.load(\"FILE\")  # (N, C, T) as most networks take it
numpy.savez(\"OUT\", windows=x.numpy().transpose(0, 2, 1), LABELS";

/// JSON.
pub const JSON: &str = "\
import json, numpy
data = json.load(open(\"FILE\"))
numpy.savez(\"OUT\", windows=numpy.array(data[\"windows\"], float), LABELS";

/// Any pickle.
pub const PICKLE: &str = "\
import numpy, pickle
data = pickle.load(open(\"FILE\", \"rb\"), encoding=\"latin1\")  # only of people whom you trust: a pickle may run anything
numpy.savez(\"OUT\", windows=data[\"...\"], LABELS";

/// A subject of WESAD: 700 Hz, here in windows of 60 s with the label in their middle.
pub const WESAD: &str = "\
import numpy, pickle
data = pickle.load(open(\"FILE\", \"rb\"), encoding=\"latin1\")
chest = data[\"signal\"][\"chest\"]
x, n = numpy.hstack(list(chest.values())), len(data[\"label\"]) // 42000
labels, groups = data[\"label\"][21000::42000][:n], [data[\"subject\"]] * n
numpy.savez(\"OUT\", windows=x[: n * 42000].reshape(n, 42000, -1), rate=700, LABELS";

/// Anything that Python can read.
pub const ANY: &str = "\
import numpy
numpy.savez(\"OUT\", windows=windows, LABELS  # windows (N, T, C): N windows, T time steps, C channels";

/// The lines for one file, each on a line of its own.
pub fn lines(template: &str, file: &Path) -> String {
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let stem = text(file.file_stem());
    let folder = file.with_file_name("").display().to_string();
    let inside = |path: &str| path.replace('\\', "\\\\").replace('"', "\\\"");
    let words = [
        ("FOLDER", inside(&folder)),
        ("FILE", inside(&file.display().to_string())),
        ("OUT", inside(&format!("{stem}.npz"))),
        ("STEM", inside(&stem)),
        ("LABELS", LABELS.to_string()),
    ];
    // In one pass: a path may hold a word of the template.
    let (mut lines, mut rest) = (String::new(), template);
    while let Some((at, word, text)) = words
        .iter()
        .filter_map(|(word, text)| Some((rest.find(word)?, word, text)))
        .min_by_key(|found| found.0)
    {
        lines += &rest[..at];
        lines += text;
        rest = &rest[at + word.len()..];
    }
    lines += rest;
    lines.lines().map(|line| format!("\n    {line}")).collect()
}

/// The sentence that leads to the lines for one file.
pub fn way(template: &str, file: &Path) -> String {
    let complete = match template.contains("labels, groups = ") || !template.contains("LABELS") {
        true => "",
        false => " with a class and a person for each window in \"labels\" and \"groups\"",
    };
    format!("save it in Python{complete}, and give that file:{}", lines(template, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stand_in_the_lines_as_they_are() {
        let text = lines("load(\"FILE\"); savez(\"OUT\")", Path::new("/OUTPUT/SYSTEM/FILES/x\".mat"));
        assert_eq!(text, "\n    load(\"/OUTPUT/SYSTEM/FILES/x\\\".mat\"); savez(\"x\\\".npz\")");
    }
}
