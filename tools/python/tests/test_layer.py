"""One layer beside PyTorch in f64, in an interpreter of its own: the wheel's environment has none."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from conftest import DEVICES

import fused_rnn as fr

# tools/python/test sets this to an interpreter with PyTorch, or to nothing where there is none.
TORCH = os.environ.get("FUSED_RNN_TORCH", "")

PROGRAM = """
import sys, numpy as np, torch
given = np.load(sys.argv[1])
cell, dirs = str(given["cell"]), int(given["dirs"])
n, T, D = given["x"].shape
H = given["weight_hh_l0"].shape[1]
make = torch.nn.LSTM if cell == "lstm" else torch.nn.GRU
rnn = make(D, H, batch_first=True, bidirectional=dirs == 2).double()
rnn.load_state_dict({k: torch.tensor(given[k]).double() for k in rnn.state_dict()})
x = torch.tensor(given["x"]).double().requires_grad_()
initial = torch.tensor(given["initial"]).double().requires_grad_()
state = (initial[0], initial[1]) if cell == "lstm" else initial[0]
packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(given["lengths"]), batch_first=True, enforce_sorted=False)
y, last = rnn(packed, state)
y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=T)
last = torch.stack(last) if cell == "lstm" else last[None]
((y * torch.tensor(given["dy"])).sum() + (last * torch.tensor(given["d_last"])).sum()).backward()
out = {"y": y, "last": last, "dx": x.grad, "d_initial": initial.grad}
out |= {"d_" + name: p.grad for name, p in rnn.named_parameters()}
np.savez(sys.argv[2], **{k: v.detach().numpy() for k, v in out.items()})
"""


def case(cell, dirs, seed=0):
    rng = np.random.default_rng(seed)
    n, T, D, H = 5, 9, 4, 6
    rows, states = (4 if cell == "lstm" else 3) * H, 2 if cell == "lstm" else 1
    shapes = {"weight_ih_l0": (rows, D), "weight_hh_l0": (rows, H), "bias_ih_l0": (rows,), "bias_hh_l0": (rows,)}
    weights = {
        name + suffix: rng.normal(0, 0.3, shape).astype("f4")
        for suffix in ("", "_reverse")[:dirs]
        for name, shape in shapes.items()
    }
    state = (states, dirs, n, H)
    given = {
        "x": rng.normal(size=(n, T, D)).astype("f4"),
        "lengths": np.array([9, 3, 1, 7, 9]),
        "initial": rng.normal(size=state).astype("f4"),
        "dy": rng.normal(size=(n, T, dirs * H)).astype("f4"),
        "d_last": rng.normal(size=state).astype("f4"),
    }
    return given, weights


@pytest.mark.skipif(not TORCH, reason="FUSED_RNN_TORCH names no interpreter with PyTorch")
@pytest.mark.parametrize("dirs", [1, 2])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_forward_and_backward_are_pytorch_s(tmp_path, cell, dirs):
    given, weights = case(cell, dirs)
    np.savez(tmp_path / "given.npz", cell=cell, dirs=dirs, **given, **weights)
    subprocess.run([TORCH, "-c", PROGRAM, tmp_path / "given.npz", tmp_path / "out.npz"], check=True)
    expected = np.load(tmp_path / "out.npz")
    for device in DEVICES:
        found = fr.layer(given["x"], weights, cell=cell, device=device, **rest(given))
        own = {"y": found.y, "last": found.last, "dx": found.dx, "d_initial": found.d_initial}
        own |= {f"d_{name}".replace("_reverse", "_l0_reverse") if "_reverse" in name else f"d_{name}_l0": gradient
                for name, gradient in found.d_weights.items()}
        assert set(own) == set(expected.files)
        for name, values in own.items():
            assert np.abs(values - expected[name]).max() < 2e-5, (device, name)


def rest(given):
    return {name: value for name, value in given.items() if name != "x"}


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients_are_finite_differences(cell):
    given, weights = case(cell, 2)
    found = fr.layer(given["x"], weights, cell=cell, **rest(given))

    def loss(**changed):
        forward = {**rest(given), **changed}
        dy, d_last = forward.pop("dy"), forward.pop("d_last")
        out = fr.layer(forward.pop("x", given["x"]), forward.pop("weights", weights), cell=cell, **forward)
        return (out.y * dy).sum(dtype="f8") + (out.last * d_last).sum(dtype="f8")

    step = 1e-2

    def slope(values, change):
        place = (0,) * values.ndim
        moved = [values.copy(), values.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        return (change(moved[0]) - change(moved[1])) / (2 * step)

    w = slope(weights["weight_hh_l0_reverse"], lambda v: loss(weights={**weights, "weight_hh_l0_reverse": v}))
    assert abs(w - found.d_weights["weight_hh_reverse"][0, 0]) < 1e-2
    x = slope(given["x"], lambda v: loss(x=v))
    assert abs(x - found.dx[0, 0, 0]) < 1e-2
    h = slope(given["initial"], lambda v: loss(initial=v))
    assert abs(h - found.d_initial[0, 0, 0, 0]) < 1e-2


def test_without_a_gradient_there_is_only_the_forward_pass():
    given, weights = case("gru", 1)
    forward = fr.layer(given["x"], weights, cell="gru")
    assert forward.dx is None and forward.d_weights is None and forward.y.shape == (5, 9, 6)
    one_bias = {name: value for name, value in weights.items() if "bias_hh" not in name}
    assert fr.layer(given["x"], one_bias, cell="gru").y.shape == (5, 9, 6)
    short = fr.layer(given["x"], weights, cell="gru", lengths=[9, 3, 1, 7, 0])
    assert (short.y[1, 3:] == 0).all() and (short.y[4] == 0).all()


def test_wrong_shapes_are_refused():
    given, weights = case("lstm", 1)
    with pytest.raises(fr.DataError, match=r"weight_ih has the shape \(24, 4\), expected \(24, 3\)"):
        fr.layer(given["x"][:, :, :3], weights)
    with pytest.raises(fr.DataError, match="weights lack bias_ih"):
        fr.layer(given["x"], {k: v for k, v in weights.items() if "bias" not in k})
    with pytest.raises(fr.DataError, match="expected lstm or gru"):
        fr.layer(given["x"], weights, cell="rnn")
    with pytest.raises(fr.DataError, match="lengths are"):
        fr.layer(given["x"], weights, lengths=[10, 1, 1, 1, 1])
    with pytest.raises(fr.DataError, match=r"dy has the shape"):
        fr.layer(given["x"], weights, dy=given["dy"][:, :, :1])


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_gives_the_same(device):
    for cell in ("lstm", "gru"):
        given, weights = case(cell, 2)
        expected = fr.layer(given["x"], weights, cell=cell, **rest(given))
        found = fr.layer(given["x"], weights, cell=cell, device=device, **rest(given))
        for name in ("y", "last", "dx", "d_initial"):
            assert np.abs(getattr(found, name) - getattr(expected, name)).max() < 2e-5, name
        for name, gradient in found.d_weights.items():
            assert np.abs(gradient - expected.d_weights[name]).max() < 2e-5, name


def test_a_device_in_halves_is_near_and_the_others_refuse():
    given, weights = case("gru", 2)
    expected = fr.layer(given["x"], weights, cell="gru", **rest(given))
    for device in DEVICES:
        call = lambda: fr.layer(given["x"], weights, cell="gru", device=device, precision="f16", **rest(given))
        if device != "wgpu":
            with pytest.raises(fr.BackendError, match=f"the backend `{device}` has no"):
                call()
            continue
        found = call()
        for name, value in [("y", found.y), ("dx", found.dx), *found.d_weights.items()]:
            truth = getattr(expected, name) if name in ("y", "dx") else expected.d_weights[name]
            assert 1e-6 < np.abs(value - truth).max() < 0.01 * np.abs(truth).max(), name


def golden(name):
    """Recorded answers of PyTorch in f64, see tests/golden/README.md."""
    content = (Path(__file__).parents[3] / "tests/golden" / f"{name}.safetensors").read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    kinds = {"F64": "<f8", "I64": "<i8"}

    def tensor(entry):
        begin, end = entry["data_offsets"]
        return np.frombuffer(content[start + begin : start + end], kinds[entry["dtype"]]).reshape(entry["shape"])

    return {key: tensor(entry) for key, entry in header.items()}


@pytest.mark.parametrize("lengths", ["", "_lengths"])
@pytest.mark.parametrize("cell", ["lstm", "bilstm", "gru", "bigru"])
def test_recorded_answers_of_pytorch(cell, lengths):
    record = golden(cell + lengths)
    names = [name for name in record if name.startswith(("weight_", "bias_"))]
    states = ["h", "c"] if "c_n" in record else ["h"]
    rows = {"lengths": record["lengths"]} if lengths else {}
    found = fr.layer(
        record["x"].astype("f4"),
        {name: record[name].astype("f4") for name in names},
        cell=cell.removeprefix("bi"),
        initial=np.stack([record[f"{state}0"] for state in states]).astype("f4"),
        dy=record["dy"].astype("f4"),
        d_last=np.stack([record[f"d{state}_n"] for state in states]).astype("f4"),
        **rows,
    )
    own = {"y": found.y, "last": found.last, "grad.x": found.dx, "grad.initial": found.d_initial}
    expected = {
        "y": record["y"],
        "last": np.stack([record[f"{state}_n"] for state in states]),
        "grad.x": record["grad.x"],
        "grad.initial": np.stack([record[f"grad.{state}0"] for state in states]),
    }
    for name in names:
        own[name] = found.d_weights[name.replace("_l0", "")]
        expected[name] = record[f"grad.{name}"]
    for name, values in own.items():
        assert np.abs(values - expected[name]).max() < 1e-5, name


def test_what_is_no_layer_is_refused():
    weights = {"weight_ih": np.zeros((16, 3)), "weight_hh": np.zeros((16, 4)), "bias_ih": np.zeros(16)}
    x = np.zeros((2, 5, 3), np.float32)
    for message, changed in [
        ("at least one row, step and input", {"x": x[:0]}),
        ("at least one row, step and input", {"x": x[:, :0]}),
        ("expected real numbers", {"x": x + 1j}),
        ("integers of 0 to 5", {"lengths": [4.7, 1]}),
        ("unknown setting 'hidden'", {"hidden": 99}),
        ("no units", {"weights": {**weights, "weight_hh": np.zeros((0, 0))}}),
    ]:
        with pytest.raises((fr.DataError, fr.ConfigError), match=message):
            fr.layer(**{"x": x, "weights": weights, **changed})
