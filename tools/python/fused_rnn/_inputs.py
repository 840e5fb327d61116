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
    facts = Facts(keep_bad_windows=keep_bad_windows)
    try:
        facts.rate = None if rate is None else float(rate)
    except (TypeError, ValueError):
        raise DataError(f"rate is {rate!r}, expected a number of Hz") from None
    facts.classes = column("classes", columns.pop("classes", None), None)
    facts.channels = None if channels is None else [str(name) for name in channels]
    facts.labels = column("y", y, n)
    for name, values in columns.items():
        setattr(facts, name, column(name, values, n))
    facts.trials = _numbered(facts.trials)
    if facts.parts is not None and not set(facts.parts) <= {"train", "test"}:
        other = next(part for part in facts.parts if part not in ("train", "test"))
        raise DataError(f'parts has {other!r}, expected "train" or "test"')
    return Windows(x, series, facts)


def for_a_split(X, y=None, **columns):
    """Windows that are split and not trained on: of any (n, ...), a table of numbers too. Where a number is missing,
    a zero stands for it."""
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):
        X = X.to_numpy()
    if not isinstance(X, (list, tuple)):
        X = np.asarray(X)
        if X.ndim > 3:
            X = X.reshape(X.shape[0], X.shape[1], -1)
        if X.dtype.kind == "f":
            X = _finite(X)
    else:
        X = [_finite(np.asarray(one)) if np.asarray(one).dtype.kind == "f" else one for one in X]
    return windows(X, y, keep_bad_windows=True, **columns)


def _finite(values):
    return values if np.isfinite(values).all() else np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)


def _numbered(trials):
    """Trials by name become numbers, in the order of their names."""
    if trials is None or not any(isinstance(trial, str) for trial in trials):
        return trials
    return np.unique(trials, return_inverse=True)[1].tolist()


def _signals(X):
    refuse_masks(X, "X")
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1:
        # A column of series.
        X = list(X)
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):
        raise DataError(
            f"X is a table of shape {tuple(X.shape)}, expected an array (n, T, D)",
            "say what its columns are: `X.to_numpy().reshape(n, T, D)` if each row is a window of T steps and D "
            "channels; for a table of one row per time step, `[part.to_numpy() for _, part in X.groupby(trial)]`",
        )
    if hasattr(X, "toarray"):
        raise DataError("X is sparse, expected an array (n, T, D)", "use `X.toarray()`")
    if isinstance(X, (list, tuple)) and len(X) and all(np.ndim(one) == 2 for one in X):
        if empty := [i for i, one in enumerate(X) if 0 in np.shape(one)]:
            raise DataError(f"X[{empty[0]}] has the shape {np.shape(X[empty[0]])}, expected a time step and a channel")
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
    check_resolution(values, name)
    return np.require(values, np.float32, "A")


# So many numbers of a channel tell its mean and spread.
_SAMPLE = 4096


def check_resolution(values, name):
    """Refuses channels, the last axis, whose changes drown in the rounding to float32: far from zero and nearly constant,
    or all very small."""
    if values.dtype in (np.float32, np.float16) or (values.dtype.kind in "iub" and values.dtype.itemsize <= 2):
        return
    flat = values.reshape(-1, values.shape[-1])
    if len(flat) > _SAMPLE:
        flat = flat[np.random.default_rng(0).integers(0, len(flat), _SAMPLE)]
    flat = flat.astype(np.float64)
    with np.errstate(invalid="ignore"):
        level, spread = np.abs(flat).max(axis=0), flat.std(axis=0)
        # Half a unit in the last place, of the smallest number at least.
        lost = (np.maximum(level * 2.0**-24, 2.0**-150) > 0.01 * spread) & (spread > 0)
    if lost.any():
        channel = int(np.flatnonzero(lost)[0])
        raise DataError(
            f"channel {channel} of {name} goes up to {level[channel]:g} with a standard deviation of {spread[channel]:g}, "
            "and float32 cannot tell such numbers apart",
            "subtract the mean of each channel before, `X - X.mean(axis=(0, 1))`, or choose another unit",
        )


def refuse_masks(values, name):
    """Refuses masked elements, which NumPy's functions would take for numbers."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        raise DataError(
            f"{name} is a masked array with masked elements", "leave such windows out, or fill them in: `.filled(...)`"
        )


def column(name, values, n):
    """One number or name for each of n windows, as a list."""
    if values is None:
        return None
    refuse_masks(values, name)
    values = np.asarray(values)
    if values.ndim != 1 or (n is not None and len(values) != n):
        expected = "one dimension" if n is None else f"({n},), one element for each window"
        raise DataError(f"{name} has the shape {values.shape}, expected {expected}")
    if values.dtype == object and len(values) and all(_is_whole(value) for value in values):
        # A column of a table with columns of other types.
        values = np.array([int(value) for value in values])
    if values.dtype.kind == "f":
        whole = values.astype(np.int64, copy=False) if np.isfinite(values).all() else None
        if whole is None or (whole != values).any():
            raise DataError(f"{name} has numbers that are not whole, expected integers or names")
        values = whole
    if values.dtype.kind in "iu":
        if len(values) and values.max() >= 2**63:
            raise DataError(f"{name} has {values.max()}, expected integers below 2**63 or names")
        return values.tolist()
    return [_name(value, f"{name}[{i}]") for i, value in enumerate(values.tolist())]


def by_name(values, names):
    """The caller's value of each class, by the name that the program knows it by."""
    found = {}
    for value, name in zip(np.asarray(values).tolist(), names):
        name = str(name).strip()
        if found.setdefault(name, value) != value:
            raise DataError(f"y has {found[name]!r} and {value!r}, which have one name", "give the classes names of one type")
    return found


def _is_whole(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and -(2**63) <= value < 2**63


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
