"""Runs a notebook from start to end. `--check` leaves the file as it is and fails where a cell fails; without it, the outputs are
written into the file."""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

path = Path(sys.argv[-1])
notebook = nbformat.read(path, as_version=4)
with tempfile.TemporaryDirectory() as folder:
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
if "--check" not in sys.argv:
    for cell in cells:
        cell.metadata.pop("execution", None)
    notebook.metadata.pop("widgets", None)
    nbformat.write(notebook, path)
print(f"{path}: {len(cells)} cells ran")
