"""The time of a layer's training step on a card: a prediction, of which no number has been measured.

    time of a launch = the largest of
        vector             clocks in which the busiest SIMD issues the vector instructions of its waves
        workgroup memory   clocks in which the busiest compute unit moves their words
        L2                 bytes that all waves load and store, as if nothing were in a nearer cache
        memory             bytes of each operand once, as if nothing were in the L2 cache or the Infinity Cache

It takes the largest, as if the others were hidden behind it. It knows neither the start of a dispatch nor the latency of memory, of
barriers or of dependent instructions: a time loop with few workgroups, and a kernel of one time step, take longer than it says. Every wave
counts with all instructions, also those of a cell that it skips: it has no cell if a workgroup has fewer rows than parts of the depth.
"""

import dataclasses
import math
import re

from . import disassembly, machine
from .figures import Compiled
from .machine import Card

# How the engine cuts the work: src/backend/wgpu/rnn/plan.rs and blocks.rs.
DISPATCH_WORK = 2_000_000_000
SPLIT_ROWS, MAX_SPLITS = 256, (16, 64)
LARGE_ROWS, LARGE_UNITS = 128, 32
GPU_WORKGROUPS = 128
DEPTH = 16
# Rows, and units, of a workgroup of a time step; the units that it stages at a time: kernels/wgsl/rnn_step_*.wgsl.
STEP_TILE = 16
STEP_FORWARD_DEPTH, STEP_BACKWARD_DEPTH = 256, 48
# Multiply-adds of a cell are fewer.
CELL = 64


class Mismatch(Exception):
    """A kernel that this file does not describe, or describes wrongly."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """The sizes of a layer with one direction, and of its batch."""

    cell: str
    hidden: int
    features: int
    batch: int
    steps: int
    precision: str = "fp32"

    @property
    def vector_bytes(self) -> int:
        """Bytes of four packed weights, and of the four numbers that are kept of a unit and step."""
        return {"fp32": 16, "f16": 8}[self.precision]

    @property
    def name(self) -> str:
        """As tables call it."""
        return f"{self.cell.upper()} {self.hidden}" + ("" if self.precision == "fp32" else f" {self.precision}")

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
    def parts(self) -> list[tuple[int, int]]:
        """The time steps of the plan's parts, each with how many have as many; the last one may be shorter."""
        whole, rest = divmod(self.steps, self.part_steps)
        return [(self.part_steps, whole)] + ([(rest, 1)] if rest else [])

    @property
    def splits(self) -> int:
        """Shares of a part's rows that the weight gradient sums apart."""
        tiles = math.ceil(self.weight_columns / LARGE_ROWS) * math.ceil(self.hidden / LARGE_UNITS)
        of_large, most = MAX_SPLITS
        wanted = min(max(math.ceil(2 * GPU_WORKGROUPS / tiles), of_large), most)
        return min(max(math.ceil(self.part_steps * self.batch / SPLIT_ROWS), 1), wanted)

    @property
    def weight_columns(self) -> int:
        """Columns of the weight gradient that its tiles cover: the inputs and the units, each in whole fours."""
        return 4 * (math.ceil(self.features / 4) + math.ceil(self.hidden / 4))


@dataclasses.dataclass(frozen=True)
class Launch:
    """The dispatches of a kernel in a training step."""

    groups: int  # workgroups of a dispatch
    trips: tuple[float, ...]  # through the loops around its innermost loop with multiply-adds, and that loop last
    products: int  # multiply-adds of matrix products of a workgroup
    useful: int  # those of the layer's own products in a dispatch: without rows, units and columns that only fill a tile
    bytes: int  # of the operands of a dispatch, each once
    beside: int = 1  # trips through any other loop
    count: int = 1  # dispatches
    cells: int = 0  # of a workgroup, in the same loop as its products


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
    """The dispatches of the kernel of that name in a training step of the layer, those that are alike together."""
    file = re.search(r"(\w+)\.wgsl", name)[1]
    constants = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", name)}
    d, h, g = layer.features, layer.hidden, layer.gates
    columns = d + h + 1
    match file:
        case "rnn_pack":
            vectors = [(padded(d) + padded(h) + 1) * h, padded(h) * (h + d)]
            return [Launch(math.ceil(n / 64), (), 0, 0, 4 * g * h * (d + h) + layer.vector_bytes * n, beside=g) for n in vectors]
        case "rnn_weight_gradient_sum":
            moved = 16 * layer.splits * columns * h + 4 * g * h * columns
            return [Launch(math.ceil(columns * h / 64), (), 0, 0, moved, beside=max(layer.splits, g))]
        case "rnn_step_forward":
            return [of_part(file, constants, layer, 1, layer.steps)]
        case "rnn_step_backward":
            # At the end one more for the gradient by the first state.
            return [of_part(file, constants, layer, 1, layer.steps + 1)]
        case _:
            return [of_part(file, constants, layer, steps, count) for steps, count in layer.parts]


def of_part(file: str, constants: dict[str, int], layer: Layer, steps: int, count: int) -> Launch:
    """A kernel's dispatches for so many time steps each."""
    d, h, g = layer.features, layer.hidden, layer.gates
    rows = steps * layer.batch
    # Bytes of four numbers for each unit of all rows, of the units of all rows, of the input, and of packed weights.
    four = layer.vector_bytes
    fours, units, x, w_ih, w_hh = four * rows * h, 4 * rows * h, 4 * rows * d, four * padded(d) * h, four * padded(h) * h
    states = 2 if layer.cell == "lstm" else 1
    # Gates or their gradients in and out, and y; of an LSTM also the cell states.
    loop_bytes = 2 * fours + states * units + w_hh

    def tiles(n: int, size: str) -> int:
        return math.ceil(n / constants[size])

    def tile(*sizes: str) -> int:
        return math.prod(constants[size] for size in sizes)

    match file:
        case "rnn_project":
            groups, trips = tiles(rows, "ROWS") * tiles(h, "UNITS"), (tiles(padded(d), "DEPTH"),)
            # Four packed gates also of a GRU, whose last one holds a bias.
            return Launch(groups, trips, tile("ROWS", "UNITS") * 4 * padded(d), rows * g * h * d, x + fours + w_ih, count=count)
        case "rnn_persistent_forward" | "rnn_persistent_backward":
            # Backward an invocation has two units; of an odd number the last one has one.
            lanes = constants["PARTS"] * (h if file == "rnn_persistent_forward" else h + h % 2)
            products, cells = lanes * tile("DEPTH", "ROWS") * g * steps, lanes * steps
            return Launch(tiles(layer.batch, "ROWS"), (steps,), products, rows * g * h * h, loop_bytes, count=count, cells=cells)
        case "rnn_step_forward" | "rnn_step_backward":
            groups = math.ceil(layer.batch / STEP_TILE) * math.ceil(h / STEP_TILE)
            depth, staged = (STEP_FORWARD_DEPTH, 64) if file == "rnn_step_forward" else (STEP_BACKWARD_DEPTH, STEP_TILE)
            pieces = math.ceil(padded(h) / depth)
            trips, beside = (pieces, padded(h) / 16 / pieces), math.ceil(min(padded(h), depth) / staged)
            # The states before and after the step, which no time loop keeps.
            moved = loop_bytes + 2 * states * units
            return Launch(groups, trips, STEP_TILE * STEP_TILE * g * padded(h), rows * g * h * h, moved, beside, count)
        case "rnn_weight_gradient":
            groups = tiles(layer.weight_columns, "COLUMNS") * layer.splits * tiles(h, "UNITS")
            trips = (tiles(math.ceil(rows / layer.splits), "DEPTH"),)
            products = trips[0] * tile("DEPTH", "COLUMNS", "UNITS") * 4
            moved = fours + x + units + 16 * layer.splits * (d + h + 1) * h
            return Launch(groups, trips, products, rows * g * h * (d + h), moved, count=count)
        case "rnn_input_gradient":
            groups, trips = tiles(rows, "ROWS") * tiles(d, "FEATURES"), (1, tiles(padded(h), "DEPTH"))
            return Launch(groups, trips, tile("ROWS", "FEATURES") * g * padded(h), rows * g * h * d, fours + x + w_ih, count=count)
        case _:
            raise Mismatch("no kernel of a layer that tools/rdna/layer.py knows")


def multiplicities(kernel: disassembly.Loop, launch: Launch) -> list[tuple[disassembly.Loop, float]]:
    """Each loop of a kernel with how often a wave runs through it; the code outside of loops once."""
    main = disassembly.main_loop(kernel)
    around = kernel.around(main)[1:] if main else []
    if len(around) != len(launch.trips):
        raise Mismatch(f"{len(around)} loops around its multiply-adds, and tools/rdna/layer.py has trips of {len(launch.trips)}")
    trips = dict(zip(map(id, around), launch.trips))

    def visit(loop: disassembly.Loop, times: float) -> list[tuple[disassembly.Loop, float]]:
        inner = [pair for part in loop.inner for pair in visit(part, times * trips.get(id(part), launch.beside))]
        return [(loop, times), *inner]

    return visit(kernel, 1)


def check(launch: Launch, compiled: Compiled, times: list[tuple[disassembly.Loop, float]]) -> None:
    """Compares the multiply-adds that the trips give with those of the products: a changed kernel must not keep its old trips."""
    main = disassembly.main_loop(compiled.kernel)
    found = sum(n * compiled.workgroup * loop.multiply_adds() for loop, n in times if loop is main)
    # The first product of a sum is no multiply-add.
    if launch.products and not 0.8 * launch.products < found < 1.6 * launch.products + CELL * launch.cells:
        raise Mismatch(f"{found} multiply-adds in a workgroup's loop, and {launch.products} products by tools/rdna/layer.py: it has the trips of another kernel")


def time(name: str, compiled: Compiled, layer: Layer, card: Card) -> Time:
    """The time of all dispatches of the kernel of that name in a training step."""
    try:
        times = [of_launch(compiled, launch, card) for launch in launches(name, layer)]
    except Mismatch as error:
        raise Mismatch(f"{name}: {error}") from error
    return Time(*(sum(parts) for parts in zip(*map(dataclasses.astuple, times))))


def of_launch(compiled: Compiled, launch: Launch, card: Card) -> Time:
    """The time of a kernel's dispatches that are alike."""
    family = machine.FAMILIES[card.family]
    wave = machine.lanes(compiled.workgroup)
    times = multiplicities(compiled.kernel, launch)
    check(launch, compiled, times)
    issue = eighths = shared = moved = 0
    for loop, n in times:
        for instruction in loop.own:
            if instruction.kind in machine.VECTOR:
                issued, slow = machine.vector_clocks(instruction.opcode, family, wave)
                issue, eighths = issue + n * issued * (not instruction.is_paired), eighths + n * slow
            elif instruction.kind in ("read", "write"):
                shared += n * 4 * machine.words(instruction.opcode) * wave
            elif instruction.kind in ("load", "store"):
                moved += n * 4 * machine.words(instruction.opcode) * wave
    waves = -(-compiled.workgroup // wave)
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
