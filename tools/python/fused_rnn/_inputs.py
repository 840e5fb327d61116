"""Arrays as the engine takes them."""

from dataclasses import dataclass

import numpy as np

from ._errors import DataError


@dataclass
class Facts:
    """What is known of windows, one element for each."""

    labels: list | None = None
    classes: list | None = None
    groups: list | None = None
    trials: list | None = None
    stimuli: list | None = None
    parts: list | None = None
    channels: list | None = None
    rate: float | None = None
    keep_bad_windows: bool = False


@dataclass
class Windows:
    """Windows ``(n, T, D)`` in ``x``, or n series ``(T_i, D)``; the other one is None."""

    x: np.ndarray | None
    series: list | None
    facts: Facts

    def __len__(self):
        return len(self.series if self.x is None else self.x)


def windows(X, y=None, *, keep_bad_windows=False, rate=None, channels=None, **columns):
    """Windows with a value of each of these columns. An array of float32 is handed over as it is."""
    x, series = _signals(X)
    n = len(series if x is None else x)
    facts = Facts(rate=rate, keep_bad_windows=keep_bad_windows)
    facts.classes = column("classes", columns.pop("classes", None), None)
    facts.channels = None if channels is None else [str(name) for name in channels]
    for name, values in {"labels": y, **columns}.items():
        setattr(facts, name, column(name, values, n))
    return Windows(x, series, facts)


def _signals(X):
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):
        raise DataError(
            f"X is a table of shape {tuple(X.shape)}, expected an array (n, T, D)",
            "say what its columns are: `X.to_numpy().reshape(n, T, D)` if each row is a window of T steps and D "
            "channels; for a table of one row per time step, `[part.to_numpy() for _, part in X.groupby(trial)]`",
        )
    if hasattr(X, "toarray"):
        raise DataError("X is sparse, expected an array (n, T, D)", "use `X.toarray()`")
    if isinstance(X, (list, tuple)) and len(X) and all(np.ndim(one) == 2 for one in X):
        if len({np.shape(one)[0] for one in X}) > 1:
            return None, [_numbers(one, f"X[{i}]") for i, one in enumerate(X)]
    try:
        X = np.asarray(X)
    except ValueError:
        raise DataError(
            "X is a list of arrays of different shapes, expected (n, T, D), or n arrays (T_i, D) with one D"
        ) from None
    if X.ndim == 2:
        # One channel.
        X = X[:, :, np.newaxis]
    if X.ndim != 3:
        raise DataError(f"X has the shape {X.shape}, expected (n, T, D): windows, time steps, channels")
    if 0 in X.shape:
        raise DataError(f"X has the shape {X.shape}, expected at least one window, time step and channel")
    return _numbers(X, "X"), None


def _numbers(values, name):
    values = np.asarray(values)
    if values.dtype.kind not in "fiub":
        raise DataError(f"{name} is of type {values.dtype}, expected real numbers")
    return np.require(values, np.float32, "A")


def column(name, values, n):
    """One number or name for each of n windows, as a list."""
    if values is None:
        return None
    values = np.asarray(values)
    if values.ndim != 1 or (n is not None and len(values) != n):
        expected = "one dimension" if n is None else f"({n},), one element for each window"
        raise DataError(f"{name} has the shape {values.shape}, expected {expected}")
    if values.dtype.kind == "f":
        whole = values.astype(np.int64, copy=False) if np.isfinite(values).all() else None
        if whole is None or (whole != values).any():
            raise DataError(f"{name} has numbers that are not whole, expected integers or names")
        values = whole
    if values.dtype.kind in "iu":
        return values.tolist()
    return [_name(value, f"{name}[{i}]") for i, value in enumerate(values.tolist())]


def _name(value, place):
    """A name as text. What is missing has none: pandas writes it as None, NaN, NaT or NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        raise DataError(f"{place} is missing ({value}), expected a name", "leave such windows out, or name them")
    return value.decode() if isinstance(value, bytes) else str(value)


def keeps(bad_windows):
    """Whether windows with a constant channel are used."""
    if bad_windows not in ("fail", "keep"):
        raise DataError(f"`bad_windows` is {bad_windows!r}, expected fail or keep", "leave bad windows out of X")
    return bad_windows == "keep"
