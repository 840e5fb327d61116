"""Cross-validation."""

import os
import tempfile
from pathlib import Path

from . import _engine, _folds, _inputs, _settings
from ._errors import ConfigError
from ._progress import Reporter
from ._run import Run


def crossval(
    X,
    y,
    *,
    groups=None,
    trials=None,
    stimuli=None,
    parts=None,
    classes=None,
    channels=None,
    rate=None,
    split=None,
    tune=None,
    inner_folds=None,
    bad_windows="fail",
    run=None,
    progress=None,
    **settings,
):
    """Cross-validates a recurrent network; the networks of all folds train at once.

    X         windows (n, T, D), or n series (T_i, D)
    y         (n,) class of each window, by number or name
    groups    (n,) person of each window
    trials    (n,) trial of each window, unique within a person: windows cut from one series share a number
    stimuli   (n,) stimulus of each window
    parts     (n,) "train" or "test", for ``split_by="predefined"``
    classes   all classes in their order, where it is not the ascending one
    channels  (D,) names;  rate  sampling rate in Hz
    split     folds of one's own: a splitter of scikit-learn, or a list of (train, test) or
              (train, validation, test) row numbers. They are audited by the rules of ``split_by``
    tune      settings of the network or the training that each fold chooses by inner folds of its own training
              part, among these values: {"lr": [1e-3, 3e-4], "hidden": [32, 64, [64, 32]]}. No choice sees a test
              part; the choices are in `Run.tuning`
    inner_folds  number of inner folds, 5 if it is None
    bad_windows  "fail", or "keep" to accept windows with a constant channel
    run       folder to leave the run in; without it, a temporary one that goes with the result
    progress  None, "tqdm", or a function of (done, total, what, note)
    settings  keys of the program's configuration file: cell="lstm", hidden=64, split_by="subject", epochs=30,
              learning_rate=1e-3, permutations=99, device="cpu", threads=2, seed=1 ...

    Returns a `Run`. Its numbers are those of ``engine crossval`` on the same arrays, bit for bit."""
    given = _inputs.windows(
        X,
        y,
        groups=groups,
        trials=trials,
        stimuli=stimuli,
        parts=parts,
        classes=classes,
        channels=channels,
        rate=rate,
        keep_bad_windows=_inputs.keeps(bad_windows),
    )
    folds = None
    if split is not None:
        folds = _folds.of(split, X, y, groups, len(given))
        # Folds without a validation part cannot stop early.
        if not any(len(validation) for _, _, validation, _ in folds):
            settings = {"patience": 0, **settings}
    keep = None
    if run is None:
        keep = tempfile.TemporaryDirectory(prefix="fused-rnn-")
        place = {"runs": keep.name}
    else:
        folder = Path(os.fspath(run))
        place = {"runs": str(folder.parent), "name": folder.name}
    if tune is None and inner_folds is not None:
        raise ConfigError("`inner_folds` would have no effect without `tune`", "give `tune`, or leave it out")
    choice = {"tune": None if tune is None else _settings.choices(tune), "inner_folds": inner_folds}
    text = _settings.to_toml(settings, run=place, tuning=choice)
    path, rows = _engine.crossval(given, folds, text, Reporter(progress))
    return Run(path, rows, keep)
