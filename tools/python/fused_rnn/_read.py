"""Recordings as arrays."""

import os
import tempfile
from pathlib import Path

import numpy as np

from . import _engine, _settings
from ._errors import DataError
from ._progress import Reporter


class Recordings:
    """Windows of recordings, and all that is known of them. What the files do not say is None.
    ``crossval(**recordings)`` takes all of it that concerns a training.

    X          (n, T, D) frames, NaN after the end of a shorter window
    y          (n,) classes, by name
    classes    (K,) the classes in their order
    ratings    (n, 2 to 4) valence, arousal, dominance, liking;  rating_scale  (2,) lowest and highest
    groups     (n,) person;  trials  (n,) trial;  stimuli  (n,) stimulus;  parts  (n,) "train" or "test"
    lengths    (n,) time steps of each window, where they differ
    rate       frames per second
    channels   (D,) names of the features;  modalities  (D,) their kinds of signal"""

    def __init__(self, arrays):
        # The file may have more digits than the networks see.
        self.X = arrays["windows"].astype(np.float32, copy=False)
        self.y = arrays.get("labels")
        for name in ("classes", "ratings", "rating_scale", "groups", "trials", "stimuli", "parts", "lengths"):
            setattr(self, name, arrays.get(name))
        self.rate = float(arrays["rate"]) if "rate" in arrays else None
        self.channels = arrays["channels"]
        self.modalities = arrays["modalities"]

    def keys(self):
        """The arguments of `crossval` that these recordings have."""
        names = ("X", "y", "groups", "trials", "stimuli", "parts", "classes", "channels", "rate")
        return [name for name in names if getattr(self, name) is not None]

    def __getitem__(self, name):
        if name not in self.keys():
            raise KeyError(name)
        return getattr(self, name)

    def __repr__(self):
        people = "unknown" if self.groups is None else len(np.unique(self.groups))
        return f"<Recordings: X {self.X.shape} (windows, time steps, features), people {people}>"


def read(path, *, progress=None, **settings):
    """Reads recordings of any format that ``engine data formats`` lists, cut into windows as a run would.

    settings  keys of the program's configuration file: frame_kind="raw", channels="eeg,gsr", window=4.0,
              label="arousal", bands=["delta=1-4", "theta=4-8"], threads=2 ..."""
    with tempfile.TemporaryDirectory(prefix="fused-rnn-") as folder:
        out = Path(folder) / "arrays.npz"
        text = _settings.to_toml(settings, _settings.READING, data={"path": os.fspath(path)})
        _engine.read(text, out, Reporter(progress))
        with np.load(out) as arrays:
            return Recordings(dict(arrays))


def read_deap(path, **settings):
    """Reads a folder of DEAP's ``s01.dat`` ..., or one of these files; settings as for `read`. The files are
    pickles, and nothing in them is executed."""
    path = Path(os.fspath(path))
    if not (any(path.glob("s*.dat")) if path.is_dir() else path.suffix == ".dat"):
        raise DataError(f"{path} is no DEAP recording, expected a folder of s01.dat, s02.dat ..., or such a file")
    return read(path, **settings)


def demo(subjects=4, seed=None, **settings):
    """Generated recordings in the format of DEAP, of so many people; settings as for `read`. ``seed`` None: that
    of the program."""
    return read("demo:", demo_subjects=subjects, demo_seed=seed, **settings)
