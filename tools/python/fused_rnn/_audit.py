"""The audit of anybody's split."""

import hashlib
import json

import numpy as np

from . import _engine, _folds, _inputs
from ._errors import DataError
from ._page import table
from ._progress import Reporter


class Audit:
    """What the training and test parts of a split have in common.

    leaks     whether a test window is known from training: itself, its trial, its samples or a copy
    findings  the leaks, one sentence each
    scope     whom scores of this split are about, one sentence each
    unknown   what nobody can tell from these arrays, one sentence each
    sentence  all folds in one sentence, as a run of the program states it"""

    def __init__(self, folds, shared, equal, sentence, given):
        self._folds = folds
        total = {key: sum(fold[key] or 0 for fold in folds) for key in ("test", "overlapping", "copies", "test_trials")}
        tested = max(total["test"], 1)
        siblings = sum((fold["siblings"] or 0) * fold["test"] for fold in folds)
        self.findings = []
        for name, rows in shared.items():
            if rows:
                self.findings.append(f"{rows} rows are in both the training and the test part of fold {name}")
        if siblings > 0:
            self.findings.append(
                f"test windows have siblings, windows of the same trial, in training: {siblings / tested:.2f} on average. "
                "A network that recognizes the trial knows its label. Split by trial: `GroupedTrials`"
            )
        if total["overlapping"]:
            self.findings.append(
                f"{total['overlapping']} of {tested} test windows share samples with a training window. Cut windows after "
                "the split, or keep each recording's windows in one part"
            )
        if total["copies"]:
            self.findings.append(
                f"{total['copies']} of {tested} test windows are in training under another name, the same or nearly. Remove "
                "the copies, or give both the name of one trial"
            )
        surely, perhaps = equal
        # Those that share samples by their contents are counted already.
        if surely > total["copies"] + total["overlapping"]:
            self.findings.append(
                f"{surely} of {tested} test windows equal a training window, number for number. Remove the copies, or give both "
                "the name of one trial"
            )
        self.leaks = bool(self.findings)
        self.sentence = sentence
        self.scope = []
        for key, what, new in (("known_people", "person", "new people"), ("known_stimuli", "stimulus", "new stimuli")):
            known = [fold[key] for fold in folds]
            if None not in known:
                self.scope.append(
                    f"the {what} of {sum(known)} of {total['test_trials']} test trials is in training"
                    if sum(known)
                    else f"the test asks about {new}"
                )
        self.unknown = []
        if given.groups is None:
            self.unknown.append("people: give `groups`, or nobody can tell whether a person is on both sides")
        if given.trials is None:
            self.unknown.append("trials: give `trials`, or nobody can tell whether windows of one trial are on both sides")
        if perhaps:
            self.unknown.append(
                f"copies: {perhaps} of {tested} test windows equal a training window, number for number, but have too few "
                "numbers to tell a copy from chance"
            )
        if given.trials is not None and siblings > 0 and any(fold["overlapping"] is None for fold in folds):
            self.unknown.append("shared samples: the windows say too little to be told apart")

    @property
    def folds(self):
        """One row for each fold: numbers of windows, and of test windows that leak. A DataFrame where pandas
        is there, else a dict of lists."""
        return table({key: [fold[key] for fold in self._folds] for key in self._folds[0]})

    def raise_for_leaks(self):
        """Raises `DataError` if there is a leak."""
        if self.leaks:
            raise DataError("the split leaks: " + "; ".join(self.findings))

    def __str__(self):
        lines = [f"the split LEAKS ({len(self._folds)} folds)" if self.leaks else f"no leak found in {len(self._folds)} folds"]
        if self.unknown and not self.leaks:
            lines[0] += ", as far as one can tell"
        lines += [f"  leak     {line}" for line in self.findings]
        lines += [f"  scope    {line}" for line in self.scope]
        lines += [f"  unknown  {line}" for line in self.unknown]
        return "\n".join(lines)

    __repr__ = __str__


def audit(X, y=None, groups=None, trials=None, cv=None, *, stimuli=None, threads=None):
    """Finds the leaks of a split, of any library and for any kind of model: rows, trials and samples in both
    parts, and copies under another name, which only the contents tell.

    X        (n, T, D), (n, D) features, or any (n, ...), an array or a table. A missing number counts as zero
    y        (n,) labels, which only some splitters need
    groups   (n,) person of each window
    trials   (n,) trial of each window, unique within a person
    cv       a splitter of scikit-learn, or a list of (train, test) or (train, validation, test) row numbers or
             masks. A single pair is a list of one. Validation rows count as training: they choose the model
    stimuli  (n,) stimulus of each window

    Returns an `Audit`; ``print`` explains it."""
    if cv is None:
        raise DataError("`cv` is missing", "give a splitter, or a list of (train, test) row numbers")
    given = _inputs.for_a_split(X, groups=groups, trials=trials, stimuli=stimuli)
    folds = _folds.of(cv, X, y, groups, len(given))
    shared, distinct = {}, []
    for name, train, validation, test in folds:
        seen = set(train) | set(validation)
        both = seen & set(test)
        shared[name] = len(both)
        distinct.append((name, sorted(seen - both), [], test))
    text, _, sentence = _engine.audit(given, distinct, threads, Reporter())
    return Audit(json.loads(text), shared, _equal(given, distinct), sentence, given.facts)


# About the most numbers that are counted.
_NUMBERS_COUNTED = 2**20
# A match must be so unlikely among all pairs of windows: one in a million.
_MARGIN = 20
# So many numbers of a window count. In a smooth signal the next ones follow from them.
_NUMBERS = 4


def _equal(given, folds):
    """The number of test windows that equal a training window, number for number: those of which chance cannot be the
    reason, and the others."""
    series = given.x if given.series is None else given.series
    # Windows that are equal have one code; `first` is the first window of each.
    seen, first, codes = {}, [], []
    for i, one in enumerate(series):
        key = hashlib.blake2b(one.tobytes()).digest(), one.shape
        if key not in seen:
            first.append(i)
        seen.setdefault(key, len(seen))
        codes.append(seen[key])
    if len(first) == len(codes):
        return 0, 0
    codes = np.array(codes)
    # Numbers of some windows that differ, and of all that are there twice.
    some = {*first[:: -(-len(first) * series[0].size // _NUMBERS_COUNTED)], *np.flatnonzero(np.bincount(codes)[codes] > 1)}
    numbers = np.concatenate([series[i].ravel() for i in sorted({first[codes[i]] for i in some})])
    values, counts = np.unique(numbers, return_counts=True)
    # The chance that two numbers are equal, by all pairs of them.
    pairs = max(len(numbers) * (len(numbers) - 1) / 2, 1)
    bits = np.log2(pairs / ((counts * (counts - 1.0) / 2).sum() + 1))
    needed = _MARGIN + 2 * np.log2(len(codes)) - 1
    is_sure = np.zeros(len(first), bool)
    for code in np.flatnonzero(np.bincount(codes) > 1):
        lone = _lone(series[first[code]], values, counts)
        # Numbers that recur are rounded ones, which a slow signal holds for a while.
        is_sure[code] = bits >= 16 and min(lone, _NUMBERS) * bits >= needed
    sure = perhaps = 0
    for _, train, _, test in folds:
        found = codes[test]
        found = found[np.isin(found, codes[train])]
        sure += int(is_sure[found].sum())
        perhaps += int((~is_sure[found]).sum())
    return sure, perhaps


def _lone(window, values, counts):
    """How many numbers of a window change within it and occur once among all. A channel that stays says nothing."""
    if len(window) > 1:
        window = window[:, (window != window[0]).any(axis=0)]
    own = np.unique(window)
    return int((counts[np.searchsorted(values, own)] == 1).sum())
