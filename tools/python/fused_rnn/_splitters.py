"""Splitters for any estimator: the folds of the program, which keep groups together and are audited."""

from . import _engine, _inputs, _settings
from ._errors import DataError
from ._progress import Reporter


class _Splitter:
    kind = None
    needs = ()
    # n_splits is the number of parts along each of so many axes.
    axes = 1

    def __init__(self, n_splits=None, *, trials=None, stimuli=None, seed=1, allow_copies=False):
        self.n_splits = n_splits
        self.trials = trials
        self.stimuli = stimuli
        self.seed = seed
        self.allow_copies = allow_copies
        for name in self.needs:
            if getattr(self, name) is None:
                raise DataError(f"{type(self).__name__} needs `{name}`, one element for each window")

    def split(self, X, y, groups=None):
        """(train, test) row numbers of each fold. X (n, T, D) or (n, D), y (n,) classes, groups (n,) people."""
        import numpy as np

        for _, train, test in self._folds(X, y, groups):
            yield np.array(train), np.array(test)

    def get_n_splits(self, X=None, y=None, groups=None):
        """The number of folds."""
        return self.n_splits**self.axes if self.n_splits is not None else len(self._folds(X, y, groups))

    def _folds(self, X, y, groups):
        if X is None or y is None:
            raise DataError(f"{type(self).__name__} needs X and y: it finds copies in X, and stratifies by y")
        given = _inputs.windows(
            X, y, groups=groups, trials=self.trials, stimuli=self.stimuli, keep_bad_windows=True
        )
        settings = {
            "split_by": self.kind,
            "folds": self.n_splits,
            "validation": 0.0,
            "seed": self.seed,
            "allow_copies": self.allow_copies or None,
        }
        folds = _engine.folds(given, _settings.to_toml(settings), Reporter())
        return [(name, train, test) for name, train, _, test in folds]

    def __repr__(self):
        return f"{type(self).__name__}(n_splits={self.n_splits}, seed={self.seed})"


class LeaveOneSubjectOut(_Splitter):
    """Tests each person with a model that never saw that person; with ``n_splits``, several people at once.
    People are the ``groups`` of ``split``."""

    kind = "subject"


class GroupedTrials(_Splitter):
    """Keeps all windows of a trial in one part; 5 folds, stratified by class. Tests new trials of known people."""

    kind = "trial"
    needs = ("trials",)


class StimulusSplit(_Splitter):
    """Keeps all windows of a stimulus in one part; 5 folds. Tests new stimuli and known people."""

    kind = "stimulus"
    needs = ("stimuli",)


class SubjectStimulusSplit(_Splitter):
    """Tests new people with new stimuli: windows that share one of both with the test part are left out.
    ``n_splits`` parts of the people times as many of the stimuli are ``n_splits ** 2`` folds."""

    kind = "subject-stimulus"
    axes = 2
    needs = ("stimuli",)
