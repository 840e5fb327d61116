"""One archive of a results folder that is whole at any time, and small enough to be taken home."""
import lzma
import os
import tarfile
from pathlib import Path

NAME = "results.tar.xz"
LIMIT = 15 << 20  # bytes
PRESET = 1  # of xz: the archive is made again after every step
ALWAYS = {"summary.md", "steps.jsonl"}  # never left out


class Archive:
    def __init__(self, folder: Path, limit: int = LIMIT):
        self.folder, self.limit = folder, limit
        self.left_out: list[str] = []  # by the last `pack`
        self.sizes: dict[tuple, int] = {}

    def files(self) -> list[str]:
        paths = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return sorted(str(path.relative_to(self.folder)) for path in paths if not path.name.startswith(NAME))

    def compressed(self, name: str) -> int:
        """What a file adds to the archive, about; asked once of each state of it."""
        path = self.folder / name
        state = path.stat()
        key = name, state.st_size, state.st_mtime_ns
        if key not in self.sizes:
            self.sizes[key] = len(lzma.compress(path.read_bytes(), preset=PRESET))
        return self.sizes[key]

    def fitting(self) -> list[str]:
        """The files that fit, the largest of the others being left out."""
        sizes = {name: self.compressed(name) for name in self.files()}
        self.left_out = []
        for name in sorted(sizes, key=sizes.get, reverse=True):
            if sum(sizes.values()) <= self.limit:
                break
            if name not in ALWAYS:
                self.left_out.append(name)
                del sizes[name]
        return sorted(sizes, key=lambda name: (name not in ALWAYS, name))

    def pack(self) -> None:
        """Writes the archive under another name first: an OSError, of a full disk, leaves the last one as it is."""
        target, staged = self.folder / NAME, self.folder / f"{NAME}.part"
        try:
            with tarfile.open(staged, "w:xz", preset=PRESET) as tar:
                for name in self.fitting():
                    tar.add(self.folder / name, arcname=f"{self.folder.name}/{name}")
            os.replace(staged, target)
        finally:
            staged.unlink(missing_ok=True)
