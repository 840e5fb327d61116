"""Has the engine write its kernels, and Mesa's RADV compile them for a GPU that is not here."""

import json
import os
import pathlib
import re
import subprocess
from concurrent.futures import ProcessPoolExecutor

from . import figures, spirv
from .figures import Compiled

ROOT = pathlib.Path(__file__).resolve().parents[2]
DRIVERS = pathlib.Path("/usr/share/vulkan/icd.d")
MISSING = "{} is not here: tools/software-vulkan installs it with Mesa's package mesa-vulkan-drivers, on Debian as root"


class Missing(Exception):
    """Something that has to be installed or built first."""


def driver(name: str) -> str:
    """The file that presents a driver of Mesa to the Vulkan loader: `radeon` is RADV, `lvp` lavapipe."""
    found = sorted(DRIVERS.glob(f"{name}_icd*.json"))
    if not found:
        raise Missing(MISSING.format(f"Mesa's Vulkan driver {DRIVERS}/{name}_icd.json"))
    return str(found[0])


def compiler() -> pathlib.Path:
    """The program of tools/rdna/compiler, built by Cargo."""
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--package", "rdna-compiler", "--message-format", "json"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    artifacts = [json.loads(line) for line in built.stdout.splitlines()]
    return pathlib.Path(next(a["executable"] for a in artifacts if a.get("executable")))


def run(command: list[str], environment: dict[str, str]) -> str:
    """What the program prints; its own message if it fails."""
    if not pathlib.Path(command[0]).exists():
        raise Missing(f"{command[0]} is not here: cargo build --release --locked builds it")
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def save(engine: pathlib.Path, folder: pathlib.Path, which: list[str], environment: dict[str, str]) -> dict[str, str]:
    """Has the engine write kernels as files; gives their labels by name."""
    command = [str(engine), "kernels", "--backend", "wgpu", "--list", "--save", str(folder), *which]
    return spirv.listed(run(command, environment))


def stem(name: str) -> str:
    """The name of a kernel's files."""
    return name.replace(" ", "-")


def device(family: str) -> dict[str, str]:
    """The environment in which the only Vulkan device is RADV's of the family."""
    return {"RADV_FORCE_FAMILY": family, "VK_DRIVER_FILES": driver("radeon")}


class Machine:
    """The machine code of kernels for a family, as the engine's plan picks them within the limits of that GPU: of those whose name
    matches `only`. `labels` has the labels of all by their names."""

    def __init__(self, program: pathlib.Path, engine: pathlib.Path, folder: pathlib.Path, family: str, which: list[str], only: str = ""):
        self.family, self.out = family, folder / f"{family}-code"
        self.out.mkdir(parents=True)
        environment = device(family)
        self.labels = save(engine, folder / family, [*which, "--adapter", family.upper()], environment)
        self.names = [name for name in self.labels if re.search(only, name)]
        for name in self.labels.keys() - set(self.names):
            (folder / family / f"{stem(name)}.wgsl").unlink()
        run([str(program), str(folder / family), str(self.out)], environment)
        self.driver = json.loads((self.out / "driver.json").read_text())["driver"]

    def file(self, name: str, extension: str) -> pathlib.Path:
        """A file of a kernel."""
        return self.out / f"{stem(name)}.{extension}"

    def statistics(self, name: str) -> dict[str, int]:
        """The compiler's figures of a kernel."""
        return json.loads(self.file(name, "json").read_text())["statistics"]

    def compiled(self, names: list[str]) -> dict[str, Compiled]:
        """The kernels of these names."""
        with ProcessPoolExecutor() as pool:
            return dict(zip(names, pool.map(read, [self.family] * len(names), [self.file(name, "s") for name in names], chunksize=8)))

    def every(self) -> dict[str, Compiled]:
        """All that were compiled."""
        return self.compiled(self.names)


def read(family: str, assembly: pathlib.Path) -> Compiled:
    """A kernel of its machine code as text, and the file of figures beside it."""
    told = json.loads(assembly.with_name(assembly.name.removesuffix(".s") + ".json").read_text())
    return figures.compiled(family, assembly.read_text(), told["workgroup"], told["statistics"])


def unlike_wgpu(program: pathlib.Path, engine: pathlib.Path, folder: pathlib.Path) -> tuple[int, list[str]]:
    """How many kinds of kernels a training step on lavapipe launches, and those of which ours are not what wgpu hands to it."""
    lavapipe = driver("lvp")
    labels = save(engine, folder / "lavapipe", ["--every", "--adapter", "llvmpipe"], {"VK_DRIVER_FILES": lavapipe})
    out = folder / "lavapipe-code"
    out.mkdir()
    # RADV compiles them, too, of which nothing is used.
    run([str(program), str(folder / "lavapipe"), str(out)], device("navi31"))
    ours: dict[str, dict[str, bytes]] = {}
    for name, label in labels.items():
        ours.setdefault(label, {})[name] = (out / f"{stem(name)}.spv").read_bytes()
    theirs, launched = spirv.dumped(engine, folder / "dumped", lavapipe)
    return len(launched), spirv.unlike(ours, theirs, launched)
