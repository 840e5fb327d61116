#!/usr/bin/env python3
"""Makes the files in tests/golden, the README.md there that describes them, and tests/fixtures/npz.

usage: tools/golden.py [NAME ...]      (all of them without a name; `npz` for the fixtures)

A case is a function that returns its tensors by name; its random numbers depend on its name only.
"""
import sys
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

TESTS = Path(__file__).resolve().parent.parent / "tests"
GOLDEN = TESTS / "golden"
BATCH, STEPS, INPUTS, HIDDEN = 3, 5, 4, 3
LENGTHS = [5, 2, 4]

README = """\
# What PyTorch answers

Inputs and answers of PyTorch in float64 (labels and lengths int64), as safetensors; the version is in each file's
metadata under `torch`. This page and the files are written by `tools/golden.py`:

    python3 -m venv .venv-torch && .venv-torch/bin/pip install torch numpy safetensors
    .venv-torch/bin/python tools/golden.py          # all of them, or those named

`metrics.json` is scikit-learn's, SciPy's and statsmodels' part, by `tools/golden_metrics.py`, which records their versions;
`features.json` is NeuroKit2's and SciPy's, by `tools/golden_features.py`: records of biosignalsnotebooks (MIT) and of PhysioNet's EEG
Motor Movement/Imagery Dataset (ODC-By 1.0) as integers, with scale, unit and licence, and the features in them;
`keras.json` Keras', by `tools/golden_keras.py`: the training loss of the study's networks, whose weights it says how to compute.

B = batch, T = steps, D = inputs, H = hidden units, dirs = 1 or 2, G = 4 for LSTM (i f g o) and 3 for GRU (r z n).

**Recurrent layers** (`lstm`, `gru`, `bi*`; `*2` has two layers, `*_lengths` rows shorter than T): `x` (B,T,D),
`h0`, `c0`, `h_n`, `c_n` (layers*dirs,B,H), `y` (B,T,dirs*H), weights under PyTorch's names and shapes
(`weight_ih_l0` (G*H,D), `weight_hh_l0` (G*H,H), `bias_ih_l0`, `bias_hh_l0` (G*H), `_l1`, `_reverse`).
`grad.NAME` is the gradient of sum(dy*y) + sum(dh_n*h_n) + sum(dc_n*c_n) by NAME, for every input and weight;
`dy`, `dh_n`, `dc_n` are stored. `lengths` (B): `y` is 0 behind a row's length, `h_n` and `c_n` are its states there
(the reverse direction starts at the row's own last step); `x` and `dy` hold numbers there that must not matter.

**Convolution block** (`conv`): Conv1d (5 filters of 3 steps), ReLU, max-pooling by two of 7 steps. `x` (B,9,D), `weight` (5,D,3),
`bias` (5), `y` (B,3,5); `grad.NAME` is the gradient of sum(dy*y) by NAME.

**Operations name by name** (`pool`: the mean over time of rows of unequal length; `attention`: their mean weighted by the softmax of an
`nn.Linear`'s scores): inputs, cotangents and answers are called as in
the operation's case in `src/check/cases`, in its order of axes, `(M, T, B, D)` with one model.

**Loss** (`loss`): `logits` (6,3), `labels` (6), `weights` (3); per variant `plain`, `weighted`, `smoothed` (0.1),
`weighted_smoothed`: `VARIANT.loss` (the mean: divided by the sum of the labels' weights), `VARIANT.grad.logits`.

**Optimizers** (`adam`: weight decay added to the gradient; `adamw`: decoupled): learning rate 0.01, betas 0.9 and
0.999, eps 1e-8, weight decay 0.01, gradients clipped to a global norm of 1 (PyTorch scales by 1/(norm + 1e-6)).
Two tensors, `a` (4) and `b` (3), five steps: `initial.a`, `grad.a` (5,4) before clipping, `params.a` (5,4) after each
step, `norms` (5) before clipping.

**Curves** (ten full-batch steps of AdamW, learning rate and weight decay 0.01, clipping at 1): `curve` is a bidirectional
LSTM `rnn` (H 5), the mean of y over time, linear `head` to 3 classes; `curve_last` is a GRU of two layers, the last
layer's final state, `dense` (6, ReLU), `head`; `curve_conv` has two blocks `conv` (6 filters of 3 steps, 5 of 2) below a bidirectional
LSTM, both final states, `dense` and `head`, and 16 steps; `curve_attention` has a bidirectional GRU below `attention`, `dense` and
`head`. `x` (8,7,4), `labels` (8), the initial weights (`rnn.weight_ih_l0`,
`head.bias`), `losses` (10) each before its step, and `final.NAME` after the last. `x` and the initial weights are
numbers that float32 holds.

"""


def recurrent(cell, layers=1, bidirectional=False, lengths=None):
    """Outputs and every gradient of sum(dy * y) + sum(dh_n * h_n) + sum(dc_n * c_n)."""
    rnn = cell(INPUTS, HIDDEN, layers, batch_first=True, bidirectional=bidirectional)
    for weight in rnn.parameters():
        nn.init.normal_(weight, std=0.5)
    directions = 2 if bidirectional else 1
    state = (layers * directions, BATCH, HIDDEN)
    x = torch.randn(BATCH, STEPS, INPUTS, requires_grad=True)
    initial = {name: torch.randn(state, requires_grad=True) for name in states(cell, "{}0")}

    sequence = x if lengths is None else pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, final = rnn(sequence, tuple(initial.values()) if cell is nn.LSTM else initial["h0"])
    if lengths is not None:
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=STEPS)
    outputs = {"y": y} | dict(zip(states(cell, "{}_n"), final if cell is nn.LSTM else [final]))
    cotangents = {f"d{name}": torch.randn_like(output) for name, output in outputs.items()}
    sum((cotangents[f"d{name}"] * output).sum() for name, output in outputs.items()).backward()

    inputs = dict(rnn.named_parameters()) | initial | {"x": x}
    tensors = inputs | outputs | cotangents | {f"grad.{name}": tensor.grad for name, tensor in inputs.items()}
    return tensors if lengths is None else tensors | {"lengths": torch.tensor(lengths)}


def conv():
    """Conv1d, ReLU, max-pool of an odd number of steps: the output and every gradient of sum(dy * y)."""
    layer = nn.Conv1d(INPUTS, 5, 3)
    x = torch.randn(BATCH, 9, INPUTS, requires_grad=True)
    y = block(layer, x)
    dy = torch.randn_like(y)
    (dy * y).sum().backward()
    inputs = dict(layer.named_parameters()) | {"x": x}
    return inputs | {"y": y, "dy": dy} | {f"grad.{name}": tensor.grad for name, tensor in inputs.items()}


def block(layer, x):
    """(B, T, C) to (B, T', F)."""
    return nn.functional.max_pool1d(layer(x.transpose(1, 2)).relu(), 2).transpose(1, 2)


def states(cell, pattern):
    return [pattern.format(letter) for letter in ("hc" if cell is nn.LSTM else "h")]


def present(lengths, steps):
    """(T, B, 1): 1 at the steps that a row has."""
    return (torch.arange(steps)[:, None] < lengths[None, :]).double()[:, :, None]


def pool():
    """The mean over the steps of each row, one of which is absent."""
    lengths = torch.tensor([STEPS, 0, 2])
    x = torch.randn(STEPS, BATCH, INPUTS, requires_grad=True)
    d_out = torch.randn(BATCH, INPUTS)
    out = (x * present(lengths, STEPS)).sum(0) / lengths.clamp(min=1)[:, None]
    (out * d_out).sum().backward()
    return {"from": x, "lengths": lengths, "d_out": d_out, "out": out, "d_from": x.grad}


def attention():
    """The mean weighted by a softmax over time of an nn.Linear's scores; one row is absent."""
    lengths = torch.tensor([STEPS, 0, 2])
    x = torch.randn(STEPS, BATCH, INPUTS, requires_grad=True)
    d_out = torch.randn(BATCH, INPUTS)
    score = nn.Linear(INPUTS, 1, bias=False)
    scores = score(x).masked_fill(present(lengths, STEPS) == 0, -torch.inf)[:, lengths > 0]
    scores.retain_grad()
    weights = torch.softmax(scores, 0)
    out = (weights * x[:, lengths > 0]).sum(0)
    (out * d_out[lengths > 0]).sum().backward()
    full, d_scores, pooled = torch.zeros(STEPS, BATCH), torch.zeros(STEPS, BATCH), torch.zeros(BATCH, INPUTS)
    full[:, lengths > 0] = weights.detach()[:, :, 0]
    d_scores[:, lengths > 0] = scores.grad[:, :, 0]
    pooled[lengths > 0] = out.detach()
    return {"weights": score.weight, "x": x, "lengths": lengths, "d_out": d_out, "attention": full, "out": pooled,
            "d_scores": d_scores, "dx": x.grad, "d_weights": score.weight.grad}


def loss():
    """Mean cross-entropy in four variants, each with its gradient by the logits."""
    logits, labels = torch.randn(6, 3) * 2, torch.tensor([0, 2, 1, 1, 2, 0])
    weights = torch.tensor([0.5, 1.0, 2.5])
    tensors = {"logits": logits, "labels": labels, "weights": weights}
    variants = {"plain": {}, "weighted": {"weight": weights}, "smoothed": {"label_smoothing": 0.1}}
    variants["weighted_smoothed"] = variants["weighted"] | variants["smoothed"]
    for name, options in variants.items():
        z = logits.clone().requires_grad_()
        value = nn.functional.cross_entropy(z, labels, **options)
        value.backward()
        tensors |= {f"{name}.loss": value, f"{name}.grad.logits": z.grad}
    return tensors


def optimizer(kind):
    """Five steps on given gradients, clipped to a global norm of 1; the norms are those before clipping."""
    parameters = {"a": nn.Parameter(torch.randn(4)), "b": nn.Parameter(torch.randn(3))}
    tensors = {f"initial.{name}": p.detach().clone() for name, p in parameters.items()}
    step = kind(parameters.values(), lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    history = {"norms": []} | {f"{what}.{name}": [] for what in ("grad", "params") for name in parameters}
    for scale in [2.0, 0.1, 1.0, 0.2, 5.0]:
        for name, p in parameters.items():
            p.grad = torch.randn_like(p) * scale
            history[f"grad.{name}"].append(p.grad.clone())
        history["norms"].append(clip_grad_norm_(parameters.values(), 1.0))
        step.step()
        for name, p in parameters.items():
            history[f"params.{name}"].append(p.detach().clone())
    assert min(history["norms"]) < 1 < max(history["norms"]), "both sides of the clipping threshold must occur"
    return tensors | {name: torch.stack(values) for name, values in history.items()}


def curve(model, forward, steps=7):
    """Ten full-batch steps of AdamW with clipping: the losses before each step and the weights after the last. The
    input and the first weights are numbers that float32 holds, as they are wherever a model starts."""
    model = nn.ModuleDict(model)
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.5)
        weight.data = weight.data.float().double()
    initial = {name: p.detach().clone() for name, p in model.named_parameters()}
    x, labels = torch.randn(8, steps, INPUTS).float().double(), torch.arange(8) % 3
    step = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(10):
        step.zero_grad()
        value = nn.functional.cross_entropy(forward(model, x), labels)
        value.backward()
        clip_grad_norm_(model.parameters(), 1.0)
        step.step()
        losses.append(value.detach())
    final = {f"final.{name}": p for name, p in model.named_parameters()}
    return initial | final | {"x": x, "labels": labels, "losses": torch.stack(losses)}


def curve_mean():
    model = {"rnn": nn.LSTM(INPUTS, 5, batch_first=True, bidirectional=True), "head": nn.Linear(10, 3)}
    return curve(model, lambda m, x: m["head"](m["rnn"](x)[0].mean(1)))


def curve_last():
    model = {"rnn": nn.GRU(INPUTS, 5, 2, batch_first=True), "dense": nn.Linear(5, 6), "head": nn.Linear(6, 3)}
    return curve(model, lambda m, x: m["head"](m["dense"](m["rnn"](x)[1][-1]).relu()))


def curve_attention():
    rnn, score = nn.GRU(INPUTS, 5, batch_first=True, bidirectional=True), nn.Linear(10, 1, bias=False)
    model = {"rnn": rnn, "attention": score, "dense": nn.Linear(10, 6), "head": nn.Linear(6, 3)}

    def forward(m, x):
        y = m["rnn"](x)[0]
        return m["head"](m["dense"]((torch.softmax(m["attention"](y), 1) * y).sum(1)).relu())

    return curve(model, forward)


def curve_conv():
    blocks = nn.ModuleList([nn.Conv1d(INPUTS, 6, 3), nn.Conv1d(6, 5, 2)])
    rnn = nn.LSTM(5, 5, batch_first=True, bidirectional=True)
    model = {"conv": blocks, "rnn": rnn, "dense": nn.Linear(10, 6), "head": nn.Linear(6, 3)}

    def forward(m, x):
        for layer in m["conv"]:
            x = block(layer, x)
        return m["head"](m["dense"](m["rnn"](x)[1][0].transpose(0, 1).flatten(1)).relu())

    return curve(model, forward, 16)


def npz():
    """The same four windows (4,3,2) in several of numpy's ways; element i is i / 8."""
    folder = TESTS / "fixtures" / "npz"
    (folder / "folder").mkdir(parents=True, exist_ok=True)
    x = np.arange(24).reshape(4, 3, 2) / 8
    integers = {"labels": np.array([7, -1, 7, 7]), "groups": np.array([10, 2, 10, 2]), "trials": np.array([5, 0, 5, 1])}
    scalars = {"rate": np.float64(128.1), "channels": np.array(["Fp1", "GSR"])}
    np.savez(folder / "integers.npz", windows=x.astype("f4"), **integers, **scalars)
    texts = {"y": np.array(["low", "høj", "low", "low"]), "groups": np.array([b"s02", b"s10", b"s02", b"s10"])}
    np.savez_compressed(folder / "texts.npz", X=np.asfortranarray(x.astype(">f8")), **texts)
    np.savez(folder / "objects.npz", windows=x, labels=texts["y"].astype(object))
    np.save(folder / "folder" / "windows.npy", x)
    np.save(folder / "folder" / "labels.npy", integers["labels"].astype(">i2"))


CASES = {}
for cell in (nn.LSTM, nn.GRU):
    for prefix, both in (("", False), ("bi", True)):
        name = prefix + cell.__name__.lower()
        CASES[name] = lambda c=cell, b=both: recurrent(c, 1, b)
        CASES[name + "2"] = lambda c=cell, b=both: recurrent(c, 2, b)
        CASES[name + "_lengths"] = lambda c=cell, b=both: recurrent(c, 1, b, LENGTHS)
CASES |= {"conv": conv, "pool": pool, "attention": attention, "loss": loss}
CASES |= {"adam": lambda: optimizer(torch.optim.Adam), "adamw": lambda: optimizer(torch.optim.AdamW)}
CASES |= {"curve": curve_mean, "curve_last": curve_last, "curve_conv": curve_conv, "curve_attention": curve_attention}


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    names = sys.argv[1:] or [*CASES, "npz"]
    if unknown := set(names) - set(CASES) - {"npz"}:
        sys.exit(f"no case named {', '.join(sorted(unknown))}; there are: {', '.join(CASES)}, npz")
    if "npz" in names:
        npz()
    for name in [name for name in CASES if name in names]:
        torch.manual_seed(zlib.crc32(name.encode()))
        tensors = {key: value.detach().contiguous() for key, value in CASES[name]().items()}
        # One key only: more would be written in an order that changes from run to run.
        save_file(tensors, file(name), {"torch": torch.__version__})
    (GOLDEN / "README.md").write_text(README)


def file(name):
    return GOLDEN / f"{name}.safetensors"


if __name__ == "__main__":
    main()
