"""Lets a machine without a GPU import PyPI's PyTorch for Linux, which is linked against 3 GB of NVIDIA's libraries.

    VENV/bin/python stub_cuda.py

The loader asks that each of those libraries is there and defines its symbols, and PyTorch calls none of them to compute
on the CPU. So each that is missing is replaced, inside torch/lib, by a small library whose functions all report failure.
Needs gcc and readelf. Does nothing to a PyTorch that is not linked against them.
"""
import re
import subprocess
import tempfile
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

NVIDIA_LIBRARY = re.compile(r"lib(cu|nv|nccl)\w*\.so")
DRIVER = "libcuda.so.1"  # asked for only where there is a GPU
NVIDIA_SYMBOL = re.compile(r"_*(cu|nv|nccl|pnccl)[A-Z]|_*(cuda|cublas|cudnn|cufft|cusolver|cusparse|cupti|nvrtc|nvshmem)")


def readelf(option, library):
    return subprocess.run(["readelf", "-W", option, library], check=True, capture_output=True, text=True).stdout


def needs(library):
    """The NVIDIA libraries that this one needs, the library that each symbol version is of, the undefined symbols."""
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", library))
    owner = {}
    for line in readelf("--version-info", library).splitlines():
        if file := re.search(r"Version: .* File: (\S+)", line):
            current = file[1]
        elif version := re.search(r"Name: (\S+)\s+Flags", line):
            owner[version[1]] = current
    symbols = []
    for line in readelf("--dyn-syms", library).splitlines():
        fields = line.split()
        if fields[4:5] == ["GLOBAL"] and fields[6] == "UND":
            name, _, version = fields[7].partition("@")
            symbols.append((name, version, fields[3] == "OBJECT"))
    return [name for name in needed if NVIDIA_LIBRARY.match(name) and name != DRIVER], owner, symbols


def write_stub(path, versions, unversioned):
    """`versions`, symbols and whether they are data, by version. 100 is CUDA's "no device is detected"."""
    define = lambda name, data: f"long {name}[64];" if data else f"int {name}(void) {{ return 100; }}"
    source = [define(*symbol) for symbols in (*versions.values(), unversioned) for symbol in sorted(symbols)]
    script = [f"{v} {{ global: {' '.join(name + ';' for name, _ in symbols)} }};" for v, symbols in versions.items()]
    with tempfile.TemporaryDirectory() as folder:
        c, map_ = Path(folder, "stub.c"), Path(folder, "stub.map")
        c.write_text("\n".join(source))
        map_.write_text("\n".join(script))
        command = ["gcc", "-w", "-shared", "-fPIC", "-fno-builtin", c, f"-Wl,-soname,{path.name}", "-o", path]
        subprocess.run(command + [f"-Wl,--version-script={map_}"] * bool(script), check=True)


def main():
    folder = Path(find_spec("torch").origin).parent / "lib"  # found without being imported
    libraries, versions, unversioned = set(), defaultdict(lambda: defaultdict(set)), set()
    for library in folder.glob("*.so*"):
        needed, owner, symbols = needs(library)
        libraries.update(needed)
        for name, version, data in symbols:
            if version in owner:
                versions[owner[version]][version].add((name, data))
            elif not version and NVIDIA_SYMBOL.match(name):
                unversioned.add((name, data))
    for name in libraries:
        if not (folder / name).exists():
            # Nothing tells whose the symbols without a version are: each has them all.
            write_stub(folder / name, versions[name], unversioned)


main()
