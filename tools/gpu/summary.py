"""summary.md: the first page, from the records alone, readable when half of the steps failed."""
import json
from pathlib import Path

from .results import Record, Results
from .steps import STEPS

ROWS = 24  # of the table beside others
CASES = 6  # of a step's failing cases
WIDTH = 500  # characters of a step's detail


def cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def page(results: Results, build: dict, notes: list[str], left_out: list[str]) -> str:
    records = results.records
    order = [step.name for step in STEPS if step.name in records]
    order += [name for name in records if name not in order]
    ran = [records[name] for name in order if records[name].ran]
    held = [record for record in ran if record.outcome == "held"]
    wrong = [record for record in ran if record.outcome != "held"]
    rest = [records[name] for name in order if not records[name].ran]
    parts = [
        f"# GPU suite: {len(held)} steps held, {len(wrong)} did not, {len(rest)} did not run",
        "\n".join(facts(records, build, notes)),
    ]
    if wrong:
        parts.append("## What does not hold\n\n" + "\n".join(line for record in wrong for line in broken(record)))
    if held:
        parts.append("## What holds\n\n" + "\n".join(fine(record) for record in held))
    if rest:
        parts.append("## What was not run\n\n" + "\n".join(reasons(rest)))
    parts += [part for part in (beside(results.folder), figures(results)) if part]
    parts.append(where(results.folder, left_out))
    return "\n\n".join(parts) + "\n"


def facts(records: dict[str, Record], build: dict, notes: list[str]) -> list[str]:
    of = lambda name, key: records[name].data.get(key) if name in records else None
    machine = f"{of('machine', 'nvidia-smi') or 'nvidia-smi does not answer'}; Python {of('machine', 'python')}"
    lines = [f"- machine: {machine if 'machine' in records else 'not asked'}"]
    if "devices" in records:
        lines.append(f"- engine: {cut(records['devices'].detail)}")
    lines.append(f"- build: commit {build.get('commit', 'unknown')}, {build.get('date', 'no date')}, {build.get('rustc', 'no rustc')}")
    return lines + [f"- {note}" for note in notes]


def broken(record: Record) -> list[str]:
    lines = [f"- **{record.name}** {record.outcome} after {record.seconds:.0f} s: {cut(record.detail)}"]
    failing = record.data.get("failing", [])
    for case in failing[:CASES]:
        lines.append(f"  - `{case['case']}` {case['what']}: {cut(case['detail'])}")
        for more in ("blocking", "memcheck"):
            if more in case:
                lines.append(f"    - {more}: {cut(case[more])}")
    if len(failing) > CASES:
        lines.append(f"  - and {len(failing) - CASES} more cases, in steps.jsonl")
    return lines


def fine(record: Record) -> str:
    detail = f": {cut(record.detail)}" if record.detail else ""
    return f"- {record.name} ({record.seconds:.0f} s){detail}"


def reasons(records: list[Record]) -> list[str]:
    """Steps that share a reason share a line."""
    by_reason: dict[str, list[str]] = {}
    for record in records:
        by_reason.setdefault(f"{record.outcome}: {record.detail}", []).append(record.name)
    return [f"- {', '.join(names)}: {cut(reason)}" for reason, names in by_reason.items()]


def beside(folder: Path) -> str | None:
    """What bench-peers found: of all peers, or else of the first."""
    tables = {name: read(folder / name) for name in ("peers/table.md", "peers-first/table.md")}
    name = next((name for name, table in tables.items() if table), None)
    if not name:
        return None
    lines = tables[name].splitlines()
    last = [line for line in lines if line.startswith("geomean")][-1:]
    rows = [line for line in lines if line.startswith(("|", "##"))]
    more = [f"({len(rows) - ROWS} more lines in {name})"] if len(rows) > ROWS else []
    return "\n".join(["## Beside others\n", *last, "", *rows[:ROWS], *more])


def figures(results: Results) -> str | None:
    lines = []
    latencies = read(results.folder / "latencies.json")
    try:
        lines += [f"- {name}: {value}" for name, value in flat(json.loads(latencies or "{}"))][:ROWS]
    except ValueError:
        lines.append("- latencies.json is torn")
    steps = results.records["profiles"].data.get("ms a step", {}) if "profiles" in results.records else {}
    if steps:
        lines.append("- ms of a training step: " + ", ".join(f"{name} {value}" for name, value in steps.items()))
    return "## Latencies and steps\n\n" + "\n".join(lines) if lines else None


def flat(value, name: str = ""):
    """The numbers of a JSON value by name; objects of a list are called what they call themselves."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from flat(below, f"{name} {key}".strip())
    elif isinstance(value, list):
        for i, below in enumerate(value):
            own = below.get("name", str(i)) if isinstance(below, dict) else str(i)
            yield from flat(below, f"{name} {own}".strip())
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield name, f"{value:.6g}"


def where(folder: Path, left_out: list[str]) -> str:
    lines = ["## Where to look", "", "- logs/STEP.txt: every command with its output and end; steps.jsonl: one object a step, the last of a name counts"]
    for name, what in (
        ("profiles", "profiles as JSON"),
        ("peers-first/results.jsonl", "every turn beside the peers that tell most"),
        ("peers/results.jsonl", "every turn beside others"),
        ("ncu", "NVIDIA's profiler"),
        ("machine-code.txt.xz", "machine code and ptxas's words"),
        ("attributes.json", "the driver's attributes of the device"),
    ):
        if (folder / name).exists():
            lines.append(f"- {name}: {what}")
    if left_out:
        lines.append(f"- left out of results.tar.xz, which would be too large: {', '.join(left_out)}")
    return "\n".join(lines)
