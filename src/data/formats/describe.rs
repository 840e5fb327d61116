//! The formats that are read, in words: the contract of the readers.

use crate::data::npz::fields::{Field, KNOWN};

/// Each format with what is read of it, as Markdown.
pub fn describe() -> String {
    format!("{DEAP}\n\n{TS}\n\n{NPZ}\n\n{}\n\n{AXES}\n", arrays())
}

const DEAP: &str = "\
## DEAP

A folder with files `s01.dat` to `s32.dat`, or one of them: pickles of protocol 0 to 5, as Python 2 wrote them or as \
anybody saved them again. `data` (40, 40, 8064) are samples at 128 Hz, of which the first 3 s are the baseline, \
or (40, 40, 7680) without it; `labels` (40, 4) are valence, arousal, dominance and liking, 1 to 9. People, trials and stimuli are known.";

const TS: &str = "\
## .ts

A file of the UEA/aeon archive, or its TRAIN and TEST files, which are the predefined split. A line is a case: \
channels separated by `:`, their values by `,`, and the class at the end. Missing values are `?` or `NaN`; in all \
channels up to the end they are padding. Each case counts as a trial; people and stimuli are unknown.";

const NPZ: &str = "\
## .npz and .npy

An `.npz` file (`np.savez` or `np.savez_compressed`), a folder of `.npy` files, or one `.npy` file with windows only. \
Arrays may be of any byte order, in C or Fortran order, and of bool, int8 to int64, uint8 to uint64, float16 to \
float64 or text (`U`, `S`). Pickled objects are not read. N windows have T time steps and C channels. An array of \
another name is refused, because a misspelt name would leave out what it says.";

const AXES: &str = "\
An array of shape (N) may have the shape (N, 1). With `layout = nct` windows are (N, C, T), as MNE, braindecode and \
most PyTorch code save them. If \"channels\" or \"modalities\" fit the other axis, the file is refused. If neither is \
there, no layout is given, and there are at most 256 time steps and at least twice as many channels, a warning names \
the other layout. Windows of two axes are refused: `X[:, :, None]` has one channel, and `X[None]` is one window.

\"labels\" and \"ratings\" may both be there: `label = class` takes the former, `label = valence` the latter. \"parts\" \
make the predefined split the default.";

/// The table of arrays, as Markdown. Names are without backticks: some arrays are called like a setting.
fn arrays() -> String {
    let row = |field: &Field| {
        format!("| {} | {} | {} | {} |", field.names.join(" or "), field.shape, field.types, field.meaning)
    };
    let head = ["| array | shape | types | contents |".to_string(), "|---|---|---|---|".to_string()];
    head.into_iter().chain(KNOWN.iter().map(row)).collect::<Vec<_>>().join("\n")
}
