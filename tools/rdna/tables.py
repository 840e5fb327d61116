"""The figures of kernels and the times of layers as text."""

from . import figures, layer, machine
from .figures import Compiled, Figures
from .layer import Layer
from .machine import Card

HEAD = f"{'kernel':<66} vgprs spilled shared waves latency through. | loop: vector   fma  fma/read loads waits | step: vector   fma"


def share(counts: dict[str, int]) -> str:
    """The share of multiply-adds of the vector instructions."""
    return f"{100 * counts.get('fma', 0) / counts['vector']:.0f} %" if counts.get("vector") else "-"


def per_read(counts: dict[str, int]) -> str:
    """Multiply-adds for each read of workgroup memory."""
    return f"{counts['fma'] / counts['read']:.1f}" if counts.get("read") else "-"


def row(name: str, f: Figures) -> str:
    """The figures of a kernel as text."""
    loop = f"{f.loop.get('vector', 0) or '-':>12} {share(f.loop):>5} {per_read(f.loop):>9} {f.loop.get('load', 0):>5} {f.loop.get('wait', 0):>5}"
    step = f"{f.step.get('vector', 0) or '-':>12} {share(f.step):>5}"
    return f"{name:<66} {f.vgprs:>5} {f.spilled:>7} {f.shared:>6} {f.waves:>5.1f} {f.latency:>7} {f.throughput:>8} |{loop} |{step}"


def table(family: str, found: dict[str, Figures]) -> str:
    """The figures of kernels as text."""
    title = f"{family}: machine code, a trip through the innermost loop with multiply-adds, and the rest of the loops around it"
    return "\n".join([title, HEAD, *(row(name, f) for name, f in found.items())])


def parts(found: dict[str, Compiled]) -> str:
    """The work between the barriers of the kernels' loops as text: of a time loop the product and the cell."""
    lines = []
    for name, compiled in found.items():
        for loop in compiled.kernel.all()[1:]:
            between = loop.between_barriers()
            for part in between if len(between) > 1 else []:
                counts = figures.of_instructions(part)
                reads, writes, waits = (counts.get(kind, 0) for kind in ("read", "write", "wait"))
                lines.append(f"{name:<66} {counts['vector']:>6}  {share(counts):>5} {reads:>5} {writes:>6} {waits:>5}")
    head = f"{'between barriers: vector instructions and their share of multiply-adds':<80} reads writes waits"
    return "\n".join([head, *lines]) if lines else ""


def times(family: str, found: dict[str, Compiled], sizes: Layer) -> str:
    """The predicted times of a layer's kernels as text."""
    card = machine.CARDS[family]
    lines = [
        f"{card.name}: predicted microseconds of a training step of {sizes.name} (B={sizes.batch}, T={sizes.steps}, D={sizes.features}), not measured",
        f"{'kernel':<66} {'time':>8}  {'set by':<16} vector workgr.mem.     L2  memory   floor",
    ]
    total = floor = 0.0
    for name, compiled in found.items():
        t = layer.time(name, compiled, sizes, card)
        microseconds, bound = t.largest
        total, floor = total + microseconds, floor + t.floor
        lines.append(f"{name:<66} {microseconds:>8.1f}  {bound:<16} {t.vector:>6.1f} {t.workgroup_memory:>10.1f} {t.l2:>6.1f} {t.memory:>7.1f} {t.floor:>7.1f}")
    return "\n".join([*lines, f"{'all':<66} {total:>8.1f} {'':>52} {floor:>7.1f}"])


MARKDOWN = [
    "layer", "kernel", "VGPRs", "waves", "vector instr.", "multiply-adds", "of them a read", "rest of the step", "waits", "us", "set by", "floor us",
]


def markdown(labels: dict[str, str], found: dict[str, Compiled], sizes: Layer, card: Card) -> str:
    """Rows of a table in Markdown: the kernels of a layer that have products."""
    lines = []
    for name, compiled in found.items():
        f, time = compiled.figures, layer.time(name, compiled, sizes, card)
        if not f.loop:
            continue
        microseconds, bound = time.largest
        rest = f"{f.step['vector']} ({share(f.step)})" if f.step else "-"
        waits = f.loop.get("wait", 0) + f.step.get("wait", 0)
        cells = [sizes.name, labels[name], f.vgprs, f"{f.waves:.1f}", f.loop["vector"], share(f.loop), per_read(f.loop), rest]
        lines.append(f"| {' | '.join(map(str, cells))} | {waits} | {microseconds:.0f} | {bound} | {time.floor:.0f} |")
    return "\n".join(lines)
