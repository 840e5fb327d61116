"""Our CUDA kernels beside cuDNN and PyTorch on one NVIDIA GPU, in turns, within a given time.

    tools/bench-peers --cuda --minutes 8 --engine gpu-suite/programs/peer --out results/peers
    tools/bench-peers --cuda --shapes G1,G2 --cells lstm --peers engine-cuda-bf16,cudnn-persist-static-small-h-bf16
    tools/bench-peers --cuda --peer engine-new-bf16='other/peer 1 cuda-bf16' --peers engine-cuda-bf16,engine-new-bf16,...

peers    engine-cuda-PRECISION (ours), torch-cuda-PRECISION (nn.LSTM and nn.GRU as users call them), and cuDNN called directly with its
         algorithm forced: cudnn-ALGORITHM-PRECISION, ALGORITHM standard, persist-static, persist-static-small-h or persist-dynamic;
         -pad128 has D widened with zeros to a multiple of 128, which cuDNN's persistent kernels like
modes    train     forward and backward pass of sum(0.01 h_n), gradients of all weights
         infer     forward pass, all steps' output
         crossval  one whole training step of each of eight folds' models: PyTorch one after the other, ours stacked (not cuDNN)
shapes   {shapes}

A time is the median of passes queued one behind the other with one wait at their end, divided by their number: the same method for
all. What a user sees, a wait after each pass, has tables of its own, and so have cuDNN's passes as CUDA graphs. Nothing is installed:
python3 must have PyTorch, cuDNN is built with what the machine has, and --engine may name a build of our side.
A peer that does not answer within --limit seconds, or ends, is out for that case, its reason is in the table, and another process is
begun for the next case; after three such cases it is out for good. When --minutes are over, what was measured is reported.
The last line says

    geomean cuda train R infer R worst R

the time of the fastest rival of each case over that of our fastest precision: above 1 we win.
"""
import argparse
import json
import math
import os
import platform
import select
import shlex
import signal
import statistics
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import cudnn_build
from figures import geomean, number, table

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE, HOME = Path("tools/peers"), Path("target/peers")  # from ROOT, where `main` goes

SHAPES = {  # B, T, D, H
    "G1": (256, 128, 160, 64),
    "G2": (256, 128, 160, 128),
    "G3": (256, 128, 160, 256),
    "G4": (64, 128, 160, 128),
    "G5": (32, 60, 160, 64),
    "G6": (1024, 16, 70, 128),
}
CELLS = ["lstm", "gru", "bilstm"]
MODES = ["train", "infer", "crossval"]
FOLDS = 8
PATIENT_FAILURES = 3  # cases that a peer may break before it is out for good
HOPELESS = 10  # times the best: one round is enough to know
LEAST = 1.5  # seconds below which no turn is begun

# Precisions whose rivals a precision of ours is compared with, beside `any` with our fastest.
RIVALS = {"fp32": ["fp32"], "tf32": ["fp32", "tf32"], "bf16": ["fp32", "tf32", "fp16", "bf16"]}

Case = namedtuple("Case", "mode shape cell")
Peer = namedtuple("Peer", "command extra", defaults=[{}])


class Lost(Exception):
    """A peer that gives no answer: why."""


def all_peers(engine, cudnn):
    ours = {f"engine-cuda-{p}": Peer([engine, "1", f"cuda-{p}"]) for p in ("fp32", "tf32", "bf16")}
    torch = {
        f"torch-cuda-{p}": Peer([sys.executable, str(SOURCE / "torch_server.py"), "1", f"cuda-{p}"])
        for p in ("fp32", "tf32", "fp16", "bf16")
    }
    forced = {
        f"cudnn-{algorithm}-{p}": Peer([cudnn, algorithm, p])
        for algorithm in ("standard", "persist-static", "persist-static-small-h", "persist-dynamic")
        for p in ("fp32", "tf32", "fp16", "bf16")
    }
    padded = {
        f"cudnn-persist-static-{p}-pad128": Peer([cudnn, "persist-static", p], {"pad": 128}) for p in ("tf32", "fp16", "bf16")
    }
    return {**ours, **torch, **forced, **padded}


def is_ours(name):
    return name.startswith("engine")


def precision(name):
    return next((p for p in ("fp32", "tf32", "fp16", "bf16") if p in name.split("-")), "fp32")


# ---- a peer's process


class Server:
    def __init__(self, name, peer):
        self.name, self.log, self.buffer = name, HOME / f"{name}.log", b""
        environment = dict(os.environ)
        environment.setdefault("CUDA_VISIBLE_DEVICES", "0")
        if name.startswith("cudnn"):
            paths = [*cudnn_build.loader_folders(), environment.get("LD_LIBRARY_PATH", "")]
            environment["LD_LIBRARY_PATH"] = ":".join(filter(None, paths))
        with self.log.open("w") as log:
            try:
                # A session of its own, so that what a peer starts ends with it.
                self.process = subprocess.Popen(
                    list(map(str, peer.command)),
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                )
            except OSError as error:
                raise Lost(f"does not start: {error}") from None

    def ask(self, limit, **request):
        """The answer within `limit` seconds."""
        try:
            self.process.stdin.write((json.dumps(request) + "\n").encode())
            self.process.stdin.flush()
        except OSError:
            raise Lost(self.last_words()) from None
        end = time.monotonic() + limit
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise Lost(f"no answer within {limit:.0f} s")
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if not part:
                raise Lost(self.last_words())
            self.buffer += part
        line, _, self.buffer = self.buffer.partition(b"\n")
        try:
            return json.loads(line)
        except ValueError:
            raise Lost(f"no JSON in its answer: {line[:200].decode(errors='replace')}") from None

    def last_words(self):
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            return "closed its output"
        words = " / ".join(self.log.read_text(errors="replace").splitlines()[-3:])
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"ended with {how}{': ' + words if words else ''}"

    def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Peers:
    """Who is up, who is out for good and why."""

    def __init__(self, peers, limit, deadline):
        self.peers, self.limit, self.deadline = peers, limit, deadline
        self.servers, self.failures, self.out = {}, {}, {}

    def ask(self, name, **request):
        try:
            if name not in self.servers:
                self.servers[name] = Server(name, self.peers[name])
            limit = min(self.limit, max(LEAST, self.deadline - time.monotonic()))
            return self.servers[name].ask(limit, **request, **self.peers[name].extra)
        except Lost as why:
            if server := self.servers.pop(name, None):
                server.end()
            self.failures[name] = self.failures.get(name, 0) + 1
            if self.failures[name] >= PATIENT_FAILURES:
                self.out[name] = f"out after {PATIENT_FAILURES} failures, the last: {why}"
            raise

    def end(self):
        for server in self.servers.values():
            server.end()


# ---- measurement


def request(case):
    fields = dict(zip("BTDH", SHAPES[case.shape]), cell=case.cell)
    if case.mode == "crossval":
        return dict(fields, mode="step", folds=FOLDS)
    return dict(fields, mode=case.mode, queue=True)


class Result:
    """A case's figures by peer, in milliseconds, and why others have none."""

    def __init__(self, case):
        self.case, self.why, self.remarks = case, {}, {}
        self.runs = {"ms": {}, "queued_ms": {}, "event_ms": {}, "graph_ms": {}}

    def add(self, name, answer):
        for kind, by_peer in self.runs.items():
            if values := answer.get(kind):
                by_peer.setdefault(name, []).extend(values)
        for remark in ("warning", "no_graph"):
            if text := answer.get(remark):
                self.remarks[name, remark] = text

    def medians(self, kind):
        return {name: statistics.median(values) for name, values in self.runs[kind].items()}

    def figures(self):
        """What is compared."""
        return self.medians("ms" if self.case.mode == "crossval" else "queued_ms")

    def ratio(self, ours, rivals):
        """(best rival, its time over ours), of peers that the two conditions choose."""
        figures = self.figures()
        own = [figures[name] for name in figures if is_ours(name) and ours(name)]
        others = {name: figure for name, figure in figures.items() if not is_ours(name) and rivals(name)}
        if not own or not others:
            return None
        best = min(others, key=others.get)
        return best, others[best] / min(own)


def well_formed(answer):
    """An answer whose figures can be used."""
    lists = [answer[kind] for kind in ("ms", "queued_ms", "event_ms", "graph_ms") if kind in answer]
    number_like = lambda x: isinstance(x, (int, float)) and math.isfinite(x) and x > 0
    return bool(answer.get("ms")) and all(isinstance(values, list) and all(map(number_like, values)) for values in lists)


def measure(case, peers, names, options, record):
    """All rounds of a case; what is left out when time is over is missing."""
    result = Result(case)
    for round_ in range(options.rounds):
        first = round_ * len(names) // options.rounds
        for name in names[first:] + names[:first]:
            if name in peers.out:
                result.why.setdefault(name, peers.out[name])
            if name in result.why:
                continue
            if peers.deadline - time.monotonic() < LEAST:
                return result
            try:
                answer = peers.ask(name, op="time", seconds=options.seconds, **request(case))
                if "unsupported" not in answer and not well_formed(answer):
                    raise Lost(f"no times in its answer: {json.dumps(answer)[:200]}")
            except Lost as why:
                is_over = peers.deadline - time.monotonic() < LEAST
                result.why[name] = f"time was over: {why}" if is_over else f"lost: {why}"
                record(case, peer=name, round=round_, lost=str(why))
                continue
            record(case, peer=name, round=round_, **answer)
            if "unsupported" in answer:
                result.why[name] = answer["unsupported"]
            else:
                result.add(name, answer)
        figures = result.figures()
        best = min(figures.values(), default=0)
        for name in figures:
            if figures[name] > HOPELESS * best and not is_ours(name):
                result.why.setdefault(name, f"{figures[name] / best:.0f} times the best: asked once")
    return result


# ---- report

TITLES = {
    "train": "Training: forward and backward pass",
    "infer": "Inference: forward pass",
    "crossval": f"Cross-validation: a training step of each of {FOLDS} folds",
}


def headline_table(results):
    """Ours beside the best rival of the same precision or a finer one, and of all."""
    head = ["shape", "cell"]
    for p in RIVALS:
        head += [f"ours {p}", f"best rival to {p}", "ratio"]
    lines = [head + ["best rival", "ratio"]]
    for result in results:
        figures, cells = result.figures(), [result.case.shape, result.case.cell]
        for p, finer in RIVALS.items():
            found = result.ratio(lambda name: precision(name) == p, lambda name: precision(name) in finer)
            ours = min((figures[name] for name in figures if is_ours(name) and precision(name) == p), default=None)
            cells += [number(ours), *(found and (found[0], f"{found[1]:.2f}") or ("–", "–"))]
        found = result.ratio(lambda _: True, lambda _: True)
        lines.append(cells + list(found and (found[0], f"{found[1]:.2f}") or ("–", "–")))
    return table(lines)


def peer_table(results, kind, names):
    """A line a peer, a column a case."""
    medians = [result.medians(kind) for result in results]
    names = [name for name in names if any(name in figures for figures in medians)]
    if not names:
        return None
    lines = [["peer"] + [f"{result.case.shape} {result.case.cell}" for result in results]]
    for name in names:
        absent = lambda result: "no" if name in result.why else "–"
        lines.append([name] + [number(f[name]) if name in f else absent(r) for f, r in zip(medians, results)])
    return table(lines, left=1)


def reasons(results):
    """Why peers have no figure, or one to be doubted: each reason once, with its cases."""
    found = {}
    for result in results:
        case = f"{result.case.mode} {result.case.shape} {result.case.cell}"
        for name, why in result.why.items():
            found.setdefault((name, why), []).append(case)
        for (name, kind), text in result.remarks.items():
            found.setdefault((name, f"{kind.replace('_', ' ')}: {text}"), []).append(case)
    return "\n".join(f"- {name}: {why} ({', '.join(cases)})" for (name, why), cases in sorted(found.items()))


def summary(results):
    everyone = lambda _: True

    def ratios(mode, ours=everyone, rivals=everyone):
        found = [result.ratio(ours, rivals) for result in results if result.case.mode == mode]
        return [ratio for _, ratio in filter(None, found)]

    lines = []
    for p, finer in RIVALS.items():
        of = lambda mode: geomean(ratios(mode, lambda n: precision(n) == p, lambda n: precision(n) in finer))
        lines.append(f"{p}, beside {', '.join(finer)}: train {of('train')} infer {of('infer')}")
    both = ratios("train") + ratios("infer")
    worst = f"{min(both):.2f}" if both else "n/a"
    lines.append(f"geomean cuda train {geomean(ratios('train'))} infer {geomean(ratios('infer'))} worst {worst}")
    return "\n".join(lines)


def report(results, names, out, is_cut):
    parts = []
    for mode in MODES:
        chosen = [result for result in results if result.case.mode == mode]
        if not chosen:
            continue
        kind, how = ("ms", "with a wait") if mode == "crossval" else ("queued_ms", "queued")
        parts.append(f"## {TITLES[mode]}, ms, {how}\n\n{headline_table(chosen)}")
        parts.append(f"### {mode}: every peer, {how}\n\n{peer_table(chosen, kind, names) or 'nobody'}")
        if mode != "crossval":
            for other, title in (
                ("ms", "with a wait after each pass"),
                ("event_ms", "between two events, which cuDNN alone is asked for"),
                ("graph_ms", "as CUDA graphs, between two events, which cuDNN alone is asked for"),
            ):
                if text := peer_table(chosen, other, names):
                    parts.append(f"### {mode}: {title}\n\n{text}")
    if text := reasons(results):
        parts.append(f"### No figure, or a doubtful one\n\n{text}")
    if out:
        parts.append("### Not there, or no longer\n\n" + "\n".join(f"- {name}: {why}" for name, why in sorted(out.items())))
    if is_cut:
        parts.append("The time was over before all cases had their rounds.")
    parts.append(summary(results))
    return "\n\n".join(parts)


# ---- command line


def machine():
    def said(*command):
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"not told: {error}"

    asked = "name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,temperature.gpu,power.draw,memory.used"
    return {
        "gpu": said("nvidia-smi", f"--query-gpu={asked}", "--format=csv,noheader"),
        "kernel": platform.release(),
        "commit": said("git", "rev-parse", "HEAD"),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def arguments():
    def some_of(known):
        def parse(text):
            if unknown := set(text.split(",")) - set(known):
                raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {', '.join(known)}")
            return text.split(",")

        return parse

    def named(text):
        name, equals, command = text.partition("=")
        if not equals or not command.strip():
            raise argparse.ArgumentTypeError(f"{text}: NAME=COMMAND was expected")
        return name, Peer(shlex.split(command))

    positive = lambda text: float(text) if float(text) > 0 else parser.error(f"{text}: more than 0 was expected")
    shapes = "\n         ".join(f"{name}  B={B} T={T} D={D} H={H}" for name, (B, T, D, H) in SHAPES.items())
    parser = argparse.ArgumentParser(
        prog="bench-peers --cuda",
        description=__doc__.replace("{shapes}", shapes),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cuda", action="store_true", help="this comparison")
    parser.add_argument("--peers", type=lambda text: text.split(","), help="who takes part (default: all)")
    more = "one more peer, or another command for one; names of ours begin with engine, and a precision is a part of each"
    parser.add_argument("--peer", type=named, action="append", default=[], metavar="NAME=COMMAND", help=more)
    parser.add_argument("--modes", type=some_of(MODES), default=["train", "infer"], help="default: train,infer")
    parser.add_argument("--shapes", type=some_of(SHAPES), default=list(SHAPES), help="default: all")
    parser.add_argument("--cells", type=some_of(CELLS), default=CELLS, help="default: all")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each peer in each case (default: 2)")
    parser.add_argument("--seconds", type=positive, default=0.05, help="of passes with a wait, a turn (default: 0.05)")
    parser.add_argument("--minutes", type=positive, default=30, help="the whole of it ends in this time (default: 30)")
    parser.add_argument("--limit", type=positive, default=25, help="seconds that a peer may take for an answer (default: 25)")
    resolved = lambda text: Path(text).resolve()
    parser.add_argument("--engine", type=resolved, metavar="PATH", help="a build of our examples/peer, instead of this tree's")
    parser.add_argument("--out", type=resolved, metavar="FOLDER", help="write results.jsonl, machine.json and table.md there")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: at least 1 was expected")
    return parser, options


def chosen_peers(parser, options):
    """Commands by name, and who is not there, with the reason."""
    out, wanted = {}, options.peers
    given = dict(options.peer)
    engine, cudnn = options.engine or "target/release/examples/peer", "none"
    known = all_peers(engine, cudnn)
    names = wanted or [*known, *(name for name in given if name not in known)]
    if unknown := [name for name in names if name not in known and name not in given]:
        parser.error(f"{', '.join(unknown)}: no such peer; there are {', '.join([*known, *given])}")
    if not options.engine and any(is_ours(name) and name not in given for name in names):
        command = ["cargo", "build", "--release", "--locked", "--example", "peer"]
        try:
            if subprocess.run(command, stdout=sys.stderr).returncode:
                sys.exit(f"bench-peers: our peer is not built: {shlex.join(command)} failed; --engine names another build")
        except OSError as error:
            sys.exit(f"bench-peers: our peer is not built: {error}; --engine names another build")
    if forced := [name for name in names if name.startswith("cudnn") and name not in given]:
        try:
            cudnn = str(cudnn_build.build(HOME / "cudnn"))
        except cudnn_build.Missing as why:
            out = {name: str(why) for name in forced}
    peers = {**all_peers(engine, cudnn), **given}
    return {name: peers[name] for name in names}, out


def main():
    parser, options = arguments()
    start = time.monotonic()
    os.chdir(ROOT)
    HOME.mkdir(parents=True, exist_ok=True)
    commands, missing = chosen_peers(parser, options)
    about = dict(machine(), rounds=options.rounds, seconds=options.seconds, minutes=options.minutes, versions={})
    results_file = open(os.devnull, "w")
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        results_file = (options.out / "results.jsonl").open("w")

    def record(case, **measured):
        print(json.dumps({**case._asdict(), **measured}), file=results_file, flush=True)

    peers = Peers(commands, options.limit, start + 60 * options.minutes)
    peers.out.update(missing)
    cases = [Case(mode, shape, cell) for cell in options.cells for mode in options.modes for shape in options.shapes]
    results, done = [], 0
    try:
        for name in commands:
            if name not in peers.out:
                try:
                    about["versions"][name] = peers.ask(name, op="version")
                except Lost as why:
                    peers.out[name] = str(why)
        print(f"{len(cases)} cases, {len(commands) - len(peers.out)} peers", file=sys.stderr)
        for case in cases:
            if peers.deadline - time.monotonic() < LEAST:
                break
            names = [n for n in commands if case.mode != "crossval" or not n.startswith("cudnn")]
            result = measure(case, peers, [n for n in names if n not in missing], options, record)
            results.append(result)
            done += 1
            found = result.ratio(lambda _: True, lambda _: True)
            print(
                f"[{done}/{len(cases)}, {(peers.deadline - time.monotonic()) / 60:.1f} min left] {' '.join(case)}: "
                f"{f'{found[0]} takes {found[1]:.2f} of ours' if found else 'nothing to compare'}",
                file=sys.stderr,
            )
    finally:  # what was measured until Ctrl-C counts
        peers.end()
        about["gpu at the end"] = machine()["gpu"]
        about["took_s"] = round(time.monotonic() - start, 1)
        is_cut = done < len(cases) or peers.deadline - time.monotonic() < LEAST
        text = report(results, list(commands), peers.out, is_cut)
        print(text)
        if options.out:
            (options.out / "machine.json").write_text(json.dumps(about, indent=2) + "\n")
            (options.out / "table.md").write_text(text + "\n")
