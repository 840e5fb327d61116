"""Recurrent networks for physiological signals, evaluated without leaks.

Windows are arrays ``(n, T, D)``: n windows of T time steps and D channels or features. Series of unequal
length are a list of n arrays ``(T_i, D)``.

    crossval             cross-validate: all folds train at once, and leave scores, predictions and a page
    RecurrentClassifier  an estimator for scikit-learn
    audit                find the leaks of anybody's split
    read, read_deap      recordings as arrays
    load_run, compare    finished runs
    layer                one recurrent layer, forward and backward
"""

from ._audit import Audit, audit
from ._compare import Comparison, compare
from ._crossval import crossval
from ._engine import __version__
from ._errors import (
    BackendError,
    ConfigError,
    DataError,
    DeviceError,
    Error,
    FileError,
    LeakWarning,
    NumericalError,
)
from ._layer import LayerResult, layer
from ._page import Page
from ._read import Recordings, demo, read, read_deap
from ._run import Run, load_run
from ._splitters import GroupedTrials, LeaveOneSubjectOut, StimulusSplit, SubjectStimulusSplit

# Needs scikit-learn, which takes a second to import.
_LAZY = {"RecurrentClassifier": "_estimator"}

__all__ = [
    "Audit",
    "BackendError",
    "Comparison",
    "ConfigError",
    "DataError",
    "DeviceError",
    "Error",
    "FileError",
    "GroupedTrials",
    "LayerResult",
    "LeakWarning",
    "LeaveOneSubjectOut",
    "NumericalError",
    "Page",
    "Recordings",
    "Run",
    "StimulusSplit",
    "SubjectStimulusSplit",
    "__version__",
    "audit",
    "compare",
    "crossval",
    "demo",
    "layer",
    "load_run",
    "read",
    "read_deap",
    *_LAZY,
]


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LAZY[name]}", __name__), name)


def __dir__():
    return sorted(__all__)
