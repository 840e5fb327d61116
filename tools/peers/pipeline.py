#!/usr/bin/env python3
"""The plain Python way through the whole job of tools/bench-job: pickle, SciPy's band power, PyTorch, one fold after another.

    pipeline.py RECORDINGS --epochs 2 --threads 2

Reads DEAP's files, takes band power of EEG (1 s frames every 0.5 s, Welch's method, logarithm, less the trial's baseline), cuts windows of
4 s, labels them by valence, and trains a GRU for each left-out subject. One line of JSON: seconds of each stage, and the accuracy.
Needs: pip install torch numpy scipy
"""
import argparse
import json
import pickle
import time
from pathlib import Path

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import welch
from torch import nn

RATE, EEG, BASELINE = 128, 32, 3  # Hz, channels, seconds
FRAME, STEP = 128, 64  # samples of a frame, and between the starts of two
WINDOW = 7  # frames of 4 s
BANDS = [(4, 8), (8, 14), (14, 31), (31, 45)]  # Hz


class Model(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.rnn = nn.GRU(inputs, hidden, batch_first=True)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(hidden, 2)

    def forward(self, x):
        return self.head(self.dropout(self.rnn(x)[1][-1]))


def log_power(signal):
    """(trials, channels, samples) -> (trials, frames, channels * bands)."""
    frames = sliding_window_view(signal, FRAME, axis=-1)[..., ::STEP, :]
    hz, density = welch(frames, fs=RATE, nperseg=FRAME, detrend="constant")
    power = np.stack([density[..., (hz >= low) & (hz < high)].sum(-1) for low, high in BANDS], axis=-1)
    return np.log(power).transpose(0, 2, 1, 3).reshape(len(signal), frames.shape[2], -1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    seconds, clock = {}, time.perf_counter()

    def stage(name):
        nonlocal clock
        now = time.perf_counter()
        seconds[name] = seconds.get(name, 0.0) + now - clock
        clock = now

    x, y, subjects = [], [], []
    for subject, path in enumerate(sorted(options.recordings.glob("s??.dat"))):
        with path.open("rb") as file:
            recording = pickle.load(file, encoding="latin1")
        stage("read")
        signal = recording["data"][:, :EEG]
        before, during = signal[..., : BASELINE * RATE], signal[..., BASELINE * RATE:]
        frames = (log_power(during) - log_power(before).mean(1, keepdims=True)).astype(np.float32)
        windows = (frames.shape[1] + 1) // (WINDOW + 1)
        for trial, high in zip(frames, recording["labels"][:, 0] > 5):
            for start in range(windows):
                x.append(trial[start * (WINDOW + 1):][:WINDOW])
                y.append(int(high))
                subjects.append(subject)
        stage("features")
    x, y, subjects = np.stack(x), np.array(y), np.array(subjects)
    correct = 0
    for subject in np.unique(subjects):
        train, test = subjects != subject, subjects == subject
        mean, sd = x[train].mean((0, 1)), x[train].std((0, 1))
        inputs, labels = torch.from_numpy((x[train] - mean) / sd), torch.from_numpy(y[train])
        model = Model(x.shape[2], options.hidden)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        for _ in range(options.epochs):
            for batch in torch.randperm(len(inputs)).split(options.batch):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(inputs[batch]), labels[batch]).backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
        stage("train")
        model.eval()
        with torch.inference_mode():
            predicted = model(torch.from_numpy((x[test] - mean) / sd)).argmax(1).numpy()
        correct += int((predicted == y[test]).sum())
        stage("score")
    print(json.dumps({
        "windows": len(x), "features": x.shape[2], "folds": len(np.unique(subjects)),
        "accuracy": round(correct / len(x), 4),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
    }))


if __name__ == "__main__":
    main()
