"""Plays a loop on one multiprocessor: four schedulers with in-order warps, ptxas' stall counts, six scoreboards a warp, pipes with their
rates, and barriers of a block."""

import collections
import dataclasses
import heapq
from collections.abc import Iterator

from . import machine
from .disassembly import Path

TRIPS = 10
BOARDS = 6


@dataclasses.dataclass
class Warp:
    """A warp in its loop."""

    number: int
    position: int = 0
    trip: int = 0
    ready: float = 0.0  # by stall counts
    boards: list[float] = dataclasses.field(default_factory=lambda: [0.0] * BOARDS)
    owners: list[str] = dataclasses.field(default_factory=lambda: [""] * BOARDS)
    is_at_barrier: bool = False
    last_issue: float = 0.0
    ends: list[float] = dataclasses.field(default_factory=list)
    copied: float = 0.0  # when the asynchronous copies so far have arrived
    groups: list[float] = dataclasses.field(default_factory=list)  # the same at the end of each group of them


@dataclasses.dataclass
class Prediction:
    """Cycles of a trip, and the cycles that the first warp waited in it, by reason."""

    cycles: float
    waits: dict[str, float]


class Multiprocessor:
    """The state of one multiprocessor while it runs blocks of a kernel."""

    def __init__(self, trip: Path, warps: int, blocks: int, source: str):
        self.trip, self.warps_per_block = trip, warps
        self.latency = machine.LATENCY | dict.fromkeys(machine.LOADS, machine.GLOBAL_LATENCY[source])
        self.warps = [Warp(number) for number in range(warps * blocks)]
        self.pipes = [collections.defaultdict(float) for _ in range(4)]
        self.issue = [0.0] * 4  # when each scheduler may issue again
        self.memory_path = 0.0  # when it is free
        self.queues = [collections.deque([0.0] * machine.MEMORY_QUEUE, machine.MEMORY_QUEUE) for _ in range(4)]  # starts in the path

    def earliest(self, warp: Warp) -> tuple[float, str]:
        """When the warp's next instruction may issue, and the reason why not earlier."""
        current, _ = self.trip[warp.position]
        reasons = [(warp.ready, "stall counts")]
        reasons += [(warp.boards[b], warp.owners[b]) for b in range(BOARDS) if current.waits >> b & 1]
        if current.kind == "wait for copies":
            pending = int(current.text.split(",")[1], 16)
            reasons += [(group, "async copy") for group in warp.groups[: len(warp.groups) - pending]]
        reasons.append((self.pipes[warp.number % 4][machine.pipe(current.kind)], f"pipe of {machine.pipe(current.kind)}"))
        if current.kind in machine.MEMORY - {"constant load"}:
            reasons.append((self.queues[warp.number % 4][0], "path to memory"))
        reasons.append((self.issue[warp.number % 4], "other warps"))
        return max(reasons, key=lambda reason: reason[0])

    def run(self, warp: Warp, time: float) -> None:
        """Issues the warp's next instruction."""
        current, is_taken = self.trip[warp.position]
        pipe, words = machine.pipe(current.kind), current.words()
        pipes = self.pipes[warp.number % 4]
        pipes[pipe] = time + machine.PIPE_CYCLES.get(pipe, 1) * words
        if pipe == "integer multiply":
            pipes["fma"] = max(pipes["fma"], time + 1)
        start = time
        if current.kind in machine.MEMORY - {"constant load"}:
            start = max(time, self.memory_path)
            self.memory_path = start + machine.MEMORY_PATH.get(current.kind, 1.0) * words
            self.queues[warp.number % 4].append(start)
        self.issue[warp.number % 4] = time + 1
        warp.ready = time + max(current.stall, 1)
        if current.write_board < BOARDS:
            done = start + self.latency.get(current.kind, self.latency["other"])
            warp.boards[current.write_board] = max(warp.boards[current.write_board], done)
            warp.owners[current.write_board] = current.kind
        if current.read_board < BOARDS:
            done = start + machine.READ_LATENCY.get(current.kind, machine.READ_LATENCY["other"])
            warp.boards[current.read_board] = max(warp.boards[current.read_board], done)
            warp.owners[current.read_board] = f"operands of {current.kind}"
        if current.kind == "async copy":
            warp.copied = max(warp.copied, start + self.latency["async copy"])
        if current.kind == "end of copies":
            warp.groups.append(warp.copied)
        if is_taken:
            warp.ready = max(warp.ready, time + machine.TAKEN_BRANCH)
        if current.opcode.startswith("BSYNC"):
            warp.ready = max(warp.ready, time + machine.RECONVERGENCE)
        warp.position += 1
        if warp.position == len(self.trip):
            warp.position, warp.trip = 0, warp.trip + 1
            warp.ends.append(time)

    def arrive(self, warp: Warp, time: float, kind: str) -> list[Warp]:
        """Stops the warp until all warps of its block have come to the barrier, and returns those that go on. The other blocks of a
        cluster are as fast as this one."""
        warp.is_at_barrier = True
        first = warp.number // self.warps_per_block * self.warps_per_block
        block = self.warps[first : first + self.warps_per_block]
        if not all(other.is_at_barrier for other in block):
            return []
        for other in block:
            other.is_at_barrier = False
            own = machine.BARRIER + machine.BARRIER_WARP * len(block)
            other.ready = max(other.ready, time + (machine.CLUSTER_BARRIER if kind == "cluster barrier" else own))
        return block

    def play(self, trips: int) -> Iterator[tuple[float, str, Warp]]:
        """Runs all warps through these trips. Yields each instruction's time, the reason why not earlier, and its warp."""
        # A warp's time never becomes earlier while it waits, so that the least of the known ones alone must be looked at again.
        waiting = [self.turn(warp, 0.0) for warp in self.warps]
        while waiting:
            warp = self.warps[heapq.heappop(waiting)[3]]
            time, reason = self.earliest(warp)
            turn = self.turn(warp, time)
            if waiting and turn > waiting[0]:
                heapq.heappush(waiting, turn)
                continue
            yield time, reason, warp
            warp.last_issue = time
            self.run(warp, time)
            kind = self.trip[turn[2]][0].kind
            ready = self.arrive(warp, time, kind) if kind in ("barrier", "cluster barrier") else [warp]
            for other in ready:
                if other.trip < trips:
                    heapq.heappush(waiting, self.turn(other, other.ready))

    def turn(self, warp: Warp, time: float) -> tuple[float, int, int, int]:
        """The order of warps: by time; of equal ones the warp that is furthest behind."""
        return round(time, 6), warp.trip, warp.position, warp.number


def play(trip: Path, warps: int, blocks: int, source: str) -> Prediction:
    """Plays TRIPS trips of `blocks` blocks of `warps` warps, and measures the second half, in which the loop is steady. Loads from
    global memory find their data in `source`, L2 or DRAM."""
    multiprocessor = Multiprocessor(trip, warps, blocks, source)
    half, waits = TRIPS // 2, collections.Counter()
    for time, reason, warp in multiprocessor.play(TRIPS):
        if warp.number == 0 and warp.trip >= half:
            waits[reason] += time - warp.last_issue
    ends = multiprocessor.warps[0].ends
    count = TRIPS - half
    return Prediction((ends[-1] - ends[half - 1]) / count, {reason: cycles / count for reason, cycles in waits.items()})


def play_once(path: Path, warps: int, blocks: int, source: str) -> float:
    """The cycles of `blocks` blocks from the first instruction of the path to the last warp's last one."""
    multiprocessor = Multiprocessor(path, warps, blocks, source)
    for _ in multiprocessor.play(1):
        pass
    return max(warp.ends[-1] for warp in multiprocessor.warps)
