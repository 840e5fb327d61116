import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from typing_extensions import Unpack

_Path = str | os.PathLike[str]
_Fold = tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike]
_Progress = Callable[[int, int, str, str], object] | Literal["tqdm"] | None
_Device = Literal["cpu", "wgpu", "cuda"]
_Cell = Literal["lstm", "gru", "bilstm", "bigru"]
_Windows = ArrayLike | Sequence[ArrayLike]
_Table = Any

__version__: str

class _DeviceSettings(TypedDict, total=False):
    isa: str
    adapter: str
    precision: str
    gemm: str
    kernel_cache: _Path

class _Settings(_DeviceSettings, total=False):
    conv: str | Sequence[str]
    cell: _Cell | Sequence[_Cell]
    hidden: int | Sequence[int]
    biases: Literal[1, 2]
    pool: str
    dense: int
    dropout: float
    epochs: int
    batch: int
    optimizer: str
    learning_rate: float
    lr: float
    eps: float
    eps_placement: str
    schedule: str
    warmup: float
    weight_decay: float
    clip: float
    label_smoothing: float
    class_weights: Literal["none", "balanced"]
    patience: int
    selection: Literal["best", "last"]
    from_run: _Path
    initial: str
    seed: int
    split_by: Literal["window", "window-holdout", "trial", "trial-within-subject", "subject", "stimulus", "subject-stimulus", "predefined"]
    folds: int
    validation: float
    promise_independent_windows: bool
    allow_copies: bool
    normalize: str
    leave_out: Sequence[str]
    permutations: int
    permutation_seed: int
    device: _Device
    threads: int
    folds_at_once: int
    save_every: float

class _Reading(TypedDict, total=False):
    channels: str | Sequence[str]
    rate: float
    bad_windows: Literal["fail", "drop", "keep"]
    allow_lost_cases: bool
    layout: str
    test_file: _Path
    frame_kind: str
    frame_length: float
    frame_step: float
    bands: str | Sequence[str]
    families: str | Sequence[str]
    feature_window: float
    gsr_unit: str
    baseline: str
    window: float
    window_step: float
    leave_out: Sequence[str]
    label: str
    scale_range: str
    threshold: float
    tie: str
    dead_zone: float
    threads: int

class Error(Exception):
    message: str
    hint: str | None
    def __init__(self, message: str, hint: str | None = None) -> None: ...
    @property
    def kind(self) -> str: ...

class ConfigError(Error, ValueError): ...
class DataError(Error, ValueError): ...
class BackendError(Error, RuntimeError): ...
class DeviceError(Error, RuntimeError): ...
class NumericalError(Error, ArithmeticError): ...
class FileError(Error, OSError): ...
class LeakWarning(UserWarning): ...

class Page:
    html: str
    def __init__(self, text: str) -> None: ...
    def save(self, path: _Path) -> Path: ...

class Run:
    path: Path
    summary: dict[str, Any]
    def __init__(self, path: _Path, given: Any = None, keep: object = None) -> None: ...
    @property
    def classes(self) -> list[Any]: ...
    @property
    def accuracy(self) -> float | None: ...
    @property
    def permutation(self) -> dict[str, Any] | None: ...
    @property
    def tuning(self) -> dict[str, Any] | None: ...
    @property
    def scores(self) -> _Table: ...
    def scores_by(self, unit: Literal["fold", "subject"] = "fold", level: Literal["trial", "window"] = "trial") -> _Table: ...
    @property
    def predictions(self) -> _Table: ...
    @property
    def probabilities(self) -> NDArray[np.float64]: ...
    def report(self) -> Page: ...
    def predict_proba(self, X: _Windows, *, rate: float | None = None, device: _Device | None = None, threads: int | None = None) -> NDArray[np.float64]: ...
    def predict(self, X: _Windows, **options: Any) -> NDArray[Any]: ...

class Comparison:
    summary: dict[str, Any]
    def __init__(self, text: str, words: str, page: str) -> None: ...
    @property
    def pairs(self) -> _Table: ...
    def report(self) -> Page: ...

class Audit:
    leaks: bool
    findings: list[str]
    scope: list[str]
    unknown: list[str]
    sentence: str
    @property
    def folds(self) -> _Table: ...
    def raise_for_leaks(self) -> None: ...

class Recordings:
    X: NDArray[np.floating]
    y: NDArray[Any] | None
    classes: NDArray[Any] | None
    ratings: NDArray[np.float32] | None
    rating_scale: NDArray[np.float64] | None
    groups: NDArray[Any] | None
    trials: NDArray[np.int64] | None
    stimuli: NDArray[np.int64] | None
    parts: NDArray[np.str_] | None
    lengths: NDArray[np.int64] | None
    rate: float | None
    channels: NDArray[np.str_]
    modalities: NDArray[np.str_]
    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None: ...
    def keys(self) -> list[str]: ...
    def __getitem__(self, name: str) -> Any: ...

class LayerResult:
    y: NDArray[np.float32]
    last: NDArray[np.float32]
    dx: NDArray[np.float32] | None
    d_initial: NDArray[np.float32] | None
    d_weights: dict[str, NDArray[np.float32]] | None

def crossval(
    X: _Windows,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    trials: ArrayLike | None = None,
    stimuli: ArrayLike | None = None,
    parts: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    channels: Sequence[str] | None = None,
    rate: float | None = None,
    split: Any | Iterable[_Fold] | None = None,
    tune: Mapping[str, Iterable[Any]] | None = None,
    inner_folds: int | None = None,
    bad_windows: Literal["fail", "keep"] = "fail",
    run: _Path | None = None,
    progress: _Progress = None,
    **settings: Unpack[_Settings],
) -> Run: ...
def load_run(path: _Path) -> Run: ...
def compare(*runs: Run | _Path, by_fold: bool = False) -> Comparison: ...
def audit(
    X: _Windows,
    y: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    trials: ArrayLike | None = None,
    cv: Any | Iterable[_Fold] | None = None,
    *,
    stimuli: ArrayLike | None = None,
    threads: int | None = None,
) -> Audit: ...
def read(path: _Path, *, progress: _Progress = None, **settings: Unpack[_Reading]) -> Recordings: ...
def read_deap(path: _Path, **settings: Unpack[_Reading]) -> Recordings: ...
def demo(subjects: int = 4, seed: int | None = None, **settings: Any) -> Recordings: ...
def layer(
    x: ArrayLike,
    weights: Mapping[str, ArrayLike],
    *,
    cell: Literal["lstm", "gru"] = "lstm",
    lengths: ArrayLike | None = None,
    initial: ArrayLike | None = None,
    dy: ArrayLike | None = None,
    d_last: ArrayLike | None = None,
    device: _Device = "cpu",
    threads: int | None = None,
    **settings: Unpack[_DeviceSettings],
) -> LayerResult: ...

class _Splitter:
    n_splits: int | None
    trials: ArrayLike | None
    stimuli: ArrayLike | None
    seed: int
    allow_copies: bool
    def __init__(
        self,
        n_splits: int | None = None,
        *,
        trials: ArrayLike | None = None,
        stimuli: ArrayLike | None = None,
        seed: int = 1,
        allow_copies: bool = False,
    ) -> None: ...
    def split(self, X: _Windows, y: ArrayLike, groups: ArrayLike | None = None) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]: ...
    def get_n_splits(self, X: _Windows | None = None, y: ArrayLike | None = None, groups: ArrayLike | None = None) -> int: ...

class LeaveOneSubjectOut(_Splitter): ...
class GroupedTrials(_Splitter): ...
class StimulusSplit(_Splitter): ...
class SubjectStimulusSplit(_Splitter): ...

class RecurrentClassifier(ClassifierMixin, BaseEstimator):
    cell: _Cell | Sequence[_Cell]
    hidden: int | Sequence[int]
    conv: Sequence[str] | None
    pool: str
    dense: int
    dropout: float
    epochs: int
    batch: int
    optimizer: str
    learning_rate: float
    schedule: str
    warmup: float
    weight_decay: float
    clip: float
    label_smoothing: float
    class_weights: str
    validation: float
    patience: int | None
    normalize: str
    random_state: int | np.random.RandomState | np.random.Generator | None
    device: _Device
    threads: int | None
    progress: _Progress
    classes_: NDArray[Any]
    n_features_in_: int
    history_: list[dict[str, Any]]
    checkpoint_: bytes
    def __init__(
        self,
        cell: _Cell | Sequence[_Cell] = "lstm",
        hidden: int | Sequence[int] = 64,
        conv: Sequence[str] | None = None,
        pool: str = "last",
        dense: int = 0,
        dropout: float = 0.2,
        epochs: int = 30,
        batch: int = 32,
        optimizer: str = "adamw",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        warmup: float = 0.0,
        weight_decay: float = 0.01,
        clip: float = 1.0,
        label_smoothing: float = 0.0,
        class_weights: Literal["none", "balanced"] = "none",
        validation: float = 0.0,
        patience: int | None = None,
        normalize: str = "train",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        device: _Device = "cpu",
        threads: int | None = None,
        progress: _Progress = None,
    ) -> None: ...
    def fit(self, X: _Windows, y: ArrayLike, groups: ArrayLike | None = None, trials: ArrayLike | None = None, **refused: Any) -> RecurrentClassifier: ...
    def predict_proba(self, X: _Windows) -> NDArray[np.float64]: ...
    def predict(self, X: _Windows) -> NDArray[Any]: ...
    def score(self, X: _Windows, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float: ...
    def weights(self) -> dict[str, NDArray[np.float32]]: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> RecurrentClassifier: ...
