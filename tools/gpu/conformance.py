"""Which cases do not hold, and at which kernel: all cases in one process first; after a crash, a hang or a lost device each case that
has no verdict in a process of its own; and each that fails again with every launch waited for, and under memcheck."""
import json
from collections.abc import Generator

from .context import Context
from .process import Command, Ended, last_words
from .step import Verdict

ALL = 100.0  # seconds of all cases in one process
ONE = 15.0  # seconds of a case by itself
SILENCE = 30.0  # seconds between two verdicts: the first waits for NVRTC
CLOSER = 5  # failing cases that are looked at closer
MEMCHECK = 60.0  # seconds of a case under compute-sanitizer


def verdicts(text: str) -> dict[str, dict]:
    """What `check --json` printed: one object a line, by case."""
    found = {}
    for line in text.splitlines():
        try:
            verdict = json.loads(line)
            found[verdict["case"]] = verdict
        except (ValueError, KeyError, TypeError):
            continue  # a line that the end of the process tore
    return found


def out_of_bounds(verdict: dict) -> str:
    """The buffer that passes its bound by most."""
    # serde_json writes an infinite error as null.
    number = lambda value: float("inf") if value is None else float(value)
    passed = [(number(d["error"]), number(d["bound"]), d["buffer"]) for d in verdict["deviations"]]
    worst = max(passed, key=lambda d: d[0] / d[1] if d[1] else d[0], default=None)
    return f"{worst[2]} is off by {worst[0]:.2e}, allowed {worst[1]:.2e}" if worst else "no output was compared"


def case_names(listed: str) -> list[str]:
    """What `engine check --list` prints, without its titles."""
    return [line for line in listed.splitlines() if line.strip() and not line.startswith("#")]


def find(context: Context, precision: str, *options: str) -> Generator[Command, Ended, Verdict]:
    """A step's commands; its verdict names each case that fails, with what is known of it."""
    check = lambda *more, **how: context.check(precision, *options, *more, **how)
    some = ("--cell", "gru") if context.quick else ()
    listed = yield check(*some, "--list", limit=ONE)
    names = case_names(listed.out)
    if not listed.ok or not names:
        return Verdict(False, f"the cases are not listed: {listed.why()}")
    whole = yield check(*some, "--no-gradients", "--json", limit=ALL, silence=SILENCE)
    found = verdicts(whole.out)
    unknown = [name for name in names if name not in found]
    failing, holding = {}, {name for name, verdict in found.items() if verdict["holds"]}
    for name, verdict in found.items():
        if not verdict["holds"]:
            failing[name] = {"case": name, "what": "out of bounds", "detail": out_of_bounds(verdict)}
    notes, not_run = [], []
    if unknown:
        notes.append(f"all in one process: {whole.why()} after {len(found)} of {len(names)} cases, at or after `{unknown[0]}`")
    elif not whole.ok and not failing:
        notes.append(f"every case holds, and yet {whole.why()}")
    for name in unknown:
        alone = yield check("--case", name, "--no-gradients", "--json", limit=ONE)
        verdict = verdicts(alone.out).get(name)
        if alone.skipped or alone.stopped:
            not_run.append(name)
        elif verdict and verdict["holds"] and alone.ok:
            holding.add(name)
        elif verdict and not verdict["holds"]:
            failing[name] = {"case": name, "what": "out of bounds", "detail": out_of_bounds(verdict)}
        else:
            what = "lost device" if alone.code == 5 else alone.outcome
            failing[name] = {"case": name, "what": what, "detail": alone.why()}
    if unknown and unknown[0] in holding:
        notes.append(f"`{unknown[0]}` holds by itself")
    if len(failing) > CLOSER:
        notes.append(f"the first {CLOSER} of {len(failing)} failing cases were looked at closer")
    for case in list(failing.values())[:CLOSER]:
        yield from closer(context, check, case)
    if not_run:
        notes.append(f"{len(not_run)} cases not run, from `{not_run[0]}` on: no time left")
    held = len(holding) == len(names) and whole.ok
    text = f"{len(holding)} of {len(names)} cases hold"
    return Verdict(held, "; ".join([text, *notes]), {"holds": len(holding), "of": len(names), "failing": list(failing.values())})


def closer(context: Context, check, case: dict) -> Generator[Command, Ended, None]:
    """The operation at which a case fails."""
    alone = ("--case", case["case"], "--no-gradients")
    blocking = yield check(*alone, limit=ONE, env={"CUDA_LAUNCH_BLOCKING": "1"})
    if not blocking.skipped:
        case["blocking"] = "holds" if blocking.ok else blocking.why()
    if case["what"] not in ("crashed", "lost device"):
        return
    sanitizer = context.tool("compute-sanitizer")
    if not sanitizer:
        case["memcheck"] = "not here: compute-sanitizer"
        return
    under = (sanitizer, "--tool", "memcheck", "--error-exitcode", "9")
    watched = yield check(*alone, limit=MEMCHECK, under=under)
    told = [line.lstrip("= ").strip() for line in watched.out.splitlines() if line.startswith("=========")]
    invalid = [line for line in told if line.startswith(("Invalid", "Program hit", "Error", "at "))]
    case["memcheck"] = "; ".join(invalid[:3]) or ("finds nothing" if watched.ok else last_words(watched.out) or watched.why())
