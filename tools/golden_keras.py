#!/usr/bin/env python3
"""Makes tests/golden/keras.json: the training loss of the study's four networks in Keras, from weights that anybody can compute.

    python3 -m venv .venv-keras && .venv-keras/bin/pip install tensorflow-cpu
    .venv-keras/bin/python tools/golden_keras.py

Eight full-batch steps on eight windows, without dropout, in float64. Number i (from 0, row-major, in PyTorch's shape and order) of
parameter k (from 0, as `engine summary` and the checkpoints list them) is

    float32((2 u - 1) / sqrt(fan)),   u = hash(i, k) / 2^32

with fan the length of a row of the parameter, or of the whole of a bias, and hash below. The windows are parameter 1000 with fan 1,
(8, 256, 37); window n is of class n % 4. tests/keras.rs computes the same and compares.
"""
import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "keras.json"
WINDOWS, UPDATES, INPUT = 8, 8, 1000


def hash32(i, k):
    """Multiplications and shifts of 32 bits, as any language has them."""
    mask = np.uint64(0xFFFF_FFFF)
    u = ((i + np.uint64(1)) * np.uint64(2_654_435_761) + np.uint64(k + 1) * np.uint64(2_246_822_519)) & mask
    u ^= u >> np.uint64(15)
    u = u * np.uint64(2_246_822_519) & mask
    return u ^ (u >> np.uint64(13))


def numbers(shape, k, fan):
    u = hash32(np.arange(np.prod(shape), dtype=np.uint64), k).astype(np.float64) / 2.0**32
    return ((2.0 * u - 1.0) / np.sqrt(float(fan))).astype(np.float32).astype(np.float64).reshape(shape)


class Parameters:
    """In the order of the checkpoints."""

    def __init__(self):
        self.count = 0

    def next(self, *shape):
        self.count += 1
        fan = np.prod(shape[1:]) if len(shape) > 1 else shape[0]
        return numbers(shape, self.count - 1, fan)


def keras_gates(weights, cell):
    """PyTorch's rows i f g o are Keras' too; its r z n are Keras' z r h."""
    if cell == "lstm":
        return weights
    r, z, n = np.split(weights, 3)
    return np.concatenate([z, r, n])


def recurrent(parameters, cell, inputs, units):
    """Kernel, recurrent kernel and bias of one direction."""
    rows = (4 if cell == "lstm" else 3) * units
    kernel, state = (keras_gates(parameters.next(rows, columns), cell).T for columns in (inputs, units))
    biases = [keras_gates(parameters.next(rows), cell) for _ in range(1 if cell == "lstm" else 2)]
    return [kernel, state, biases[0] if cell == "lstm" else np.stack(biases)]


def weights(network, steps, channels, classes, kernel):
    """In the order of Keras' model."""
    parameters, result, inputs = Parameters(), [], channels
    for filters in network.filters:
        result.append(parameters.next(filters, inputs, kernel).transpose(2, 1, 0))
        result.append(parameters.next(filters))
        inputs = filters
    for cell, units in network.recurrent:
        both = cell.startswith("bi")
        for _ in range(2 if both else 1):
            result += recurrent(parameters, cell.removeprefix("bi"), inputs, units)
        inputs = units * (2 if both else 1)
    for outputs in (network.dense, classes):
        result.append(parameters.next(outputs, inputs).T)
        result.append(parameters.next(outputs))
        inputs = outputs
    return result


def main():
    spec = importlib.util.spec_from_file_location("train_keras", ROOT / "tools" / "train-keras.py")
    study = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(study)
    x = numbers((WINDOWS, study.STEPS, study.CHANNELS), INPUT, 1)
    y = np.arange(WINDOWS) % study.CLASSES
    golden = {}
    for name, network in study.NETWORKS.items():
        options = SimpleNamespace(device="cpu", threads=2, jit="off")
        import keras

        keras.backend.set_floatx("float64")
        library = study.Keras(network._replace(dropout=0.0), options)
        library.model.set_weights(weights(network, study.STEPS, study.CHANNELS, study.CLASSES, study.KERNEL))
        optimizer = keras.optimizers.Adam(study.RATE, epsilon=study.EPSILON)
        library.model.compile(optimizer, "sparse_categorical_crossentropy")
        # The loss of an epoch is that before its one step.
        history = library.model.fit(x, y, batch_size=WINDOWS, epochs=UPDATES, shuffle=False, verbose=0)
        golden[name] = history.history["loss"]
        print(name, golden[name], file=sys.stderr)
    head = {"made_by": "tools/golden_keras.py", "version": library.version}
    GOLDEN.write_text(json.dumps(head | {"losses": golden}, indent=1) + "\n")


if __name__ == "__main__":
    main()
