"""How the CPU's kernels cut a recurrent layer: tiles, time steps, blocks of units, registers. src/backend/cpu/rnn has the code."""
from .svg import Drawing

# An LSTM of 48 units with AVX-512: `block_rows` of 32 registers and 4 gates, and 16 lanes.
ROWS, GATES, LANES, BLOCKS = 6, 4, 16, 3
LEFT, TEXT, WIDTH = 24, 560, 500


def draw():
    d = Drawing(980, 800, "How a recurrent layer is cut into tiles, time steps, blocks of units and registers")
    layer(d, 20)
    tile(d, 190)
    step(d, 390)
    registers(d, 600)
    for y in (152, 352, 562):
        d.arrow(LEFT + WIDTH / 2, y, LEFT + WIDTH / 2, y + 26)
    return d.end()


def explain(d, y, title, lines):
    d.text(TEXT, y, title, "title")
    d.lines(TEXT, y + 26, lines)


def layer(d, y):
    explain(d, y + 20, "1  Layer: tiles of rows", [
        "Models (folds), directions and batch rows are cut", "into tiles. Tiles run in parallel and never meet.",
        "A time step of a tile fits into half of the L2 cache."])
    height = 34
    for model in range(3):
        top = y + 6 + model * (height + 8)
        d.text(LEFT, top + 22, f"model {model}", "small quiet")
        for part in range(4):
            kind = "mark" if (model, part) == (0, 1) else "box"
            d.box(LEFT + 70 + part * 108, top, 104, height, kind)
            d.text(LEFT + 70 + part * 108 + 52, top + 22, f"rows {part * 12}-{part * 12 + 11}", "small", "middle")


def tile(d, y):
    explain(d, y + 20, "2  Tile: all time steps", [
        "One GEMM computes the input part of the gates for", "a chunk of time steps, as many as fit into a quarter",
        "of the L2 cache. Then the steps run one by one,", "because each needs h of the step before."])
    for chunk in range(2):
        left = LEFT + chunk * 256
        d.box(left, y + 6, 244, 40, "box")
        d.text(left + 122, y + 31, "wx = W_ih x + b, one GEMM", "small", "middle")
        for i in range(4):
            number = chunk * 4 + i
            d.box(left + i * 62, y + 76, 54, 54, "mark" if number == 1 else "box")
            d.text(left + i * 62 + 27, y + 108, f"t = {number}", "small", "middle")
            d.path(f"M{left + i * 62 + 27} {y + 46}V{y + 76}")
            if number < 7:
                d.arrow(left + i * 62 + 54, y + 103, left + i * 62 + (62 if i < 3 else 70), y + 103)
    d.text(LEFT + 500, y + 150, "time", "small quiet", "end")


def step(d, y):
    explain(d, y + 20, "3  Time step: blocks of units", [
        f"Hidden units are cut into blocks of {LANES} (one vector),", f"and the rows of the tile into groups of R = {ROWS}.",
        "A few rows and many threads? Then a team of threads", "shares the blocks and meets after each time step."])
    for group in range(2):
        for block in range(BLOCKS):
            left, top = LEFT + 90 + block * 137, y + 24 + group * 62
            d.box(left, top, 130, 54, "mark" if (group, block) == (0, 1) else "box")
    for block in range(BLOCKS):
        d.text(LEFT + 155 + block * 137, y + 14, f"units {block * LANES}-{block * LANES + LANES - 1}", "small quiet", "middle")
    for group in range(2):
        first = 12 + group * ROWS
        d.text(LEFT, y + 56 + group * 62, f"rows {first}-{first + ROWS - 1}", "small quiet")


def registers(d, y):
    explain(d, y + 20, "4  Block: registers", [
        f"R x G = {ROWS} x {GATES} accumulators stay in registers", f"while k runs over all hidden units; each has {LANES} lanes.",
        "Each vector of weights is used for R rows. At the end", "the cell is computed before anything is written:", "it is the epilogue of the product."])
    d.text(TEXT, y + 156, "acc[r][g] += h[r][k] * W_hh[k][g]", "code blue")
    d.text(TEXT, y + 178, "LSTM with AVX-512: R = 6, 24 of 32 registers; AVX2: R = 3, 12 of 16", "small quiet")
    for g, gate in enumerate("ifgo"):
        left = LEFT + 90 + g * 103
        d.box(left, y + 16, 96, 20, "box")
        d.text(left + 48, y + 31, f"W_hh[k][{gate}]", "code", "middle")
        for r in range(ROWS):
            d.box(left, y + 44 + r * 22, 96, 18, "mark")
            for lane in range(1, LANES):
                d.path(f"M{left + lane * 6} {y + 44 + r * 22}v18")
    for r in range(ROWS):
        d.text(LEFT, y + 58 + r * 22, f"h[{r}][k]", "code")
