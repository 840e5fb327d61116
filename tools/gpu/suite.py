"""The loop over the steps: time left, signals, what is packed when."""
import json
import shlex
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import takewhile
from pathlib import Path

from .archive import NAME, Archive
from .context import Context
from .results import Record, Results
from .step import Step, carry_out
from .steps import DIAGNOSIS, STEPS
from .summary import page

NO_GPU = 4  # exit code
LEAST = 20.0  # seconds with which a step may still tell something
RESERVE = 45.0  # seconds at most that are kept for the last archive


def chosen(options) -> list[Step]:
    names = [step.name for step in STEPS]
    first = names.index(options.start) if options.start else 0
    only = options.only or names
    return [step for step in STEPS[first:] if step.name in only]


class Suite:
    def __init__(self, root: Path, options):
        self.folder = options.results.resolve()
        self.results = Results(self.folder)
        self.context = Context(root, self.folder, options.quick, options.limit)
        self.archive = Archive(self.folder)
        self.options = options
        self.signal: int | None = None
        total = 60 * options.minutes
        self.deadline = time.monotonic() + total - min(RESERVE, total / 20)
        self.held = True
        self.asked = False
        try:
            self.build = json.loads((root / "build.json").read_text())
        except (OSError, ValueError):
            self.build = {}

    def stopping(self) -> bool:
        return self.signal is not None

    def on_signal(self, number: int, _frame) -> None:
        self.signal = self.signal or number

    def has_no_gpu(self) -> bool:
        """Known only after the engine was asked for its devices."""
        return self.asked and not self.context.usable_gpu() and not self.stopping()

    def run(self) -> int:
        for which in (signal.SIGINT, signal.SIGTERM):
            signal.signal(which, self.on_signal)
        steps = chosen(self.options)
        # Whatever is chosen: all others need to know.
        gate = next(step for step in STEPS if step.name == "devices")
        for group in self.groups(steps if gate in steps else [gate, *steps]):
            self.group(group)
            if gate in group and self.has_no_gpu():
                self.group([DIAGNOSIS])
        print(f"\n{self.folder / 'summary.md'} says what was found; {NAME} beside it is all of it")
        if (on := self.going_on()) is not None:
            print(on)
        if self.signal is not None:
            return 128 + self.signal
        if self.has_no_gpu():
            return NO_GPU
        return 0 if self.held and not self.results.troubles else 1

    def groups(self, steps: list[Step]) -> list[list[Step]]:
        """The steps of a group run at the same time. With --parallel all that may run beside others are one group."""
        if not self.options.parallel:
            return [[step] for step in steps]
        before = list(takewhile(lambda step: not step.beside, steps))
        beside = [step for step in steps if step.beside]
        after = [step for step in steps[len(before) :] if not step.beside]
        return [group for group in [*([step] for step in before), beside, *([step] for step in after)] if group]

    def group(self, steps: list[Step]) -> None:
        # A thread only waits for its step's processes. More of them than processors would use up one another's limits.
        with ThreadPoolExecutor(min(len(steps), os.cpu_count() or 1)) as threads:
            for done in as_completed([threads.submit(self.record, step) for step in steps]):
                self.ended(done.result())

    def ended(self, record: Record) -> None:
        self.asked |= record.name == "devices" and record.ran
        before = self.results.records.get(record.name)
        # What an earlier call found stays, if this one has nothing to say.
        if record.ran or before is None or not before.ran:
            self.results.add(record)
        self.held &= record.outcome == "held" or not record.ran
        self.pack()
        detail = " ".join(record.detail.split())[:110]
        print(f"{record.name:<26} {record.seconds:6.1f} s  {record.outcome}{': ' + detail if detail else ''}", flush=True)

    def record(self, step: Step) -> Record:
        left = self.deadline - time.monotonic()
        not_run: Callable[[str, str], Record] = lambda outcome, why: Record(step.name, "", 0.0, outcome, why, limit=step.limit)
        if self.stopping():
            return not_run("not run", f"the suite was stopped by {signal.Signals(self.signal).name}")
        if left < min(LEAST, self.context.limited(step.limit)):
            return not_run("not run", "no time left")
        for need in step.needs:
            if lacking := self.context.lacks(need):
                return not_run("not here", lacking)
        return carry_out(step, self.context, self.results, left, self.stopping)

    def pack(self) -> None:
        """The page first, since it goes into the archive; then the page again, if it has to say what does not fit."""
        try:
            self.page()
            before = list(self.archive.left_out)
            self.archive.pack()
            if self.archive.left_out != before:
                self.page()
                self.archive.pack()
        except OSError as error:
            self.results.trouble(f"{NAME} is not renewed: {error.strerror}; the last one stays as it is")
            self.page()

    def page(self) -> None:
        self.results.write("summary.md", page(self.results, self.build, self.notes(), self.archive.left_out))

    def notes(self) -> list[str]:
        context, precompiled = self.context, len(self.context.precompiled())
        nvrtc = f"NVRTC from {context.nvrtc}" if context.nvrtc else f"no NVRTC here: {precompiled} precompiled programs are used"
        notes = [nvrtc]
        if context.quick:
            notes.append("**--quick**: whether everything works, on tiny cases; no figure here measures anything")
        if (on := self.going_on()) is not None:
            notes.append(on)
        return notes + [f"**trouble:** {trouble}" for trouble in self.results.troubles]

    def going_on(self) -> str | None:
        """How to run what there was no time for."""
        records = self.results.records
        waiting = [step.name for step in STEPS if step.name in records and records[step.name].outcome in ("not run", "stopped")]
        if not waiting:
            return None
        program = self.context.root / "tools" / "gpu-suite"
        how = (" --quick" if self.context.quick else "") + (" --parallel" if self.options.parallel else "")
        return f"go on with: {shlex.quote(str(program))} {shlex.quote(str(self.folder))}{how} --only {','.join(waiting)}"


def listed(options) -> None:
    limits = [(step, min(step.limit, options.limit or step.limit)) for step in chosen(options)]
    for step, limit in limits:
        print(f"{step.name:<26} {limit:4.0f} s  {step.tells}")
    print(f"{'':<26} {sum(limit for _, limit in limits):4.0f} s  at most, one after the other", file=sys.stderr)
