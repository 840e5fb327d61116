"""What a step is, and how one becomes a record: its commands one after the other, each under its own limit and the step's."""
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from .process import Command, Ended, run
from .results import Record, Results

# Of a step's commands the worst counts.
WORST = ["stopped", "hung", "crashed", "failed", "not here", "not run", "held"]


@dataclass
class Verdict:
    """What a step found, where its commands' exit codes do not say it."""

    held: bool
    text: str
    data: dict = field(default_factory=dict)
    missing: bool = False  # nothing was found out, since what it needs is not here


# Commands are given out one by one, and how each ended is sent back.
Commands = Generator[Command, Ended, Verdict | None]


@dataclass(frozen=True)
class Step:
    name: str
    tells: str  # in one line
    limit: float  # seconds of all its commands
    commands: Callable[..., Commands]
    needs: tuple[str, ...] = ("gpu",)
    beside: bool = False  # may run at the same time as others: measures nothing, and no other step depends on what it finds


def each(*commands: Command) -> Commands:
    """All of them, whatever happens to one."""
    failed = []
    for command in commands:
        ended = yield command
        if not ended.ok:
            failed.append((command, ended))
    if len(commands) == 1 or not failed:
        return Verdict(not failed, failed[0][1].why() if failed else "")
    told = "; ".join(f"{command.title()}: {ended.why()}" for command, ended in failed)
    return Verdict(False, f"{len(failed)} of {len(commands)}: {told}")


def carry_out(step: Step, context, results: Results, left: float, stopping: Callable[[], bool]) -> Record:
    """Runs a step for at most `left` seconds. Nothing that it does, or that is wrong in it, ends the suite."""
    start, log, all_ended = time.monotonic(), results.log(step.name), []
    limit = min(context.limited(step.limit), left)
    verdict, commands = None, step.commands(context)
    try:
        command = next(commands)
        while True:
            rest = limit - (time.monotonic() - start)
            if stopping():
                ended = Ended(command, skipped="the suite was told to stop")
            elif rest <= 0:
                ended = Ended(command, skipped=f"the step's {limit:.0f} s are over")
            else:
                command.limit = min(command.limit, rest)
                log.say(f"$ {command.title()}")
                ended = run(command, log, stopping, context.root)
                log.say(f"\n[{ended.outcome}{'' if ended.ok else ': ' + ended.why()}, {ended.seconds:.1f} s]\n")
            all_ended.append(ended)
            command = commands.send(ended)
    except StopIteration as done:
        verdict = done.value
    except Exception as error:  # of a step that reads what was not expected
        verdict = Verdict(False, f"the step itself failed: {type(error).__name__}: {error}")
        log.say(verdict.text)
    log.close()
    return record(step, all_ended, verdict, time.monotonic() - start, limit)


def record(step: Step, all_ended: list[Ended], verdict: Verdict | None, seconds: float, limit: float) -> Record:
    worst = min(all_ended, key=lambda ended: WORST.index(ended.outcome), default=None)
    held = verdict.held if verdict else worst is None or worst.ok
    outcome = "held" if held else "failed"
    if worst and (worst.stopped or not held and not worst.ok):
        outcome = worst.outcome
    if verdict and verdict.missing:
        outcome = "not here"
    detail = verdict.text if verdict else "" if held or not worst else worst.why()
    return Record(
        name=step.name,
        command=all_ended[0].command.title() if all_ended else "",
        seconds=round(seconds, 2),
        outcome=outcome,
        detail=detail,
        code=worst.code if worst else None,
        signal=worst.signal if worst else None,
        limit=round(limit, 1),
        data=verdict.data if verdict else {},
    )
