"""The estimator for scikit-learn."""

import json

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from . import _engine, _inputs, _settings
from ._errors import ConfigError, DataError
from ._progress import Reporter

_OF_FIT = ("progress", "random_state")
_FITTED = ("classes_", "n_features_in_", "history_", "checkpoint_", "_is_flat")


class RecurrentClassifier(ClassifierMixin, BaseEstimator):
    """A recurrent network that classifies windows.

    X is an array (n, T, D) of n windows, T time steps and D channels, or a list of n series (T_i, D). (n, T) counts
    as one channel, and ``n_features_in_`` is then T, as scikit-learn has it. Each channel is standardized by the
    training data.

    cell      "lstm", "gru", "bilstm" or "bigru", or a list with one for each layer
    hidden    units of each recurrent layer, a number or a list
    conv      convolution blocks before them, such as ["16x3"] (filters x kernel)
    pool      "last" or "mean" over time, and other methods of the program
    validation  share of the people (``groups`` of `fit`), or else of the trials, that tells when to stop early
    patience  epochs without a lower validation loss after which training stops; None: 10 with validation
    random_state  seed of the weights, the order of the windows and dropout: a number, a ``RandomState`` or a
              ``Generator``, from which one is drawn. None is the seed 1: two fits are the same, bit for bit
    device    "cpu", "wgpu" or "cuda"
    threads   None: all cores, or as many as joblib allows its process
    progress  None, "tqdm", or a function of (done, total, what, note)

    Other parameters are those of the program's configuration file.

    After `fit`: ``classes_``; ``n_features_in_``; ``history_``, a dict for each epoch; ``checkpoint_``, the
    bytes of the network as a safetensors file with PyTorch's names."""

    def __init__(
        self,
        cell="lstm",
        hidden=64,
        conv=None,
        pool="last",
        dense=0,
        dropout=0.2,
        epochs=30,
        batch=32,
        optimizer="adamw",
        learning_rate=1e-3,
        schedule="constant",
        warmup=0.0,
        weight_decay=0.01,
        clip=1.0,
        label_smoothing=0.0,
        class_weights="none",
        validation=0.0,
        patience=None,
        normalize="train",
        random_state=None,
        device="cpu",
        threads=None,
        progress=None,
    ):
        self.cell = cell
        self.hidden = hidden
        self.conv = conv
        self.pool = pool
        self.dense = dense
        self.dropout = dropout
        self.epochs = epochs
        self.batch = batch
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.warmup = warmup
        self.weight_decay = weight_decay
        self.clip = clip
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights
        self.validation = validation
        self.patience = patience
        self.normalize = normalize
        self.random_state = random_state
        self.device = device
        self.threads = threads
        self.progress = progress

    def fit(self, X, y, groups=None, trials=None, **refused):
        """Trains the network on X (n, T, D) and y (n,). ``groups`` (n,) are people and ``trials`` (n,) are
        trials; both only tell which windows stay together if a share is set aside for early stopping."""
        # A fit that fails leaves neither half of itself behind nor the one before.
        self._forget()
        try:
            return self._fit(X, y, groups, trials, refused)
        except BaseException:
            self._forget()
            raise

    def _forget(self):
        for name in _FITTED:
            vars(self).pop(name, None)

    def _fit(self, X, y, groups, trials, refused):
        if "sample_weight" in refused:
            raise ConfigError(
                "fit takes no `sample_weight`: all windows count the same", 'use `class_weights="balanced"` for rare classes'
            )
        if refused:
            name = next(iter(refused))
            raise ConfigError(f"fit takes no `{name}`", _settings.nearest(name, ["groups", "trials"]))
        if y is None:
            raise DataError("fit requires y to be passed, but the target y is None")
        X = self._signals(X, reset=True)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if len(y) != len(X):
            raise DataError(f"y has {len(y)} elements, expected {len(X)}, one for each window")
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise DataError(f"y has 1 class, {classes[0]!r}, expected at least two")
        stops = self.validation > 0
        if stops and groups is None and trials is None:
            raise ConfigError(
                f"`validation = {self.validation}` needs to know which windows stay together",
                "give `groups` (the person of each window) or `trials` to fit, or use `validation = 0`",
            )
        given = _inputs.windows(X, codes, groups=groups, trials=trials, keep_bad_windows=True)
        settings = {name: value for name, value in self.get_params().items() if name not in _OF_FIT}
        settings["seed"] = _seed(self.random_state)
        settings["split_by"] = "all"
        # Without a validation part, copies and unknown trials do no harm.
        settings["allow_copies"] = not stops
        settings["promise_independent_windows"] = trials is None and not stops
        reporter = Reporter(self.progress, cautions=stops)
        self.checkpoint_, epochs = _engine.fit(given, _settings.to_toml(settings), reporter)
        self.classes_ = classes
        self.history_ = json.loads(epochs)
        return self

    def predict_proba(self, X):
        """Class probabilities (n, K) of windows (n, T, D), in the order of ``classes_``."""
        check_is_fitted(self, "checkpoint_")
        given = _inputs.windows(self._signals(X, reset=False), keep_bad_windows=True)
        settings = {"device": self.device, "threads": self.threads, "batch": self.batch}
        return _engine.predict([self.checkpoint_], given, _settings.to_toml(settings), Reporter())

    def predict(self, X):
        """The most probable class (n,) of each window."""
        check_is_fitted(self, "checkpoint_")
        return self.classes_[self.predict_proba(X).argmax(1)]

    def weights(self):
        """The weights as a dict of arrays, with PyTorch's names and shapes."""
        check_is_fitted(self, "checkpoint_")
        return dict(_engine.tensors(self.checkpoint_))

    def _signals(self, X, reset):
        """X as an array or a list of series, with as many channels as in `fit`."""
        _inputs.refuse_masks(X, "X")
        if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1:
            X = list(X)
        ragged = isinstance(X, (list, tuple)) and len(X) and all(_dimensions(one) == 2 for one in X)
        if not ragged and not hasattr(X, "columns") and _dimensions(X) <= 2:
            if not reset and not self._is_flat and _dimensions(X) == 2:
                # A single window (T, D) would be T windows of one step.
                raise DataError(
                    f"X has the shape {np.shape(X)}, expected (n, T, {self.n_features_in_}) as in fit",
                    "a single window is `X[np.newaxis]`, and windows (n, T) of one channel are `X[:, :, np.newaxis]`",
                )
            flat = np.asarray(X)
            if flat.ndim == 2 and flat.dtype.kind in "fiu" and flat.size:
                _inputs.check_resolution(flat[:, :, np.newaxis], "X")
            X = validate_data(self, X, reset=reset, dtype=np.float32)
            if reset:
                self.n_features_in_, self._is_flat = X.shape[1], True
            return X
        given = _inputs.windows(X)
        channels = (given.series[0] if given.x is None else given.x).shape[-1]
        expected = 1 if not reset and self._is_flat else None if reset else self.n_features_in_
        if reset:
            self.n_features_in_, self._is_flat = channels, False
        elif channels != expected:
            raise DataError(
                f"X has {channels} features, but {type(self).__name__} is expecting {expected} features as input"
            )
        return given.x if given.series is None else given.series

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _seed(state):
    """The seed of any `random_state`."""
    if state is None:
        return 1
    if isinstance(state, np.random.RandomState):
        return int(state.randint(2**31))
    if isinstance(state, np.random.Generator):
        return int(state.integers(2**31))
    return state


def _dimensions(X):
    """The number of axes; scikit-learn finds the words for what is no array."""
    try:
        return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
    except ValueError:
        return 0
