"""Folds of one's own."""

import warnings

import numpy as np

from ._errors import ConfigError, DataError


def of(split, X, y, groups, n):
    """Names and row numbers of the folds of a splitter of scikit-learn or of a list of index arrays."""
    if isinstance(split, (str, int)):
        hint = f"a splitter is, for instance, `GroupKFold({split if isinstance(split, int) else 5})`"
        if isinstance(split, str):
            hint += "; `crossval` takes the kinds of the program as `split_by`"
        raise ConfigError(f"the split is {split!r}, expected a splitter or a list of (train, test) row numbers", hint)
    if hasattr(split, "split"):
        with warnings.catch_warnings():
            # Some splitters need groups, and the others warn of them.
            warnings.filterwarnings("ignore", "The groups parameter is ignored")
            split = list(split.split(X, y, groups))
    folds = []
    for number, parts in enumerate(split, 1):
        if not isinstance(parts, (tuple, list)) or len(parts) not in (2, 3):
            raise DataError(f"fold {number} is no (train, test) or (train, validation, test)")
        train, *validation, test = [rows(part, n, number) for part in parts]
        folds.append((str(number), train, validation[0] if validation else [], test))
    if not folds:
        raise DataError("the split has no folds")
    return folds


def rows(part, n, number):
    """Row numbers of a part, given as numbers or as a mask."""
    part = np.asarray(part)
    if part.dtype == bool:
        if part.shape != (n,):
            raise DataError(f"fold {number} has a mask of shape {part.shape}, expected ({n},)")
        part = np.flatnonzero(part)
    if part.ndim != 1 or (part.size and part.dtype.kind not in "iu"):
        raise DataError(f"fold {number} has a part of shape {part.shape} and type {part.dtype}, expected row numbers")
    if part.size and not (0 <= part.min() and part.max() < n):
        raise DataError(f"fold {number} has row {part.min() if part.min() < 0 else part.max()}, expected 0 to {n - 1}")
    return [int(row) for row in part]
