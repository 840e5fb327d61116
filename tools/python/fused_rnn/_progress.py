"""Progress and warnings of long work."""

import sys
import warnings

from ._errors import ConfigError, LeakWarning


class Reporter:
    """Hands progress to ``progress``: None, ``"tqdm"``, or a function of (done, total, what, note)."""

    def __init__(self, progress=None, cautions=True):
        if progress not in (None, "tqdm") and not callable(progress):
            raise ConfigError(f'`progress` is {progress!r}, expected None, "tqdm" or a function')
        self.progress = progress
        self.cautions = cautions
        self.what, self.total, self.done, self.bar = "", 0, 0, None

    def start(self, what, total, unit):
        self.what, self.total, self.done = what, total, 0
        if self.progress == "tqdm":
            from tqdm.auto import tqdm

            self.bar = tqdm(total=total, desc=what, unit=unit.rstrip("s"))

    def advance(self, done, note):
        self.done += done
        if self.bar is not None:
            self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(done)
        elif callable(self.progress):
            self.progress(self.done, self.total, self.what, note)

    def finish(self):
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def warn(self, text):
        warnings.warn(text, UserWarning, stacklevel=_level())

    def caution(self, text):
        if self.cautions:
            warnings.warn(text, LeakWarning, stacklevel=_level())


def _level():
    """Of the caller of this package, whose line a warning is about."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    return level
