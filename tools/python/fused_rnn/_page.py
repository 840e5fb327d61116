"""A page that shows itself in a notebook."""

import html
import os
from pathlib import Path


class Page:
    """One HTML file that loads nothing and runs nothing."""

    def __init__(self, text):
        self.html = text

    def save(self, path):
        """Writes the page to a file, and returns its path."""
        path = Path(os.fspath(path))
        path.write_text(self.html, encoding="utf-8")
        return path

    def _repr_html_(self):
        # A frame of its own: the styles of page and notebook stay apart.
        source = html.escape(self.html, quote=True)
        return f'<iframe srcdoc="{source}" width="100%" height="720" style="border: 0"></iframe>'

    def __repr__(self):
        return f"<Page of {len(self.html) / 1024:.0f} KB; .save(path) writes it>"


def table(columns, index=None):
    """A DataFrame of the columns where pandas is there, and else the columns themselves."""
    try:
        import pandas
    except ImportError:
        return columns
    frame = pandas.DataFrame(columns)
    return frame if index is None else frame.set_index(index)
