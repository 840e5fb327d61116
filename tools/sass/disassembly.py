"""Reads machine code: nvdisasm's text becomes instructions with their control codes, and the loops among them."""

import collections
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys

from . import machine

ROOT = pathlib.Path(__file__).resolve().parents[2]
NVDISASM = "13.2.51"


@dataclasses.dataclass
class Instruction:
    """One instruction. Since Volta, bits 105 to 125 of its 128 are the control code: ptxas' own schedule."""

    address: int
    text: str
    opcode: str
    kind: str
    stall: int  # cycles before the warp's next instruction
    write_board: int  # the scoreboard that the result releases; 7 is none
    read_board: int  # the scoreboard that is released when the operands are read
    waits: int  # a mask of scoreboards to wait for
    guard: str | None  # its predicate
    target: str | None  # the label that a branch goes to

    def words(self) -> int:
        """Words of four bytes that a lane loads or stores."""
        if self.kind == "matrix load":
            return int(self.opcode.rsplit(".", 1)[1])  # LDSM.16.M88.4
        wide = re.search(r"\.(64|128)\b", self.opcode)
        return int(wide[1]) // 32 if wide and self.kind in machine.MEMORY else 1


@dataclasses.dataclass
class Code:
    """A kernel's instructions, and where its labels are among them."""

    instructions: list[Instruction]
    labels: dict[str, int]


def nvdisasm() -> str:
    """NVIDIA's disassembler: $NVDISASM, the one on the path, or the one of PyPI, installed below .cuda."""
    found = os.environ.get("NVDISASM") or shutil.which("nvdisasm")
    if found:
        return found
    folder = ROOT / ".cuda" / f"nvdisasm-{NVDISASM}"
    program = folder / "nvidia/cu13/bin/nvdisasm"
    if not program.exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
        subprocess.run([*pip, f"nvidia-cuda-nvdisasm=={NVDISASM}"], check=True)
        program.chmod(0o755)
    return str(program)


def disassemble(cubin: pathlib.Path) -> Code:
    """The only kernel of a cubin."""
    text = subprocess.run([nvdisasm(), "-c", "-hex", str(cubin)], check=True, capture_output=True, text=True).stdout
    return parse(text)


def parse(text: str) -> Code:
    """Of nvdisasm's text with -c -hex: each instruction is two lines, whose second has the control code."""
    code, first = Code([], {}), None
    for line in text.splitlines():
        if label := re.match(r"\s*(\.L_x_\d+):", line):
            code.labels[label[1]] = len(code.instructions)
        elif whole := re.match(r"\s*/\*([0-9a-f]{4,})\*/\s+(.*?);\s*/\* 0x[0-9a-f]{16} \*/", line):
            first = int(whole[1], 16), " ".join(whole[2].split())
        elif first and (rest := re.match(r"\s*/\* 0x([0-9a-f]{16}) \*/", line)):
            code.instructions.append(instruction(*first, int(rest[1], 16) >> 41 & 0x1FFFFF))
            first = None
    return code


def instruction(address: int, text: str, control: int) -> Instruction:
    """An instruction of its text and its control code."""
    guarded = re.match(r"(@!?U?P\w+)\s+(.*)", text)
    guard, body = (guarded[1], guarded[2]) if guarded else (None, text)
    target = re.search(r"`\((\.L_x_\d+)\)", body)
    opcode = body.split()[0]
    return Instruction(
        address, text, opcode, machine.kind(opcode), control & 15, control >> 5 & 7, control >> 8 & 7, control >> 11 & 63, guard,
        target[1] if target else None,
    )


def loops(code: Code) -> list[tuple[int, int]]:
    """First and last instruction of each loop: a branch back and its target."""
    found = []
    for end, branch in enumerate(code.instructions):
        start = code.labels.get(branch.target, end) if branch.opcode.startswith("BRA") else end
        if start < end:
            found.append((start, end))
    return found


def main_loop(code: Code) -> tuple[int, int] | None:
    """The innermost loop with the most matrix products, and of those with as many the one with the most arithmetic. Some kernels have
    no loop."""
    found = loops(code)
    inner = [a for a in found if not any(b != a and a[0] <= b[0] and b[1] <= a[1] for b in found)]

    def work(loop: tuple[int, int]) -> tuple[int, int]:
        kinds = [i.kind for i in code.instructions[loop[0] : loop[1] + 1]]
        return kinds.count("mma"), kinds.count("fma") + kinds.count("function")

    return max(inner, key=work, default=None)


# Instructions, each with whether it is a branch that is taken.
Path = list[tuple[Instruction, bool]]


def next_of(code: Code, at: int) -> list[int]:
    """Where the code may go on after an instruction; first where it does all the work that it may have to do: conditional branches
    fall through."""
    current = code.instructions[at]
    if current.opcode.startswith("EXIT") and current.guard is None:
        return []
    if not current.opcode.startswith("BRA") or current.target not in code.labels:
        return [at + 1]
    is_conditional = current.guard is not None or ", " in current.text.split("`")[0]
    return [at + 1, code.labels[current.target]] if is_conditional else [code.labels[current.target]]


def path(code: Code, loop: tuple[int, int]) -> Path:
    """The instructions of one trip."""
    start, end = loop
    trip, at = [], start
    while at != end:
        following = next_of(code, at)[0]
        trip.append((code.instructions[at], following != at + 1))
        at = following
        if len(trip) > len(code.instructions):
            raise ValueError(f"the path from {code.instructions[start].address:#x} does not come back")
    return [*trip, (code.instructions[end], True)]


def outside(code: Code, loop: tuple[int, int] | None) -> Path:
    """The instructions before the main loop and after it, or of a kernel without a loop all. Other loops have one trip."""
    ends = {at for at in range(len(code.instructions)) if not next_of(code, at)}
    if loop is None:
        return way(code, 0, ends, set())
    start, end = loop
    return way(code, 0, {start}, set())[:-1] + way(code, end + 1, ends, set(range(start, end + 1)))


def way(code: Code, start: int, goals: set[int], closed: set[int]) -> Path:
    """The instructions from `start` to the first of the goals that the code comes to, without a second visit and without `closed`."""
    before = collections.defaultdict(list)
    for at in range(len(code.instructions)):
        for following in next_of(code, at):
            before[following].append(at)
    leads, pending = set(), list(goals)
    while pending:
        at = pending.pop()
        if at not in leads and at not in closed:
            leads.add(at)
            pending += before[at]
    found, at, seen = [], start, set()
    while at not in goals:
        seen.add(at)
        following = next((n for n in next_of(code, at) if n in leads and n not in seen), None)
        if following is None:
            raise ValueError(f"no way from {code.instructions[start].address:#x} beyond {code.instructions[at].address:#x}")
        found.append((code.instructions[at], following != at + 1))
        at = following
    return [*found, (code.instructions[at], False)]
