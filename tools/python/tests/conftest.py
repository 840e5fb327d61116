"""Small data that a network can learn."""

import os

import numpy as np
import pytest

import fused_rnn as fr

# The CPU, and the GPUs that tools/python/test says there are.
DEVICES = ["cpu", *filter(None, os.environ.get("FUSED_RNN_DEVICES", "").split(","))]

# A network that trains in a moment.
SMALL = {"hidden": 6, "epochs": 4, "batch": 16}


@pytest.fixture(scope="session")
def study():
    """6 people with 8 trials each, 2 windows a trial: 20 steps of 3 channels. The class is a frequency."""
    rng = np.random.default_rng(1)
    n = np.arange(96)
    fast = n // 2 % 2
    t = np.arange(20)
    wave = np.sin(t * (1 + fast[:, None]) / 2 + n[:, None])
    X = (wave[:, :, None] + rng.normal(0, 0.5, (96, 20, 3))).astype(np.float32)
    return {
        "X": X,
        "y": np.where(fast == 1, "fast", "slow"),
        "groups": np.array([f"p{person}" for person in n // 16]),
        "trials": n // 2 % 8,
        "stimuli": n // 2 % 8,
    }


@pytest.fixture
def arrays(study):
    """The same without stimuli, for `crossval`."""
    return {key: study[key] for key in ("X", "y", "groups", "trials")}


@pytest.fixture(autouse=True)
def _no_leak_goes_unseen(recwarn):
    """Warnings of leaks that a test does not expect fail it."""
    yield
    leaks = [str(w.message) for w in recwarn if issubclass(w.category, fr.LeakWarning)]
    assert not leaks
