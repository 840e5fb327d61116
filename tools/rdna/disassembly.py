"""Reads RADV's machine code: its text becomes instructions, and the loops among them."""

import dataclasses
import re

from . import machine


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One instruction."""

    opcode: str
    text: str
    target: str | None = None  # the block that a branch goes to
    is_paired: bool = False  # issued together with the one before

    @property
    def kind(self) -> str:
        """Its kind of machine.KINDS."""
        return machine.kind(self.opcode)

    @property
    def is_conditional(self) -> bool:
        """Whether it is a branch that may not be taken."""
        return self.opcode.startswith("s_cbranch")


@dataclasses.dataclass
class Code:
    """A kernel's instructions, and where its blocks begin among them."""

    instructions: list[Instruction]
    blocks: dict[str, int]

    def following(self, at: int) -> list[int]:
        """Where the code may go on after an instruction; first where it does all the work that it may have to do: conditional
        branches, which skip work that no lane has, fall through."""
        current = self.instructions[at]
        if current.opcode == "s_endpgm":
            return []
        if current.target is None:
            return [at + 1]
        target = self.blocks[current.target]
        return [at + 1, target] if current.is_conditional else [target]


@dataclasses.dataclass
class Loop:
    """One trip through a loop: the instructions that belong to no loop within it, and those loops. The whole kernel is a loop with
    one trip."""

    own: list[Instruction]
    inner: list["Loop"]

    def multiply_adds(self) -> int:
        """Those in a trip, without the inner loops."""
        return sum(instruction.kind == "fma" for instruction in self.own)

    def between_barriers(self) -> list[list[Instruction]]:
        """The parts of a trip from barrier to barrier. What follows the last barrier and what precedes the first one are one part."""
        parts: list[list[Instruction]] = [[]]
        for instruction in self.own:
            parts.append([]) if instruction.kind == "barrier" else parts[-1].append(instruction)
        return parts if len(parts) == 1 else [parts[-1] + parts[0], *parts[1:-1]]

    def all(self) -> list["Loop"]:
        """This loop and all within it."""
        return [self, *(loop for inner in self.inner for loop in inner.all())]

    def around(self, loop: "Loop") -> list["Loop"]:
        """The loops from this one to `loop`, outermost first; nothing if `loop` is not within it."""
        if self is loop:
            return [self]
        return next(([self, *path] for inner in self.inner if (path := inner.around(loop))), [])


def parse(text: str) -> Code:
    """Of the text of an executable's representation "Assembly": `BB7:`, then an instruction a line, its words after a semicolon."""
    code = Code([], {})
    for line in text.splitlines():
        body = line.split(";")[0].strip()
        if block := re.fullmatch(r"(BB\d+):", body):
            code.blocks[block[1]] = len(code.instructions)
        elif repeated := re.fullmatch(r"\(then repeated (\d+) times\)", body):
            code.instructions += code.instructions[-1:] * int(repeated[1])
        elif body:
            target = re.search(r"\b(BB\d+)$", body)
            # In waves of 32 lanes RDNA 3 issues two instructions at once: `v_dual_fmac_f32 ... :: v_dual_mul_f32 ...`.
            for at, part in enumerate(body.split(" :: ")):
                opcode = part.split()[0].replace("v_dual_", "v_")
                code.instructions.append(Instruction(opcode, part, target[1] if target else None, at > 0))
    return code


def structure(code: Code) -> Loop:
    """The whole kernel, with its loops."""
    spans: dict[int, int] = {}
    for at, branch in enumerate(code.instructions):
        start = code.blocks[branch.target] if branch.target else at + 1
        if start <= at:
            spans[start] = max(at, spans.get(start, at))
    ends = {at for at, instruction in enumerate(code.instructions) if instruction.opcode == "s_endpgm"}
    return trip(code, spans, 0, len(code.instructions) - 1, ends)


def trip(code: Code, spans: dict[int, int], start: int, end: int, goals: set[int]) -> Loop:
    """The instructions from `start` to the first of the goals, within `start..=end`; loops on the way are passed once."""
    leads = leading(code, start, end, goals)
    found, at = Loop([], []), start
    while True:
        if at != start and at in spans:
            last = spans[at]
            back = {i for i in range(at, last + 1) if at in code.following(i)}
            found.inner.append(trip(code, spans, at, last, back))
            at = next(to for i in range(at, last + 1) for to in code.following(i) if not at <= to <= last and to in leads)
            continue
        found.own.append(code.instructions[at])
        if at in goals:
            return found
        at = next(to for to in code.following(at) if to in leads and to > at)


def leading(code: Code, start: int, end: int, goals: set[int]) -> set[int]:
    """The instructions of `start..=end` from which the code comes to a goal without leaving them or going back."""
    leads = set(goals)
    for at in range(end, start - 1, -1):
        if any(at < to <= end and to in leads for to in code.following(at)):
            leads.add(at)
    return leads


def main_loop(kernel: Loop) -> Loop | None:
    """The innermost loop with multiply-adds, and of several the one with the most; None if no loop has any."""
    loops = [loop for loop in kernel.all()[1:] if loop.multiply_adds()]
    return max(loops, key=lambda loop: (len(kernel.around(loop)), loop.multiply_adds()), default=None)
