"""Builds cudnn_server.cpp with what the machine has: cuDNN of Python's nvidia-cudnn package or of the system, CUDA's runtime of the
toolkit or of Python's packages, and g++ (nvcc would call it, too, and adds nothing to a program without kernels)."""
import glob
import shutil
import site
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "cudnn_server.cpp"


class Missing(Exception):
    """What is not there, and where it was looked for."""


def packages():
    """Folders of NVIDIA's Python packages: nvidia/cudnn, nvidia/cu13, nvidia/cuda_runtime ..."""
    folders = [*site.getsitepackages(), site.getusersitepackages(), *sys.path]
    return list(dict.fromkeys(path for folder in folders if folder for path in sorted(glob.glob(f"{folder}/nvidia/*/"))))


def find(what, candidates, pattern):
    """The first file of that name in the candidates."""
    for folder in candidates:
        if found := sorted(glob.glob(f"{folder}/{pattern}")):
            return Path(found[0])
    raise Missing(f"no {what}: {pattern} is in none of {', '.join(candidates) or 'no folder'}")


def toolkit():
    return [*sorted(glob.glob("/usr/local/cuda*"), reverse=True), "/usr"]


def loader_folders():
    """Where cuDNN finds what it loads itself: cuBLASLt, NVRTC, its own parts."""
    folders = [f"{package}lib" for package in packages()] + [f"{root}/lib64" for root in toolkit()[:-1]]
    return [folder for folder in folders if Path(folder).is_dir()]


def build(to):
    """The server's path, built unless it is newer than its source."""
    server = Path(to) / "cudnn_server"
    if server.exists() and server.stat().st_mtime > SOURCE.stat().st_mtime:
        return server
    compiler = shutil.which("g++") or shutil.which("c++")
    if not compiler:
        raise Missing("no C++ compiler: neither g++ nor c++ is in PATH")
    own, system = packages(), [*toolkit(), "/usr/lib/x86_64-linux-gnu/.."]
    header = find("cuDNN headers", [f"{folder}include" for folder in own] + ["/usr/include", "/usr/include/x86_64-linux-gnu"], "cudnn.h")
    libraries = [f"{folder}lib" for folder in own] + [f"{root}/lib64" for root in system] + ["/usr/lib/x86_64-linux-gnu"]
    cudnn = find("cuDNN library", libraries, "libcudnn.so*")
    runtime_header = find(
        "CUDA runtime headers", [f"{root}/include" for root in toolkit()] + [f"{folder}include" for folder in own], "cuda_runtime_api.h"
    )
    runtime = find("CUDA runtime library", libraries, "libcudart.so*")
    server.parent.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-O2", "-std=c++17", "-I", header.parent, "-I", runtime_header.parent, SOURCE]
    for library in (cudnn, runtime):
        command += ["-L", library.parent, f"-l:{library.name}", f"-Wl,-rpath,{library.parent}"]
    command += ["-Wl,--allow-shlib-undefined", "-o", server]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        last_words = "\n".join(done.stderr.splitlines()[-5:])
        raise Missing(f"cudnn_server.cpp is not built: {' '.join(map(str, command))}\n{last_words}")
    return server


if __name__ == "__main__":
    try:
        print(build(sys.argv[1] if len(sys.argv) > 1 else "target/peers/cudnn"))
    except Missing as why:
        sys.exit(f"cudnn_build: {why}")
