"""Cross-validation."""

import os
import shutil
import tempfile
import weakref
from pathlib import Path

import numpy as np

from . import _engine, _folds, _inputs, _settings
from ._errors import ConfigError, DataError, FileError
from ._progress import Reporter
from ._run import Given, Run


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
    run       new folder to leave the run in; without it, a temporary one that goes with the result
    progress  None, "tqdm", or a function of (done, total, what, note)
    settings  keys of the program's configuration file: cell="lstm", hidden=64, split_by="subject", epochs=30,
              learning_rate=1e-3, permutations=99, device="cpu", threads=2, seed=1 ...

    Returns a `Run`, whose `predictions` have the values of y, groups and trials as they were given. Its numbers are those of ``engine crossval`` on the same arrays, bit for bit."""
    if y is None:
        raise DataError("y is None, expected the class of each window", "recordings without labels can be predicted only")
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
    classes_of_y = _inputs.by_name(y, given.facts.labels)
    folds = None
    if split is not None:
        if ignored := {name for name in ("folds", "validation") if settings.get(name) is not None}:
            raise ConfigError(f"`{min(ignored)}` would have no effect beside `split`", "give the folds one way or the other")
        folds = _folds.of(split, X, y, groups, len(given))
        # Folds without a validation part cannot stop early.
        if not any(len(validation) for _, _, validation, _ in folds):
            settings = {"patience": 0, **settings}
    if tune is None and inner_folds is not None:
        raise ConfigError("`inner_folds` would have no effect without `tune`", "give `tune`, or leave it out")
    _settings.refuse_both(settings, tune or {})
    choice = {"tune": None if tune is None else _settings.choices(tune), "inner_folds": inner_folds}
    keep = None
    if run is None:
        keep = _Temporary()
        place = {"runs": str(keep.path)}
    else:
        folder = Path(os.fspath(run))
        if folder.exists():
            raise FileError(f"{folder} is there already", "name another folder in `run`, or remove this one")
        place = {"runs": str(folder.parent), "name": folder.name}
    text = _settings.to_toml(settings, run=place, tuning=choice)
    path, rows = _engine.crossval(given, folds, text, Reporter(progress))
    own = {"label": y, "subject": groups, "trial": trials}
    columns = {name: np.asarray(values) for name, values in own.items() if values is not None}
    return Run(path, Given(rows, columns, classes_of_y), keep)


class _Temporary:
    """A folder that goes with this object, in the process that made it."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="fused-rnn-"))
        self._end = weakref.finalize(self, _remove, self.path, os.getpid())


def _remove(path, process):
    # A forked process has the object, too.
    if os.getpid() == process:
        shutil.rmtree(path, ignore_errors=True)
