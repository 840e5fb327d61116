"""The figures of a kernel, from its machine code and Mesa's compiler, and the file that holds those of all kernels."""

import collections
import dataclasses
import pathlib
import re
import tomllib

from . import disassembly, machine
from .disassembly import Instruction, Loop

HEADER = """# The figures of the WGSL kernels as Mesa's RADV compiles them for AMD GPUs that are not here, by `tools/rdna-model`. Mesa's versions
# differ: the figures hold for the one below. navi21 is RDNA 2, navi31 RDNA 3; waves have 64 invocations.
#   vgprs, spilled, shared   vector registers of a wave; registers that it spills; bytes of workgroup memory
#   waves                    of a SIMD at one time, as registers and workgroup memory allow
#   instructions             of the whole code
#   latency, throughput      clocks of the whole kernel, by the compiler's own estimate: of one wave, and inverse throughput. It guesses
#                            the trips of loops, so only versions of one kernel compare
#   loop                     one trip through the innermost loop with multiply-adds; a loop within it is left out
#   step                     one trip through the loops around it, without it
# Of a loop: vector = fma + move + select + float + function + integer; read, write: workgroup memory; load, store: other memory.
# tools/test fails where a kernel exceeds a figure, those of instructions and clocks by more than 2 % and 4, has fewer waves, or another
# number of multiply-adds in its loop. After a change: tools/rdna-model --write
"""
# The kinds that a loop's figures have: the others are of no interest to a budget.
COUNTED = (*machine.VECTOR, "read", "write", "load", "store", "scalar", "wait", "barrier")


@dataclasses.dataclass
class Figures:
    """A kernel's figures; HEADER says what each is. Without such a loop, both tables are empty."""

    vgprs: int
    spilled: int
    shared: int
    waves: float
    instructions: int
    latency: int
    throughput: int
    loop: dict[str, int]
    step: dict[str, int]


@dataclasses.dataclass
class Compiled:
    """A kernel's machine code and its figures."""

    workgroup: int  # invocations
    kernel: Loop
    figures: Figures


def of_instructions(instructions: list[Instruction]) -> dict[str, int]:
    """How many are vector instructions, and how many of each of COUNTED."""
    kinds = collections.Counter(instruction.kind for instruction in instructions)
    return {"vector": sum(kinds[kind] for kind in machine.VECTOR)} | {kind: kinds[kind] for kind in COUNTED if kinds[kind]}


def compiled(family: str, assembly: str, workgroup: list[int], statistics: dict[str, int]) -> Compiled:
    """Of the machine code as text, the workgroup's size, and the compiler's statistics by their names."""
    kernel = disassembly.structure(disassembly.parse(assembly))
    main = disassembly.main_loop(kernel)
    around = kernel.around(main)[1:-1] if main else []
    invocations = workgroup[0] * workgroup[1] * workgroup[2]
    vgprs, shared = statistics["VGPRs"], statistics["LDS size"]
    figures = Figures(
        vgprs,
        statistics["Spilled VGPRs"] + statistics["Spilled SGPRs"],
        shared,
        machine.occupancy(machine.FAMILIES[family], vgprs, shared, invocations),
        statistics["Instructions"],
        statistics["Latency"],
        statistics["Inverse Throughput"],
        of_instructions(main.own) if main else {},
        of_instructions([instruction for loop in around for instruction in loop.own]) if around else {},
    )
    return Compiled(invocations, kernel, figures)


@dataclasses.dataclass
class Budget:
    """The file: Mesa's version, and the figures by family and kernel."""

    mesa: str
    rows: dict[str, dict[str, Figures]]


def version(driver: str) -> str:
    """Mesa's version of the driver's own text, without what a distribution adds."""
    return re.search(r"Mesa (\d+(?:\.\d+)+)", driver)[1]


def read(path: pathlib.Path) -> Budget:
    """Reads the file."""
    tables = tomllib.loads(path.read_text())
    mesa = tables.pop("mesa")
    return Budget(mesa, {family: {name: Figures(**row) for name, row in rows.items()} for family, rows in tables.items()})


def write(path: pathlib.Path, budget: Budget) -> None:
    """Writes the file."""

    def text(value: int | float | dict[str, int]) -> str:
        if not isinstance(value, dict):
            return str(value)
        return "{ " + ", ".join(f"{kind} = {n}" for kind, n in value.items()) + " }" if value else "{}"

    lines = [HEADER, f'mesa = "{budget.mesa}"']
    for family, rows in sorted(budget.rows.items()):
        lines += ["", f"[{family}]"]
        for name, figures in sorted(rows.items()):
            row = ", ".join(f"{field} = {text(value)}" for field, value in dataclasses.asdict(figures).items())
            lines.append(f'"{name}" = {{ {row} }}')
    path.write_text("\n".join(lines) + "\n")


def exceeded(name: str, found: Figures, most: Figures) -> list[str]:
    """Where a kernel's figures are above its budget."""
    faults = []
    if found.loop.get("fma") != most.loop.get("fma"):
        faults.append(
            f"{name}: a trip has {found.loop.get('fma', 0)} multiply-adds, the budget is of {most.loop.get('fma', 0)}: the loop does other "
            "work; run tools/rdna-model --write"
        )
    if found.waves < most.waves:
        faults.append(f"{name}: waves is {found.waves}, the budget is {most.waves}")
    exact = [(field, getattr(found, field), getattr(most, field)) for field in ("vgprs", "spilled", "shared")]
    # Small changes of the compiler's schedule are noise.
    near = [(field, getattr(found, field), getattr(most, field)) for field in ("instructions", "latency", "throughput")]
    for part, has, may in (("loop", found.loop, most.loop), ("step", found.step, most.step)):
        near += [(f"{part}.{kind}", n, may.get(kind, 0)) for kind, n in has.items()]
    faults += [f"{name}: {field} is {value}, the budget is {limit}" for field, value, limit in exact if value > limit]
    faults += [f"{name}: {field} is {value}, the budget is {limit}" for field, value, limit in near if value > limit * 1.02 + 4]
    return faults
