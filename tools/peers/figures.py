"""How bench-peers writes figures and tables."""
import statistics


def geomean(ratios):
    ratios = [ratio for ratio in ratios if ratio]
    return f"{statistics.geometric_mean(ratios):.2f}" if ratios else "n/a"


def number(value):
    if value is None:
        return "–"
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def table(lines, left=2):
    """A Markdown table that a terminal shows aligned, of a head and rows; the first `left` columns are text."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    pad = lambda cells: [cell.ljust(w) if i < left else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths))]
    rule = ["-" * w if i < left else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [pad(lines[0]), rule, *map(pad, lines[1:])])
