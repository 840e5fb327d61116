"""What every Python peer shares: the loop that answers requests (README.md, "Protocol"), timing, and resident memory.

A peer gives `main` a function from a case to one run of it. It builds model and input there, outside the timed part,
and raises `Unsupported` for work that its library does not do.
"""
import json
import math
import statistics
import sys
import time
from types import SimpleNamespace

# A device may follow.
THREADS = int(next(argument for argument in reversed(sys.argv) if argument.isdigit()))


class Unsupported(Exception):
    pass


def warm_up(run):
    """Twice and for 0.2 s; a run of a second or more has warmed up everything by itself."""
    runs, start = 0, time.perf_counter()
    while True:
        run()
        runs, spent = runs + 1, time.perf_counter() - start
        if spent > 1 or (runs >= 2 and spent > 0.2):
            return


def timed(run, seconds):
    run()  # the peer that had its turn before this one took the caches
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        run()
        times.append((time.perf_counter() - before) * 1e3)
    return times


def queued(run, times):
    """Of many runs with one wait at their end, the time of each, five times. `run` takes how many."""
    runs = min(500, max(10, math.ceil(20 / statistics.median(times))))

    def sample():
        before = time.perf_counter()
        run(runs)
        return (time.perf_counter() - before) * 1e3 / runs

    return [sample() for _ in range(5)]


def resident_mib(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field + ":"))


def memory(run):
    baseline = resident_mib("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forgets the peak so far
    for _ in range(3):
        run()
    return {"baseline_mib": baseline, "peak_mib": resident_mib("VmHWM")}


def main(peer, version, build, device=None):
    cached, run = None, None
    for line in sys.stdin:
        request = json.loads(line)
        op, seconds, is_queued = request.pop("op"), request.pop("seconds", 0), request.pop("queue", False)
        try:
            if op == "version":
                answer = {"peer": peer, "version": version, **({"device": device} if device else {})}
            elif op == "memory":
                cached = run = None
                answer = memory(build(SimpleNamespace(**request)))
            else:
                if cached != request:
                    cached = run = None  # before the next is built: two models at once are nobody's memory
                    run = build(SimpleNamespace(**request))
                    cached = request
                    warm_up(run)
                answer = {"ms": timed(run, seconds)}
                if is_queued:
                    answer["queued_ms"] = queued(run, answer["ms"])
        except Unsupported as why:
            answer = {"unsupported": str(why)}
        print(json.dumps(answer), flush=True)
