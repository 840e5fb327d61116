"""Whole training steps: what `engine profile --predict` says beside our measured times and cuDNN's."""

import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORD = ROOT / "benches/runs/2026-11-27-h200"
# A pair of events around a launch reads 3.17 us where a queue of launches takes 2.00 us for each: latencies.json of the first record.
EVENTS = 3.168 - 2.004
# The columns, and the labels of their launches.
PARTS = {
    "projection": ["input projection"],
    "forward": ["rnn forward, persistent", "rnn forward, cluster", "rnn forward, step"],
    "backward": ["rnn backward, persistent", "rnn backward, cluster", "rnn backward, step"],
    "gradient": ["weight gradient", "weight gradient sum"],
    "packing": ["pack weights", "pack inputs", "pack states"],
}
# Cell, units, precision, folds, and the shape of tools/bench-peers. B=256, T=128; with folds B=32, T=60. D=160.
SHAPES = [(cell, units, precision, 1, shape) for cell in ("lstm", "gru") for units, shape in ((64, "G1"), (128, "G2"), (256, "G3")) for precision in ("bf16", "tf32")]
SHAPES += [("lstm", 64, "bf16", 32, None)]


def parts(totals: dict[str, float]) -> list[float]:
    """Microseconds of each column, from those of each kernel."""
    return [sum(totals.get(label, 0.0) for label in labels) for labels in PARTS.values()]


def predicted(engine: pathlib.Path, cell: str, units: int, precision: str, folds: int) -> dict[str, float]:
    """Microseconds of each kernel in a training step."""
    batch, steps = (256, 128) if folds == 1 else (32, 60)
    sizes = ["--hidden", units, "--batch", batch, "--time-steps", steps, "--features", 160, "--folds", folds]
    command = [engine, "profile", "--backend", "cuda", "--predict", "--json", "--cell", cell, "--precision", precision, *sizes]
    answer = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    return {kernel["name"]: kernel["total_us"] for kernel in json.loads(answer.stdout)["kernels"]}


def measured(cell: str, units: int, precision: str, folds: int) -> dict[str, float]:
    """The same, measured under events, without what the events add."""
    name = f"{cell}-{units}-{precision}" if folds == 1 else f"folds-{folds}-{precision}"
    profile = json.loads((RECORD / f"profiles/{name}.json").read_text())
    return {k["name"]: (k["total_ms"] * 1e3 - k["launches"] * EVENTS) / profile["iterations"] for k in profile["kernels"]}


def peers(cell: str, precision: str, shape: str | None) -> tuple[float | None, float | None]:
    """Milliseconds of our layer in a queue, and of the fastest cuDNN: graphs included; fp16 counts for bf16."""
    rows = [json.loads(line) for line in (RECORD / "peers/results.jsonl").read_text().splitlines()]
    rows = [row for row in rows if (row["cell"], row["shape"]) == (cell, shape)]
    formats = ("tf32",) if precision == "tf32" else ("bf16", "fp16")
    own = [min(row["queued_ms"]) for row in rows if row["peer"] == f"engine-cuda-{precision}"]
    rivals = [row for row in rows if row["peer"].startswith("cudnn-") and row["peer"].endswith(formats)]
    times = [ms for row in rivals for of in ("ms", "queued_ms", "event_ms", "graph_ms") for ms in row.get(of) or []]
    return min(own, default=None), min(times, default=None)


def table(engine: pathlib.Path) -> str:
    """The table in Markdown."""
    lines = [
        "Microseconds, predicted / measured. B=256, T=128, D=160; 32 folds: B=32, T=60. `gradient` has the sum of its splits. `layer` is a",
        "training pass of the layer without the gradient by the input, `network` the whole training step; both measured under events, less",
        f"the {EVENTS:.2f} us that a pair adds to a launch. `queued` is our layer measured without events, cuDNN its fastest: a pass with the",
        "gradient by the input, as a graph where that is faster, in tf32 or in a format of 16 bits.",
        "",
        f"| layer | precision | {' | '.join(PARTS)} | layer | pred. / meas. | queued | cuDNN | network | pred. / meas. |",
        f"|---|---|{'---:|' * (len(PARTS) + 6)}",
    ]
    for cell, units, precision, folds, shape in SHAPES:
        both = [predicted(engine, cell, units, precision, folds), measured(cell, units, precision, folds)]
        pieces = [parts(totals) for totals in both]
        layer, network = [sum(piece) for piece in pieces], [sum(totals.values()) for totals in both]
        queued, cudnn = (f"{ms * 1e3:.0f}" if ms else "–" for ms in peers(cell, precision, shape))
        columns = [f"{p:.0f} / {m:.0f}" for p, m in zip(*pieces)]
        columns += [f"{layer[0]:.0f} / {layer[1]:.0f}", f"{layer[0] / layer[1]:.2f}", queued, cudnn]
        columns += [f"{network[0]:.0f} / {network[1]:.0f}", f"{network[0] / network[1]:.2f}"]
        name = f"{cell.upper()} {units}" + (f", {folds} folds" if folds > 1 else "")
        lines.append(f"| {name} | {precision} | {' | '.join(columns)} |")
    return "\n".join(lines)
