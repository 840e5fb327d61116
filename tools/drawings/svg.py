"""Shapes of a drawing that is legible on light and on dark pages."""
from xml.sax.saxutils import escape

# Colors by role, in light and in dark mode.
STYLE = """\
:root { --ink: #1b1f24; --quiet: #57606a; --paper: #ffffff; --soft: #f3f5f8; --line: #c5ccd3; --blue: #1f5fa8; --pale: #dbe8f6; --red: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --quiet: #9aa4af; --paper: #16191d; --soft: #20252b; --line: #4a535d; --blue: #6cb0f5; --pale: #1d3550; --red: #ff8a80; } }
text { fill: var(--ink); font: 14px system-ui, sans-serif; } .quiet { fill: var(--quiet); } .small { font-size: 12px; } .title { font-size: 17px; font-weight: 600; }
.strong { font-weight: 600; } .red { fill: var(--red); } .blue { fill: var(--blue); } .code { font-family: ui-monospace, monospace; font-size: 13px; }
.box { fill: var(--soft); stroke: var(--line); } .mark { fill: var(--pale); stroke: var(--blue); } .dot { fill: var(--blue); }
.line { stroke: var(--line); fill: none; } .arrow { stroke: var(--quiet); fill: none; stroke-width: 1.5; } .peak { stroke: var(--red); stroke-width: 2; fill: none; }
.tip { fill: var(--quiet); }"""


class Drawing:
    def __init__(self, width, height, title):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect width="{width}" height="{height}" fill="var(--paper)"/>',
        ]

    def add(self, element):
        self.parts.append(element)

    def text(self, x, y, words, kind="", anchor="start"):
        self.add(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>')

    def lines(self, x, y, lines, kind="", step=18):
        for i, line in enumerate(lines):
            self.text(x, y + i * step, line, kind)

    def box(self, x, y, width, height, kind="box", radius=4):
        self.add(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius}" class="{kind}"/>')

    def path(self, d, kind="line"):
        self.add(f'<path d="{d}" class="{kind}"/>')

    def arrow(self, x, y, to_x, to_y):
        """A straight arrow, down or to the right."""
        self.path(f"M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}", "arrow")
        dx, dy = (0, 1) if to_y > y else (1, 0)
        back_x, back_y = to_x - 8 * dx, to_y - 8 * dy
        self.path(f"M{to_x:.1f} {to_y:.1f}L{back_x - 4 * dy:.1f} {back_y - 4 * dx:.1f}L{back_x + 4 * dy:.1f} {back_y + 4 * dx:.1f}Z", "tip")

    def end(self):
        return "\n".join([*self.parts, "</svg>", ""])
