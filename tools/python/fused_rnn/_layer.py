"""One recurrent layer, forward and backward."""

from dataclasses import dataclass

import numpy as np

from . import _engine, _settings
from ._errors import DataError
from ._progress import Reporter

_GATES = {"lstm": 4, "gru": 3}
_STATES = {"lstm": 2, "gru": 1}
_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@dataclass
class Call:
    """A call of the layer with flat arrays, as the engine takes it."""

    cell: str
    dirs: int
    biases: int
    size: tuple
    x: list
    lengths: list
    weights: list
    initial: list | None
    dy: list | None
    d_last: list | None


@dataclass
class LayerResult:
    """What a layer computes. n rows, T steps, D inputs, H units, S states (LSTM 2: h and c; GRU 1: h).

    y          (n, T, directions * H) hidden states, 0 after the end of a row
    last       (S, directions, n, H) states after each direction's last step
    dx         (n, T, D), d_initial (S, directions, n, H), d_weights: gradients, if one was given"""

    y: np.ndarray
    last: np.ndarray
    dx: np.ndarray | None = None
    d_initial: np.ndarray | None = None
    d_weights: dict | None = None


def layer(
    x,
    weights,
    *,
    cell="lstm",
    lengths=None,
    initial=None,
    dy=None,
    d_last=None,
    device="cpu",
    threads=None,
    **settings,
):
    """One recurrent layer, forward, and backward if a gradient is given.

    x        (n, T, D)
    weights  by PyTorch's names: weight_ih (G*H, D), weight_hh (G*H, H), bias_ih (G*H), bias_hh (G*H), and the
             same with ``_reverse`` for two directions. ``bias_hh`` may be missing. A ``state_dict()`` of
             ``torch.nn.LSTM`` or ``GRU`` with one layer will do
    cell     "lstm" (G = 4) or "gru" (G = 3)
    lengths  (n,) steps of each row; without it, all have T
    initial  (S, directions, n, H) states before the first step; without it, 0
    dy       (n, T, directions * H) and d_last (S, directions, n, H): gradients of a loss; either may be missing
    device   "cpu", "wgpu" or "cuda"
    settings ``isa``, ``adapter``, ``precision``, ``gemm``, ``kernel_cache``: those of the device

    Returns a `LayerResult`."""
    if cell not in _GATES:
        raise DataError(f"the cell is {cell!r}, expected lstm or gru")
    x = _array("x", x, (None, None, None))
    n, steps, inputs = x.shape
    if 0 in x.shape:
        raise DataError(f"x has the shape {x.shape}, expected at least one row, step and input")
    given = {name.replace("_l0", ""): value for name, value in weights.items()}
    if "weight_hh" not in given:
        raise DataError(f"weights have no weight_hh; there are {', '.join(weights)}")
    hidden = _array("weight_hh", given["weight_hh"], (None, None)).shape[1]
    if hidden == 0:
        raise DataError("weight_hh has no units")
    rows = _GATES[cell] * hidden
    dirs = 2 if "weight_ih_reverse" in given else 1
    biases = 2 if "bias_hh" in given else 1
    shapes = {"weight_ih": (rows, inputs), "weight_hh": (rows, hidden), "bias_ih": (rows,), "bias_hh": (rows,)}
    names = [name + suffix for suffix in ("", "_reverse")[:dirs] for name in _NAMES[: 2 + biases]]
    if missing := [name for name in names if name not in given]:
        raise DataError(f"weights lack {', '.join(missing)}")
    if extra := [name for name in given if name not in names]:
        raise DataError(f"weights have {', '.join(extra)}, expected {', '.join(names)}", "give one layer at a time")
    shape = {name: shapes[name.removesuffix("_reverse")] for name in names}
    flat = np.concatenate([_array(name, given[name], shape[name]).ravel() for name in names])
    states = (_STATES[cell], dirs, n, hidden)
    lengths = np.full(n, steps) if lengths is None else np.asarray(lengths)
    if lengths.shape != (n,) or lengths.dtype.kind not in "iu" or lengths.min() < 0 or lengths.max() > steps:
        raise DataError(f"lengths are {lengths.tolist()}, expected {n} integers of 0 to {steps}")
    call = Call(
        cell=cell,
        dirs=dirs,
        biases=biases,
        size=(n, steps, inputs, hidden),
        x=_time_first(x),
        lengths=[int(length) for length in lengths],
        weights=flat,
        initial=None if initial is None else _array("initial", initial, states).ravel(),
        dy=None if dy is None else _time_first(_array("dy", dy, (n, steps, dirs * hidden))),
        d_last=None if d_last is None else _array("d_last", d_last, states).ravel(),
    )
    sections = {"run": ("backend", "threads", "isa", "adapter", "precision", "gemm", "kernel_cache")}
    text = _settings.to_toml({"device": device, "threads": threads, **settings}, sections)
    y, last, gradients = _engine.layer(call, text, Reporter())
    result = LayerResult(y=_rows_first(y, n, steps), last=np.reshape(last, states))
    if gradients is not None:
        dx, d_initial, d_weights = gradients
        result.dx = _rows_first(dx, n, steps)
        result.d_initial = np.reshape(d_initial, states)
        ends = np.cumsum([np.prod(shape[name]) for name in names])[:-1]
        parts = np.split(np.asarray(d_weights, np.float32), ends)
        result.d_weights = {name: part.reshape(shape[name]) for name, part in zip(names, parts)}
    return result


def _array(name, values, shape):
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    values = np.asarray(values)
    if values.dtype.kind not in "fiub":
        raise DataError(f"{name} is of type {values.dtype}, expected real numbers")
    values = np.ascontiguousarray(values, dtype=np.float32)
    if values.ndim != len(shape) or any(want not in (None, have) for want, have in zip(shape, values.shape)):
        expected = ", ".join("any" if want is None else str(want) for want in shape)
        raise DataError(f"{name} has the shape {values.shape}, expected ({expected})")
    return values


def _time_first(values):
    return np.ascontiguousarray(values.transpose(1, 0, 2)).ravel()


def _rows_first(values, n, steps):
    return np.ascontiguousarray(np.reshape(values, (steps, n, -1)).transpose(1, 0, 2))
