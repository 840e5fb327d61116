#!/usr/bin/env python3
"""Trains the small reference model in PyTorch: the other side of docs/real-data.md.

    tools/train-torch.py --data data/FingerMovements_TRAIN.ts --test data/FingerMovements_TEST.ts
    tools/train-torch.py --data data/watch.npz --split subject --seeds 2 --epochs 15

One recurrent layer (64 units), a linear layer on its last state (both directions' for BiLSTM), cross-entropy, Adam at
1e-3, batches reshuffled each epoch, a fixed number of epochs, features standardized on the training part. No early
stopping, clipping, dropout or augmentation. One line of JSON per cell on stdout: accuracies over seeds (and folds).

Needs: pip install torch numpy
"""
import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

CELLS = {"lstm": (nn.LSTM, False), "gru": (nn.GRU, False), "bilstm": (nn.LSTM, True), "bigru": (nn.GRU, True)}


class Model(nn.Module):
    def __init__(self, cell, inputs, hidden, classes):
        super().__init__()
        kind, bidirectional = CELLS[cell]
        self.rnn = kind(inputs, hidden, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Linear(hidden * (2 if bidirectional else 1), classes)

    def forward(self, x, lengths):
        if lengths.min() < x.shape[1]:
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, state = self.rnn(x)
        h_n = state[0] if isinstance(state, tuple) else state
        return self.head(torch.cat(list(h_n), dim=1))


def read_ts(path):
    """Series, each (steps, channels), and their classes by name."""
    lines = (line.strip() for line in Path(path).read_text(errors="replace").splitlines())
    lines = iter([line for line in lines if line and not line.startswith("#")])
    while next(lines).lower() != "@data":
        pass
    cases = [line.split(":") for line in lines]
    series = [np.array([channel.split(",") for channel in case[:-1]], dtype=np.float32).T for case in cases]
    return series, np.array([case[-1] for case in cases])


def tensors(series, labels, names, mean, sd):
    """Padded to (cases, steps, channels), with lengths and class indices."""
    lengths = torch.tensor([len(x) for x in series])
    padded = torch.zeros(len(series), int(lengths.max()), series[0].shape[1])
    for row, x in zip(padded, series):
        row[: len(x)] = torch.from_numpy((x - mean) / sd)
    return padded, lengths, torch.from_numpy(np.searchsorted(names, labels))


def accuracy(cell, train, test, seed, options):
    """The test accuracy after training on (series, labels), and the seconds that an epoch took."""
    names = np.unique(np.concatenate([train[1], test[1]]))
    frames = np.concatenate(list(train[0]))
    statistics = frames.mean(0), frames.std(0)
    x, lengths, y = tensors(*train, names, *statistics)
    torch.manual_seed(seed)
    model = Model(cell, x.shape[2], options.hidden, len(names))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    start = time.perf_counter()
    for _ in range(options.epochs):
        for batch in torch.randperm(len(x)).split(options.batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[batch], lengths[batch]), y[batch]).backward()
            optimizer.step()
    seconds = (time.perf_counter() - start) / options.epochs
    x, lengths, y = tensors(*test, names, *statistics)
    with torch.inference_mode():
        return (model(x, lengths).argmax(1) == y).double().mean().item(), seconds


def splits(options, seed):
    """Pairs of (series, labels) for training and for test: the archive's own, or k folds drawn by the seed."""
    if options.test:
        return [(read_ts(options.data), read_ts(options.test))]
    with np.load(options.data) as archive:
        x, y, subjects = archive["windows"], archive["labels"], archive["groups"]
    units = subjects if options.split == "subject" else np.arange(len(x))
    shuffled = np.random.default_rng(seed).permutation(np.unique(units))
    folds = [np.isin(units, part) for part in np.array_split(shuffled, options.folds)]
    return [((x[~fold], y[~fold]), (x[fold], y[fold])) for fold in folds]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a .ts file, or an .npz with windows, labels and groups")
    parser.add_argument("--test", help="the .ts file of the test part")
    parser.add_argument("--split", choices=["window", "subject"], help="what the folds of an .npz are made of")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--cells", default="lstm,gru,bilstm", help=f"some of {', '.join(CELLS)}")
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if bool(options.test) == bool(options.split):
        parser.error("give --test with a .ts file, or --split with an .npz")
    if options.test:
        del options.folds
    torch.set_num_threads(options.threads)
    for cell in options.cells.split(","):
        runs = [
            accuracy(cell, train, test, seed, options)
            for seed in range(options.seeds)
            for train, test in splits(options, seed)
        ]
        accuracies, seconds = np.array(runs).T
        settings = {key: value for key, value in vars(options).items() if key != "cells" and value is not None}
        print(json.dumps({
            "torch": torch.__version__, "cell": cell, **settings,
            "accuracy_mean": round(accuracies.mean(), 4),
            "accuracy_sd": round(accuracies.std(ddof=1), 4) if len(runs) > 1 else None,
            "accuracies": accuracies.round(4).tolist(),
            "seconds_per_epoch": round(float(np.median(seconds)), 3),
        }), flush=True)


if __name__ == "__main__":
    main()
