"""Compares our SPIR-V with what wgpu hands to a driver: the engine runs a training step on lavapipe, and Mesa writes what it gets."""

import json
import os
import pathlib
import re
import struct
import subprocess

# Names and sources, which a compiler does not read, and capabilities, of which wgpu also declares those that a module does not use.
LEFT_OUT = {3: "OpSource", 5: "OpName", 6: "OpMemberName", 7: "OpString", 17: "OpCapability"}
# One of each operation, as small as can be.
STEP = ["--conv", "8x3", "--cell", "lstm,gru", "--hidden", "8,8", "--pool", "attention", "--dense", "4", "--features", "4", "--batch", "2"]
STEP += ["--time-steps", "8", "--iterations", "1", "--warmup", "0"]


def body(module: bytes) -> list[tuple[int, ...]]:
    """A module's version, and its instructions in order but for LEFT_OUT."""
    words = struct.unpack(f"<{len(module) // 4}I", module)
    # Magic number, version, generator, bound of the numbers, and a zero.
    found, at = [(words[1],)], 5
    while at < len(words):
        length, opcode = words[at] >> 16, words[at] & 0xFFFF
        if opcode not in LEFT_OUT:
            found.append(words[at : at + length])
        at += length
    return found


def dumped(engine: pathlib.Path, folder: pathlib.Path, lavapipe: str) -> tuple[list[bytes], set[str]]:
    """What lavapipe was handed in a training step, and the labels of the kernels that were launched."""
    folder.mkdir()
    command = [str(engine), "profile", "--backend", "wgpu", "--adapter", "llvmpipe", *STEP, "--json"]
    environment = os.environ | {"VK_DRIVER_FILES": lavapipe, "MESA_SPIRV_DUMP_PATH": str(folder)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    labels = {kernel["name"] for kernel in json.loads(done.stdout)["kernels"]}
    return [path.read_bytes() for path in folder.glob("*.spirv")], labels


def unlike(ours: dict[str, dict[str, bytes]], theirs: list[bytes], labels: set[str]) -> list[str]:
    """The labels of which no kernel of ours, by label and name, is among theirs."""
    handed = {tuple(body(module)) for module in theirs}
    return sorted(label for label in labels if not any(tuple(body(module)) in handed for module in ours.get(label, {}).values()))


def listed(text: str) -> dict[str, str]:
    """The label of each kernel's name, of `engine kernels --list`: a title, then in each line a label, spaces and a name."""
    rows = [re.split(r"\s{2,}", line) for line in text.splitlines()[1:]]
    return {name: label for label, name in rows}
