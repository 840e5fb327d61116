"""A roofline: the kernels of a profile below the measured peak of the machine."""
import math

from .svg import Drawing

LEFT, TOP, RIGHT, BOTTOM = 60, 90, 830, 440
X, Y = (0.1, 100), (1, 300)
# Left edge of the list of kernels.
LEGEND = 460
# Kernels that take less of a training step are left out.
LEAST = 0.002


def draw(profile, of):
    d = Drawing(860, 500, "A roofline of the kernels of a training step")
    peak = profile["peak"]
    threads = "1 thread" if profile["threads"] == 1 else f"{profile['threads']} threads"
    d.text(LEFT, 28, f"{profile['device']}, {threads}: peak {peak['gflops']:.0f} GFLOP/s and {peak['gbytes']:.1f} GB/s", "title")
    d.text(LEFT, 50, "A training step of an LSTM: batch 32, 60 time steps of 160 features, 64 units.", "small quiet")
    d.text(LEFT, 68, f"Larger dots take more of the time. Best of {of} profiles, median launch of each kernel.", "small quiet")
    for power in range(round(math.log10(X[0])), round(math.log10(X[1])) + 1):
        d.path(f"M{x(10.0 ** power):.1f} {TOP}V{BOTTOM}")
        d.text(x(10.0 ** power), BOTTOM + 20, f"{10.0 ** power:g}", "small quiet", "middle")
    for power in range(math.floor(math.log10(Y[0])), math.floor(math.log10(Y[1])) + 1):
        d.path(f"M{LEFT} {y(10.0 ** power):.1f}H{RIGHT}")
        d.text(LEFT - 8, y(10.0 ** power) + 4, f"{10.0 ** power:g}", "small quiet", "end")
    d.text((LEFT + RIGHT) / 2, BOTTOM + 44, "floating-point operations per byte", "small", "middle")
    d.text(LEFT + 6, TOP + 6, "GFLOP/s", "small")
    ridge = peak["gflops"] / peak["gbytes"]
    start = max(X[0], Y[0] / peak["gbytes"])
    d.path(f"M{x(start):.1f} {y(start * peak['gbytes']):.1f}L{x(ridge):.1f} {y(peak['gflops']):.1f}H{RIGHT}", "peak")
    middle = math.sqrt(start * ridge)
    d.text(x(middle) - 12, y(middle * peak["gbytes"]) - 8, "bandwidth of memory", "small red", "end")
    d.text(x(ridge) + 12, y(peak["gflops"]) - 10, "peak of multiply-adds", "small red")
    kernels = sorted(shown(profile), key=lambda kernel: -kernel["share"])
    for number, kernel in enumerate(kernels, 1):
        at_x, at_y, radius = x(kernel["intensity"]), y(kernel["gflops"]), 5 + 14 * math.sqrt(kernel["share"])
        d.add(f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="{radius:.1f}" class="dot" fill-opacity="0.7"/>')
        d.text(at_x, at_y + radius + 13, str(number), "small strong", "middle")
        line = BOTTOM - 20 - 20 * (len(kernels) - number)
        d.text(LEGEND, line, str(number), "strong", "end")
        d.text(LEGEND + 12, line, kernel["name"])
        d.text(LEGEND + 235, line, f"{kernel['gflops']:.0f} GFLOP/s", "quiet", "end")
        d.text(LEGEND + 350, line, f"{100 * kernel['peak_share']:.0f} % of peak", "quiet", "end")
    return d.end()


def shown(profile):
    return [kernel for kernel in profile["kernels"]
            if kernel["share"] > LEAST and X[0] <= kernel["intensity"] and Y[0] <= kernel["gflops"]]


def x(intensity):
    return scale(intensity, X, LEFT, RIGHT)


def y(gflops):
    return scale(gflops, Y, BOTTOM, TOP)


def scale(value, limits, start, end):
    return start + (math.log10(value) - math.log10(limits[0])) / (math.log10(limits[1]) - math.log10(limits[0])) * (end - start)
