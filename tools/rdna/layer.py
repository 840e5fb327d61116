"""The time of a layer's training step on a card: a prediction, of which no number has been measured.

    time of a launch = the largest of
        vector             clocks in which the busiest SIMD issues the vector instructions of its waves
        workgroup memory   clocks in which the busiest compute unit moves their words
        L2                 bytes that all waves load and store, as if nothing were in a nearer cache
        memory             bytes of each operand once, as if nothing were in the L2 cache or the Infinity Cache

It takes the largest, as if the others were hidden behind it. It knows neither the start of a dispatch nor the latency of memory, of
barriers or of dependent instructions: a time loop with few workgroups takes longer than it says.
"""

import dataclasses
import math
import re

from . import disassembly, machine
from .figures import Compiled
from .machine import Card

# How the engine cuts the work: src/backend/wgpu/rnn/plan.rs and blocks.rs.
DISPATCH_WORK = 2_000_000_000
SPLIT_ROWS, MAX_SPLITS = 256, 16
DEPTH = 16


@dataclasses.dataclass(frozen=True)
class Layer:
    """The sizes of a layer with one direction, and of its batch."""

    cell: str
    hidden: int
    features: int
    batch: int
    steps: int

    @property
    def gates(self) -> int:
        """Gates of the cell."""
        return {"lstm": 4, "gru": 3}[self.cell]

    @property
    def part_steps(self) -> int:
        """Time steps of one part of the plan, which is a dispatch of each kernel."""
        work = 2 * self.gates * self.hidden * (self.hidden + self.features) * self.batch
        return min(max(DISPATCH_WORK // work, 1), self.steps)

    @property
    def parts(self) -> int:
        """Parts of the plan."""
        return -(-self.steps // self.part_steps)

    @property
    def splits(self) -> int:
        """Shares of a part's rows that the weight gradient sums apart."""
        return min(max(-(-self.part_steps * self.batch // SPLIT_ROWS), 1), MAX_SPLITS)


@dataclasses.dataclass(frozen=True)
class Launch:
    """The dispatches of a kernel in a training step."""

    groups: int  # workgroups of a dispatch
    trips: tuple[int, ...]  # through the loops around its innermost loop with multiply-adds, and that loop last
    products: int  # multiply-adds of matrix products of a workgroup
    useful: int  # those of the layer's own products in a dispatch: without rows, units and columns that only fill a tile
    bytes: int  # of the operands of a dispatch, each once
    beside: int = 1  # trips through any other loop
    count: int = 1  # dispatches


@dataclasses.dataclass(frozen=True)
class Time:
    """The microseconds of all dispatches of a kernel, by what they are spent on."""

    vector: float
    workgroup_memory: float
    l2: float
    memory: float
    floor: float  # of the larger of its useful multiply-adds, at the card's full rate, and its bytes

    @property
    def largest(self) -> tuple[float, str]:
        """The time, and what sets it."""
        bounds = [(self.vector, "vector"), (self.workgroup_memory, "workgroup memory"), (self.l2, "L2"), (self.memory, "memory")]
        return max(bounds)


def padded(n: int) -> int:
    """To whole rounds of the tiled kernels."""
    return -(-n // DEPTH) * DEPTH


def launches(name: str, layer: Layer) -> list[Launch]:
    """The dispatches of the kernel of that name in a training step of the layer; several where they differ."""
    file = re.search(r"(\w+)\.wgsl", name)[1]
    c = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", name)}
    b, d, h, g = layer.batch, layer.features, layer.hidden, layer.gates
    steps, parts = layer.part_steps, layer.parts
    rows = steps * b
    # Bytes: four numbers for each unit of a row, the units of a row, and packed weights.
    fours, units = 16 * rows * h, 4 * rows * h
    w_ih, w_hh = 16 * padded(d) * h, 16 * padded(h) * h
    columns = d + h + 1
    partial = 16 * layer.splits * columns * h

    def tiles(n: int, size: str) -> int:
        return math.ceil(n / c[size])

    match file:
        case "rnn_pack":
            lens = [(padded(d) + padded(h) + 1) * h, padded(h) * (h + d)]
            return [Launch(math.ceil(n / 64), (), 0, 0, 4 * g * h * (d + h) + 16 * n, beside=g) for n in lens]
        case "rnn_project":
            groups = tiles(rows, "ROWS") * tiles(h, "LANES")
            # Four packed gates also of a GRU, whose last one holds a bias.
            tile = c["ROWS"] * c["LANES"] * 4
            staging = c["DEPTH"] * c["ROWS"] // c["LANES"]
            trips = (padded(d) // c["DEPTH"],)
            return [Launch(groups, trips, tile * padded(d), rows * g * h * d, 4 * rows * d + fours + w_ih, staging, parts)]
        case "rnn_persistent_forward" | "rnn_persistent_backward":
            states = 2 if layer.cell == "lstm" else 1
            return [Launch(math.ceil(b / g), (steps,), g * g * h * c["PADDED"] * steps, rows * g * h * h, 2 * fours + states * units + w_hh, 1, parts)]
        case "rnn_streamed_forward" | "rnn_streamed_backward":
            states = 2 if layer.cell == "lstm" else 1
            products = c["ROWS"] * c["LANES"] * g * h * steps
            return [Launch(tiles(b, "ROWS"), (steps, h), products, rows * g * h * h, 2 * fours + states * units + w_hh, 1, parts)]
        case "rnn_step_forward" | "rnn_step_backward":
            groups = tiles(b, "ROWS") * tiles(h, "LANES")
            products = c["ROWS"] * c["LANES"] * g * padded(h)
            staging = c["DEPTH"] * c["ROWS"] // c["LANES"]
            moved = 16 * 2 * b * h + 4 * 4 * b * h + w_hh
            return [Launch(groups, (padded(h) // c["DEPTH"],), products, b * g * h * h, moved, staging, layer.steps)]
        case "rnn_weight_gradient":
            groups = tiles(columns, "COLUMNS") * layer.splits * tiles(h, "LANES")
            share = math.ceil(rows / layer.splits)
            trips = (math.ceil(share / c["DEPTH"]),)
            products = trips[0] * c["DEPTH"] * c["COLUMNS"] * c["LANES"] * 4
            staging = c["DEPTH"] * c["COLUMNS"] // c["LANES"]
            return [Launch(groups, trips, products, rows * g * h * (d + h), fours + 4 * rows * d + units + partial, staging, parts)]
        case "rnn_weight_gradient_sum":
            return [Launch(math.ceil(columns * h / 64), (), 0, 0, partial + 4 * g * h * columns, max(layer.splits, g))]
        case "rnn_input_gradient":
            groups = tiles(rows, "ROWS") * tiles(d, "LANES")
            staging = c["DEPTH"] * c["ROWS"] // c["LANES"]
            products = c["ROWS"] * c["LANES"] * g * padded(h)
            return [Launch(groups, (1, padded(h) // c["DEPTH"]), products, rows * g * h * d, fours + 4 * rows * d + w_ih, staging, parts)]
        case _:
            raise ValueError("no kernel of a layer that tools/rdna/layer.py knows")


def multiplicities(kernel: disassembly.Loop, launch: Launch) -> list[tuple[disassembly.Loop, int]]:
    """Each loop of a kernel with how often a wave runs through it; the code outside of loops once."""
    main = disassembly.main_loop(kernel)
    around = kernel.around(main)[1:] if main else []
    if len(around) != len(launch.trips):
        raise ValueError(f"{len(around)} loops around its multiply-adds, and tools/rdna/layer.py has trips of {len(launch.trips)}")
    trips = dict(zip(map(id, around), launch.trips))

    def visit(loop: disassembly.Loop, times: int) -> list[tuple[disassembly.Loop, int]]:
        inner = [pair for part in loop.inner for pair in visit(part, times * trips.get(id(part), launch.beside))]
        return [(loop, times), *inner]

    return visit(kernel, 1)


def check(launch: Launch, compiled: Compiled, times: list[tuple[disassembly.Loop, int]]) -> None:
    """Compares the multiply-adds that the trips give with those of the products: a changed kernel must not keep its old trips."""
    main = disassembly.main_loop(compiled.kernel)
    found = sum(n * compiled.workgroup * loop.count("fma") for loop, n in times if loop is main)
    # The first product of a sum is no multiply-add, and a persistent kernel's loop also has the cell's.
    if launch.products and not 0.8 < found / launch.products < 1.6:
        raise ValueError(f"{found} multiply-adds in a workgroup's loops, and {launch.products} products in tools/rdna/layer.py: its trips are those of another kernel")


def time(name: str, compiled: Compiled, layer: Layer, card: Card) -> Time:
    """The time of all dispatches of the kernel of that name in a training step."""
    try:
        times = [of_launch(compiled, launch, card) for launch in launches(name, layer)]
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return Time(*(sum(parts) for parts in zip(*map(dataclasses.astuple, times))))


def of_launch(compiled: Compiled, launch: Launch, card: Card) -> Time:
    """The time of a kernel's dispatches that are alike."""
    family = machine.FAMILIES[card.family]
    times = multiplicities(compiled.kernel, launch)
    check(launch, compiled, times)
    issue = eighths = shared = moved = 0
    for loop, n in times:
        for instruction in loop.own:
            if instruction.kind in machine.VECTOR:
                issued, slow = machine.vector_clocks(instruction.opcode, family)
                issue, eighths = issue + n * issued, eighths + n * slow
            elif instruction.kind in ("read", "write"):
                shared += n * 4 * machine.words(instruction.opcode) * machine.LANES
            elif instruction.kind in ("load", "store"):
                moved += n * 4 * machine.words(instruction.opcode) * machine.LANES
    waves = -(-compiled.workgroup // machine.LANES)
    on_busiest = waves * -(-launch.groups // card.units)
    on_simd = -(-on_busiest // machine.SIMDS)
    full_rate = card.units * machine.SIMDS * (64 if family.is_wide else 32)
    microseconds = launch.count / 1e3
    memory = launch.bytes / card.memory
    return Time(
        microseconds * card.nanoseconds(on_simd * max(issue, eighths)),
        microseconds * card.nanoseconds(on_busiest * shared / machine.WORKGROUP_MEMORY_BYTES),
        microseconds * card.nanoseconds(launch.groups * waves * moved / card.cache),
        microseconds * memory,
        microseconds * max(card.nanoseconds(launch.useful / full_rate), memory),
    )
