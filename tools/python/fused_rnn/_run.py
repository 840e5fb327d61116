"""Finished runs."""

import json
import os
from pathlib import Path

import numpy as np

from . import _engine, _inputs, _settings
from ._errors import ConfigError, FileError
from ._page import Page, table
from ._progress import Reporter

_GROUP = ("n", "majority", "accuracy", "balanced_accuracy", "macro_f1", "auc")


class Run:
    """A finished run: its folder, scores, predictions, page and networks."""

    def __init__(self, path, rows=None, keep=None):
        self.path = Path(os.fspath(path))
        text, self._table = _engine.results(self.path)
        #: Everything of scores.json, as a dict.
        self.summary = json.loads(text)
        self._rows = rows
        # A temporary folder goes when nobody needs it any more.
        self._keep = keep

    @property
    def classes(self):
        """The names of the K classes, in the order of all probabilities."""
        return list(self.summary["class_names"])

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
        columns.update({name: [row[name] for row in rows] for name in _GROUP})
        return table(columns, unit)

    @property
    def predictions(self):
        """One row for each test window: fold, subject, trial, window, label, predicted class, and the
        probability ``p CLASS`` of each class. After `crossval`, ``row`` is the window's place in X.

        A DataFrame where pandas is there, else a dict of arrays."""
        names = np.array(self.classes)
        probabilities = self.probabilities
        columns = {
            "fold": np.array(self._table["folds"]),
            "subject": np.array(self._table["subjects"]),
            "trial": self._table["trials"],
            "window": self._table["windows"],
            "label": names[self._table["labels"]],
            "predicted": names[probabilities.argmax(1)],
        }
        columns.update({f"p {name}": probabilities[:, k] for k, name in enumerate(names)})
        if self._rows is not None:
            columns["row"] = self._rows
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
        """The most probable class of each window, by name; options as for `predict_proba`."""
        return np.array(self.classes)[self.predict_proba(X, **options).argmax(1)]

    def __repr__(self):
        accuracy = "unknown" if self.accuracy is None else f"{self.accuracy:.3f}"
        words = (self.summary.get("verdict") or {}).get("text", [])[:1]
        return "\n".join([f"<Run {self.path.name}: accuracy of trials {accuracy}>", *words])


def load_run(path):
    """A finished run of `crossval` or of the program, checked against the hashes of its manifest."""
    return Run(path)
