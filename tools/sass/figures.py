"""The figures of a kernel that a prediction needs, from its machine code, and the file that holds those of all kernels."""

import dataclasses
import pathlib
import re
import tomllib

from . import disassembly, pipeline

REGISTERS = 65536  # of a multiprocessor
GLOBAL = {"global load", "async copy", "global store"}
HEADER = """# The figures of each CUDA kernel's machine code for sm_90, by `tools/sass-model`. Predictions, not measurements.
#   registers, spilled, shared   of a thread; bytes that it spills; bytes of shared memory of a block
#   instructions, mma, ffma      of one trip through the main loop: matrix products, and multiply-adds where there are none
#   bytes                        that a block loads from global memory and stores to it in a trip
#   cycles, dram_cycles          of a trip, if loads find their data in the L2 cache, and if they go to DRAM: with one block on a
#                                multiprocessor, and with two where two fit
#   outside                      cycles before and after the main loop, alike, with loads from the L2 cache
# `engine profile` predicts with them. tools/test fails where a budgeted kernel's registers or spilled bytes exceed their figure, where
# mma differs, or where instructions or the cycles of one block are exceeded by more than 2 % and 4. After a change: tools/sass-model --write
"""


@dataclasses.dataclass
class Figures:
    """A kernel's figures; HEADER says what each is. Without a loop, a trip has nothing."""

    registers: int
    spilled: int
    shared: int
    instructions: int
    mma: int
    ffma: int
    bytes: int
    cycles: list[int]
    dram_cycles: list[int]
    outside: list[int]


FIELDS = [field.name for field in dataclasses.fields(Figures)]


def warps_of(name: str) -> int:
    """The warps of a block."""
    return int(re.search(r"THREADS=(\d+)", name)[1]) // 32


def trip_of(cubin: pathlib.Path) -> disassembly.Path:
    """One trip through the kernel's main loop; nothing if it has none."""
    code = disassembly.disassemble(cubin)
    loop = disassembly.main_loop(code)
    return disassembly.path(code, loop) if loop else []


def predict(name: str, cubin: pathlib.Path, most_blocks: int) -> Figures:
    """The figures of a kernel, with one block on a multiprocessor and up to `most_blocks`."""
    log = cubin.with_suffix(".log").read_text()
    registers, spilled = int(re.search(r"Used (\d+) registers", log)[1]), int(re.search(r"(\d+) bytes spill stores", log)[1])
    shared = re.search(r"(\d+) bytes smem", log)
    warps = warps_of(name)
    code = disassembly.disassemble(cubin)
    loop = disassembly.main_loop(code)
    trip = disassembly.path(code, loop) if loop else []
    outside = disassembly.outside(code, loop)
    blocks = [n for n in range(1, most_blocks + 1) if n == 1 or n * warps * 32 * registers <= REGISTERS]

    def cycles(source: str) -> list[int]:
        return [round(pipeline.play(trip, warps, n, source).cycles) for n in blocks] if trip else []

    mma = sum(instruction.kind == "mma" for instruction, _ in trip)
    ffma = 0 if mma else sum(instruction.opcode.startswith("FFMA") for instruction, _ in trip)
    moved = sum(128 * instruction.words() * warps for instruction, _ in trip if instruction.kind in GLOBAL)
    once = [round(pipeline.play_once(outside, warps, n, "L2")) for n in blocks]
    size = int(shared[1]) if shared else 0
    return Figures(registers, spilled, size, len(trip), mma, ffma, moved, cycles("L2"), cycles("DRAM"), once)


def read(path: pathlib.Path) -> dict[str, dict]:
    """The file's rows, by the kernel's name."""
    return tomllib.loads(path.read_text())


def write(path: pathlib.Path, rows: dict[str, dict]) -> None:
    """Writes the file with these rows."""
    lines = [f'"{name}" = {{ ' + ", ".join(f"{field} = {row[field]}" for field in FIELDS) + " }" for name, row in sorted(rows.items())]
    path.write_text(HEADER + "\n" + "\n".join(lines) + "\n")
