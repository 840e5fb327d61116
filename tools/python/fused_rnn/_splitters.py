"""Splitters for any estimator: the folds of the program, which keep groups together and are audited."""

from . import _engine, _inputs, _settings
from ._errors import DataError
from ._progress import Reporter


class _Splitter:
    kind = None
    needs = ()
    # n_splits is the number of parts along each of so many axes; without it, this one.
    axes = 1
    default = 5

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
        """(train, test) row numbers of each fold. X (n, ...) numbers or a table of them, in which a missing one counts
        as zero; y (n,) classes, or numbers, which are stratified by their median; groups (n,) people."""
        import numpy as np

        for _, train, test in self._folds(X, y, groups):
            yield np.array(train), np.array(test)

    def get_n_splits(self, X=None, y=None, groups=None):
        """The number of folds."""
        number = self.default if self.n_splits is None else self.n_splits
        if number is not None:
            return number**self.axes
        return len(set(_inputs.column("groups", groups, None))) if groups is not None else len(self._folds(X, y, groups))

    def get_metadata_routing(self):
        """What `split` takes of what scikit-learn is given: ``groups``."""
        from sklearn.utils.metadata_routing import MetadataRequest

        request = MetadataRequest(owner=type(self).__name__)
        request.split.add_request(param="groups", alias=True)
        return request

    def _folds(self, X, y, groups):
        if X is None or y is None:
            raise DataError(f"{type(self).__name__} needs X and y: it finds copies in X, and stratifies by y")
        for name in ("trials", "stimuli"):
            own = getattr(self, name)
            if own is not None and len(own) != len(X):
                raise DataError(
                    f"{name} has {len(own)} elements, and X has {len(X)} windows",
                    "inside of another split there are fewer windows: split by `groups` there, which scikit-learn cuts, too",
                )
        given = _inputs.for_a_split(X, _classes(y, groups, self.trials), groups=groups, trials=self.trials, stimuli=self.stimuli)
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


def _classes(y, groups, trials):
    """Classes to stratify by: of numbers that are not whole, whether the mean of a trial is above the median."""
    import numpy as np

    y = np.asarray(y)
    if y.ndim != 1 or y.dtype.kind != "f" or not np.isfinite(y).all() or (y == np.round(y)).all():
        return y
    if trials is not None and len(trials) == len(y):
        people = [None] * len(y) if groups is None else np.asarray(groups).tolist()
        keys = list(zip(people, np.asarray(trials).tolist()))
        number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        trial = np.array([number[key] for key in keys])
        y = (np.bincount(trial, y) / np.bincount(trial))[trial]
    return (y > np.median(y)).astype(int)


class LeaveOneSubjectOut(_Splitter):
    """Tests each person with a model that never saw that person; with ``n_splits``, several people at once.
    People are the ``groups`` of ``split``."""

    kind = "subject"
    # As many as people.
    default = None


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
