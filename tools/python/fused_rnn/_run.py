"""Finished runs."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import _engine, _inputs, _settings
from ._errors import ConfigError, FileError
from ._page import Page, table
from ._progress import Reporter

_GROUP = ("n", "majority", "accuracy", "balanced_accuracy", "macro_f1", "auc")


@dataclass
class Given:
    """The arrays that a run was made of: ``rows`` are the windows of its predictions, ``values`` by column what the
    caller gave for each window, and ``classes`` by name the caller's value of each class."""

    rows: list
    values: dict
    classes: dict


class Run:
    """A finished run: its folder, scores, predictions, page and networks."""

    def __init__(self, path, given=None, keep=None):
        self.path = Path(os.fspath(path))
        text, self._table = _engine.results(self.path)
        #: Everything of scores.json, as a dict.
        self.summary = json.loads(text)
        self._given = given
        # A temporary folder goes when nobody needs it any more.
        self._keep = keep

    def __copy__(self):
        copy = Run.__new__(Run)
        vars(copy).update(vars(self))
        return copy

    def __getstate__(self):
        if self._keep is not None:
            raise ConfigError(
                "the run lies in a temporary folder of this process, and its copy would lose it",
                'give `crossval` a folder of its own, such as `run="runs/mine"`',
            )
        return vars(self)

    @property
    def classes(self):
        """The K classes, in the order of all probabilities: after `crossval` as in y, else by name."""
        return list(self._classes())

    def _classes(self):
        names = self.summary["class_names"]
        # A class that no window has goes by its name.
        values = names if self._given is None else [self._given.classes.get(name, name) for name in names]
        return np.array(values, dtype=None if len({type(value) for value in values}) == 1 else object)

    @property
    def accuracy(self):
        """The accuracy of trials over all folds."""
        return self.summary["trial"]["overall"]["accuracy"]

    @property
    def permutation(self):
        """The permutation test as a dict, or None."""
        return self.summary.get("permutation")

    @property
    def tuning(self):
        """The choice of settings inside the folds as a dict, or None: the candidates, and of each fold their inner
        scores and the number of the chosen one."""
        return self.summary.get("tuning")

    @property
    def scores(self):
        """The scores of trials by fold: a DataFrame where pandas is there, else a dict of lists."""
        return self.scores_by("fold")

    def scores_by(self, unit="fold", level="trial"):
        """The scores by ``unit``, ``"fold"`` or ``"subject"``, of ``level``, ``"trial"`` or ``"window"``."""
        if unit not in ("fold", "subject") or level not in ("trial", "window"):
            raise ConfigError(f"scores by {unit!r} of {level!r}, expected fold or subject, of trial or window")
        rows = self.summary[level][f"by_{unit}"]["rows"]
        columns = {unit: [row["name"] for row in rows]}
        # A score that cannot be computed, as the AUC of one class, is no number.
        columns.update({name: [np.nan if row[name] is None else row[name] for row in rows] for name in _GROUP})
        return table(columns, unit)

    @property
    def predictions(self):
        """One row for each test window: fold, subject, trial, window, label, predicted class, and the
        probability ``p CLASS`` of each class. After `crossval`, ``row`` is the window's place in X, and subject, trial
        and classes are the values that it was given; of a run that was loaded, they are names and numbers.

        A DataFrame where pandas is there, else a dict of arrays."""
        classes, probabilities = self._classes(), self.probabilities
        columns = {
            "fold": np.array(self._table["folds"]),
            "subject": np.array(self._table["subjects"]),
            "trial": self._table["trials"],
            "window": self._table["windows"],
            "label": classes[self._table["labels"]],
            "predicted": classes[probabilities.argmax(1)],
        }
        if self._given is not None:
            columns.update({name: values[self._given.rows] for name, values in self._given.values.items()})
        columns.update({f"p {name}": probabilities[:, k] for k, name in enumerate(self.summary["class_names"])})
        if self._given is not None:
            columns["row"] = self._given.rows
        return table(columns)

    @property
    def probabilities(self):
        """Class probabilities ``(rows, K)`` of the test windows, in the order of `predictions`."""
        return self._table["probabilities"]

    def report(self):
        """The run's page, which shows itself in a notebook."""
        path = self.path / "report.html"
        try:
            return Page(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise FileError(f"cannot read {path}: {error}", "write it again: `engine report RUN`") from error

    def predict_proba(self, X, *, rate=None, device=None, threads=None):
        """Class probabilities ``(n, K)`` of windows ``(n, T, D)``: the mean over the networks of all folds.

        D are the features that the run was trained on, in its units. For recordings in files use the command
        ``engine predict``, which cuts and measures them as the run did."""
        given = _inputs.windows(X, rate=rate, keep_bad_windows=True)
        settings = _settings.to_toml({"device": device, "threads": threads})
        return _engine.predict(_engine.checkpoints(self.path), given, settings, Reporter())

    def predict(self, X, **options):
        """The most probable class of each window, one of `classes`; options as for `predict_proba`."""
        return self._classes()[self.predict_proba(X, **options).argmax(1)]

    def __repr__(self):
        accuracy = "unknown" if self.accuracy is None else f"{self.accuracy:.3f}"
        words = (self.summary.get("verdict") or {}).get("text", [])[:1]
        return "\n".join([f"<Run {self.path.name}: accuracy of trials {accuracy}>", *words])


def load_run(path):
    """A finished run of `crossval` or of the program, checked against the hashes of its manifest."""
    return Run(path)
