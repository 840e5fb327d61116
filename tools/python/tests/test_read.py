"""Recordings as arrays."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fused_rnn as fr

ENGINE = Path(sys.executable).with_name("engine")


def test_generated_recordings_have_all_that_deap_has():
    data = fr.demo(subjects=2)
    n, steps, features = data.X.shape
    assert features == 128 and len(data.channels) == 128 and data.X.dtype == np.float32
    assert data.ratings.shape == (n, 4) and data.rating_scale.tolist() == [1, 9]
    assert len(np.unique(data.groups)) == 2 and len(data.y) == len(data.trials) == len(data.stimuli) == n
    assert set(data.y) == set(data.classes) and "people 2" in repr(data)
    high = data.ratings[:, 0] > 5
    assert len(set(data.y[high])) == len(set(data.y[~high])) == 1


def test_deap_files_are_read(tmp_path):
    command = [ENGINE, "data", "demo", "--out", "deap", "--subjects", "2", "--quiet"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    data = fr.read_deap(tmp_path / "deap", window=4.0, label="arousal", channels="eeg")
    one = fr.read_deap(tmp_path / "deap" / "s01.dat", window=4.0, label="arousal", channels="eeg")
    assert np.array_equal(data.X[: len(one.X)], one.X) and len(data.X) == 2 * len(one.X)
    raw = fr.read(tmp_path / "deap" / "s01.dat", frame_kind="raw", window=4.0, channels="all")
    assert raw.X.shape[1:] == (512, 40) and raw.rate == 128.0
    with pytest.raises(fr.DataError, match="no DEAP recording"):
        fr.read_deap(tmp_path)


def test_other_files_are_read(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    data = fr.read(tmp_path / "a.npz")
    order = np.argsort(arrays["groups"], kind="stable")
    assert np.array_equal(data.X, arrays["X"][order]) and data.ratings is None and data.rate is None
    with pytest.raises(fr.DataError, match="does not exist"):
        fr.read(tmp_path / "none.npz")
    with pytest.raises(fr.FileError) as caught:
        fr.load_run(tmp_path)
    assert isinstance(caught.value, OSError)
    with pytest.raises(fr.ConfigError, match="unknown setting 'windw'"):
        fr.read(tmp_path / "a.npz", windw=4)


def test_what_is_read_trains_as_the_program_does(tmp_path):
    data = fr.demo(subjects=2)
    settings = {"hidden": 4, "epochs": 1, "split_by": "trial", "folds": 3}
    run = fr.crossval(**data, **settings)
    with pytest.raises(KeyError):
        data["ratings"]
    options = ["--demo-subjects", "2", "--hidden", "4", "--epochs", "1", "--split", "trial", "--folds", "3"]
    command = [ENGINE, "crossval", *options, "--name", "run", "--quiet"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    theirs = fr.load_run(tmp_path / "runs" / "run")
    assert theirs.probabilities.tobytes() == run.probabilities.tobytes()
