"""Where Rust is: one archive of everything that the machine with the GPU needs."""
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

LIMIT = 40 << 20  # bytes
ARCHITECTURES = ("80", "90")
# What programs and scripts read there.
FILES = ["tools/gpu-suite", "tools/bench-peers", "tests/golden", "README.md", "LICENSE-APACHE", "LICENSE-MIT"]
PATTERNS = ["tools/gpu/*.py", "tools/peers/*.py", "tools/peers/*.cpp", "tools/peers/*.h", "tools/peers/README.md"]


class Failure(Exception):
    pass


def output(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Failure(f"this failed with exit code {done.returncode}: {' '.join(map(str, command))}")
    return done.stdout


def executables(*command: object) -> dict[str, Path]:
    """What cargo built, by name."""
    built = {}
    for line in output(*command, "--locked", "--message-format=json").splitlines():
        message = json.loads(line)
        if message.get("executable"):
            target = message["target"]
            built[f"{target['kind'][0]}-{target['name']}"] = Path(message["executable"])
    return built


def programs(root: Path, into: Path) -> None:
    os.chdir(root)
    built = executables("cargo", "build", "--release", "--bin", "engine", "--example", "peer")
    built |= executables("cargo", "test", "--release", "--no-run", "--test", "engine")
    built |= executables("cargo", "bench", "--no-run")
    into.mkdir()
    names = {"bin-engine": "engine", "example-peer": "peer", "test-engine": "tests"}
    for name, path in built.items():
        if name in names or name.startswith("bench-"):
            # Lines of a panic need no debug information beyond this.
            output("strip", "-o", into / names.get(name, name), path)
    if missing := set(names.values()) - set(os.listdir(into)):
        raise Failure(f"cargo built no {', '.join(sorted(missing))}")


def precompiled(root: Path, engine: Path, into: Path) -> str:
    """CUDA programs for the usual GPUs; says what there is of them."""
    into.mkdir()
    arches = [option for arch in ARCHITECTURES for option in ("--arch", arch)]
    command = [engine, "kernels", "--backend", "cuda", "--every", "--list", *arches, "--kernel-cache", into]
    environment = dict(os.environ)
    # Python's package of NVRTC may be in .cuda/ here.
    own = [str(folder) for folder in sorted(root.glob(".cuda/*/lib"))]
    given = [environment["LD_LIBRARY_PATH"]] if environment.get("LD_LIBRARY_PATH") else []
    environment["LD_LIBRARY_PATH"] = ":".join(given + own)
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
    if done.returncode:
        said = done.stderr.strip().splitlines()[:1] or [f"exit code {done.returncode}"]
        return f"none: {said[0]}"
    count = len(list(into.iterdir()))
    return f"{count} programs for sm_{' and sm_'.join(ARCHITECTURES)}" if count else "none: `engine kernels --kernel-cache` stored nothing"


def scripts(root: Path, into: Path) -> None:
    wanted = [root / name for name in FILES] + [path for pattern in PATTERNS for path in sorted(root.glob(pattern))]
    for path in wanted:
        target = into / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target)
        else:
            shutil.copy2(path, target)


def build(root: Path, archive: Path) -> None:
    start = time.monotonic()
    if sys.platform != "linux":
        raise Failure("programs for the GPU's machine are built on Linux")
    with tempfile.TemporaryDirectory() as scratch:
        suite = Path(scratch) / "gpu-suite"
        suite.mkdir()
        programs(root, suite / "programs")
        kernels = precompiled(root, suite / "programs" / "engine", suite / "precompiled")
        scripts(root, suite)
        about = {
            "commit": output("git", "-C", root, "rev-parse", "HEAD").strip(),
            "uncommitted": output("git", "-C", root, "status", "--porcelain").splitlines(),
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "rustc": output("rustc", "--version").strip(),
            "glibc": newest_glibc(suite / "programs" / "engine"),
            "precompiled": kernels,
        }
        (suite / "build.json").write_text(json.dumps(about, indent=2) + "\n")
        staged = archive.with_name(archive.name + ".part")
        try:
            with tarfile.open(staged, "w:xz", preset=6) as tar:
                tar.add(suite, arcname="gpu-suite")
            bytes_ = staged.stat().st_size
            if bytes_ > LIMIT:
                raise Failure(f"{archive} would have {bytes_ / 2**20:.1f} MiB, and at most {LIMIT >> 20} can be carried: leave a program out")
            os.replace(staged, archive)
        finally:
            staged.unlink(missing_ok=True)
    print(f"{archive}: {bytes_ / 2**20:.1f} MiB in {time.monotonic() - start:.0f} s; precompiled: {kernels}")


def newest_glibc(program: Path) -> str:
    """What the machine with the GPU must have at least."""
    versions = set(re.findall(rb"GLIBC_(\d+(?:\.\d+)+)", program.read_bytes()))
    return max((version.decode() for version in versions), key=lambda text: [int(part) for part in text.split(".")])
