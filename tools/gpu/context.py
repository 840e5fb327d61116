"""What steps build their commands from: the programs, the results folder, and what this machine has."""
import json
import os
import re
import shutil
import site
import subprocess
import sys
import tempfile
from functools import cached_property
from pathlib import Path

from .process import Command

TOOLS = Path(__file__).resolve().parent


def nvrtc_major(folder: Path) -> int | None:
    """The CUDA version of the NVRTC in a folder: 0 where its name does not say."""
    versions = [re.fullmatch(r"libnvrtc\.so(?:\.(\d+).*)?", path.name) for path in folder.glob("libnvrtc.so*")]
    return max((int(match[1] or 0) for match in versions if match), default=None)


class Context:
    def __init__(self, root: Path, results: Path, quick: bool, most: float | None):
        self.root, self.results, self.quick, self.most = root, results, quick, most
        self.programs = root / "programs"
        self.devices = ""  # what `engine devices` said

    # ---- NVIDIA's compiler, and what was compiled before

    @cached_property
    def driver(self) -> int:
        """The driver's CUDA version: 13000 is 13.0; 0 where there is none that answers."""
        try:
            said = subprocess.run(
                [sys.executable, TOOLS / "attributes.py"], capture_output=True, text=True, timeout=20
            ).stdout
            return json.loads(said)["driver"]
        except (ValueError, KeyError, subprocess.TimeoutExpired):
            return 0

    def loader_folders(self) -> list[Path]:
        """Where CUDA's libraries may be, what the user set first."""
        given = [Path(folder) for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
        toolkits = [Path("/usr/local"), Path("/opt")]
        homes = [Path(os.environ[name]) for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
        homes += sorted((home for toolkit in toolkits for home in toolkit.glob("cuda*")), reverse=True)
        folders = given + [home / below for home in homes for below in ("lib64", "targets/x86_64-linux/lib")]
        # Python's packages, in their old layout (nvidia/cuda_nvrtc/lib) and their new one (nvidia/cu13/lib).
        packages = {*map(Path, sys.path), *map(Path, site.getsitepackages()), Path(site.getusersitepackages())}
        folders += sorted(found for package in packages for found in package.glob("nvidia/*/lib"))
        folders += sorted(self.root.glob(".cuda/*/lib")) + sorted(self.root.parent.glob(".cuda/*/lib"))
        unique = dict.fromkeys(folder.resolve() for folder in folders if folder.is_dir())
        return list(unique)

    @cached_property
    def nvrtc(self) -> Path | None:
        """The folder of the newest NVRTC that the driver loads programs of; one in LD_LIBRARY_PATH comes first."""
        given = {Path(folder).resolve() for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder}
        newest = self.driver // 1000 or 13
        found = [(folder, nvrtc_major(folder)) for folder in self.loader_folders()]
        usable = [(folder in given, major, folder) for folder, major in found if major is not None and major <= newest]
        return max(usable, key=lambda each: each[:2])[2] if usable else None

    @cached_property
    def cache(self) -> Path:
        """XDG_CACHE_HOME of our programs: a copy that they may add to of the programs that came with the archive."""
        home = self.root / "cache"
        try:
            home.mkdir(exist_ok=True)
        except OSError:
            home = Path(tempfile.mkdtemp(prefix="gpu-suite-cache-"))
        into = home / "engine" / "cuda"
        into.mkdir(parents=True, exist_ok=True)
        for program in self.precompiled():
            if not (into / program.name).exists():
                shutil.copyfile(program, into / program.name)
        return home

    def precompiled(self) -> list[Path]:
        return sorted((self.root / "precompiled").glob("*"))

    def leave_precompiled(self) -> None:
        """From here on, in later calls too, NVRTC compiles what came along."""
        for program in self.precompiled():
            (self.cache / "engine" / "cuda" / program.name).unlink(missing_ok=True)
        (self.root / "precompiled").rename(self.root / "precompiled-refused")

    def made_here(self) -> int:
        """Programs that NVRTC has added."""
        return len(list((self.cache / "engine" / "cuda").glob("*"))) - len(self.precompiled())

    @cached_property
    def environment(self) -> dict[str, str]:
        """For our programs only: PyTorch brings libraries of its own."""
        given = os.environ.get("LD_LIBRARY_PATH", "")
        libraries = [given] if given else []
        libraries += [str(self.nvrtc)] if self.nvrtc else []
        libraries += [str(folder) for folder in self.loader_folders() if list(folder.glob("libcublasLt.so*"))]
        return {
            "LD_LIBRARY_PATH": ":".join(dict.fromkeys(libraries)),
            "XDG_CACHE_HOME": str(self.cache),
            "RUST_BACKTRACE": "0",
        }

    # ---- commands

    def limited(self, limit: float) -> float:
        return min(limit, self.most) if self.most else limit

    def command(self, *argv: object, limit: float, **options) -> Command:
        return Command([str(part) for part in argv], self.limited(limit), **options)

    def ours(self, program: str, *arguments: object, limit: float, under: tuple = (), **options) -> Command:
        """A program of the archive, perhaps under a tool that watches it."""
        options["env"] = {**self.environment, **options.get("env", {})}
        return self.command(*under, self.programs / program, *arguments, limit=limit, **options)

    def check(self, precision: str, *arguments: object, **options) -> Command:
        return self.ours("engine", "check", "--backend", "cuda", "--precision", precision, *arguments, **options)

    # ---- what is here

    def tool(self, name: str) -> str | None:
        """A program of the system or of a CUDA toolkit."""
        homes = sorted(map(str, Path("/usr/local").glob("cuda*/bin")), reverse=True)
        return shutil.which(name) or next((found for home in homes if (found := shutil.which(name, path=home))), None)

    @cached_property
    def torch(self) -> str | None:
        """Why there is no PyTorch that computes on the GPU."""
        try:
            done = subprocess.run(
                [sys.executable, "-c", "import torch; assert torch.cuda.is_available(), 'it finds no GPU'"],
                capture_output=True, text=True, timeout=120,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "PyTorch is not imported within 120 s"
        last = done.stderr.strip().splitlines()[-1:] or [""]
        return None if done.returncode == 0 else f"{sys.executable} has no PyTorch with CUDA: {last[0]}"

    def usable_gpu(self) -> bool:
        """Whether `engine devices` lists a GPU of CUDA's, and opened it."""
        lines = self.devices.splitlines() + [""]
        gpus = [i for i, line in enumerate(lines) if re.match(r"cuda\s+\d+:", line)]
        return any("refused" not in lines[i + 1] for i in gpus)

    def lacks(self, need: str) -> str | None:
        """Why a need of a step is not met."""
        if need == "gpu":
            return None if self.usable_gpu() else "no usable GPU"
        if need == "vulkan":
            return None if re.search(r"^wgpu\s+\d+:", self.devices, re.M) else "no Vulkan driver"
        if need == "torch":
            return self.torch
        kind, _, name = need.partition(":")
        if kind == "program":
            return None if (self.programs / name).exists() else f"{name} is not in this archive"
        return None if self.tool(name) else f"{name} is not on this machine"
