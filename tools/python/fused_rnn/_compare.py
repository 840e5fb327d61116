"""Comparisons of runs."""

import json

from . import _engine
from ._page import Page, table
from ._run import Run


class Comparison:
    """Two or more runs of the same test trials, and every pair of them."""

    def __init__(self, text, words, page):
        #: Everything, as a dict.
        self.summary = json.loads(text)
        self._words = words
        self._page = page

    @property
    def pairs(self):
        """One row for each pair: difference in accuracy with its interval, and p values. A DataFrame where
        pandas is there, else a dict of lists."""
        pairs = self.summary["pairs"]
        return table({name: [pair[name] for pair in pairs] for name in pairs[0]})

    def report(self):
        """The page of the comparison, which shows itself in a notebook."""
        return Page(self._page)

    def __repr__(self):
        return self._words


def compare(*runs, by_fold=False):
    """Compares finished runs that tested the same trials, paired by subject, or by trial where there is one
    subject; ``by_fold`` pairs them by fold, with Nadeau and Bengio's correction. Runs are `Run` or paths."""
    folders = [run.path if isinstance(run, Run) else run for run in runs]
    return Comparison(*_engine.compare(folders, by_fold))
