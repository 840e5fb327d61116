"""The steps in their order, cheap truth first, and their commands. Limits are seconds: most steps end far below theirs."""
import itertools
import json
import re
import signal
import sys
from pathlib import Path

from . import conformance
from .context import TOOLS, Context
from .step import Commands, Step, Verdict, each

PRECISIONS = ("fp32", "tf32", "bf16")


# ---- the machine


def machine(context: Context) -> Commands:
    """Facts; what a machine does not have says so, and is no failure."""
    query = "name,driver_version,clocks.max.sm,clocks.max.mem,power.limit,ecc.mode.current"
    smi = yield context.command("nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader", limit=20)
    for command in (
        ["nvidia-smi"], ["nvidia-smi", "-q"], ["lscpu"], ["uname", "-a"], ["nvcc", "--version"], ["ncu", "--version"],
        ["sh", "-c", "ls -l /dev/nvidia*; cat /proc/driver/nvidia/version; ldconfig -p | grep -E 'libcuda|libnvrtc'"],
        ["df", "-h", str(context.results)],
    ):  # fmt: skip
        argv = [context.tool(command[0]) or command[0], *command[1:]]
        yield context.command(*argv, limit=20)
    packages = "import importlib.metadata as m; print({d.name: d.version for d in m.distributions() if d.name.lower().startswith(('torch', 'nvidia', 'triton'))})"
    yield context.command(sys.executable, "-c", packages, limit=20, about="versions of Python's packages")
    return Verdict(True, smi.out.strip() or smi.why(), {"nvidia-smi": smi.out.strip(), "python": sys.version.split()[0]})


def devices(context: Context) -> Commands:
    ended = yield context.ours("engine", "devices", limit=60)
    context.devices = ended.out
    # What is indented belongs to the line before; CUDA's devices come before the others.
    of_cuda = itertools.takewhile(lambda line: not line.startswith("wgpu"), ended.out.splitlines())
    gpus = " ".join(line.strip() for line in of_cuda if re.match(r"cuda|\s", line))
    usable = context.usable_gpu()
    return Verdict(ended.ok and usable, gpus or ended.why(), {"usable": usable})


def diagnosis(context: Context) -> Commands:
    """Why there is no GPU, from the driver's file up to the engine."""
    asked = yield context.command(sys.executable, TOOLS / "attributes.py", limit=30, about="the driver's library, asked")
    smi = yield context.command(context.tool("nvidia-smi") or "nvidia-smi", limit=20)
    yield context.command("sh", "-c", "cat /proc/driver/nvidia/version; lspci | grep -i nvidia; lsmod | grep nvidia", limit=20)
    nodes = [str(node) for node in sorted(Path("/dev").glob("nvidia*"))]
    engine = " ".join(line.strip() for line in context.devices.splitlines() if re.match(r"cuda|\s+refused", line))
    told = {
        "driver library": "answers" if asked.ok else asked.why(),
        "nvidia-smi": "answers" if smi.ok else smi.why(),
        "/dev/nvidia*": " ".join(nodes) or "none",
        "NVRTC": str(context.nvrtc or "none found"),
        "engine devices": engine or "said nothing of cuda",
    }
    return Verdict(False, "; ".join(f"{what}: {answer}" for what, answer in told.items()), told)


def attributes(context: Context) -> Commands:
    ended = yield context.command(
        sys.executable, TOOLS / "attributes.py", limit=30, save=context.results / "attributes.json", about="device attributes"
    )
    return Verdict(ended.ok, "" if ended.ok else ended.why())


# ---- conformance


def tiny(context: Context) -> Commands:
    """One recurrent layer in each precision: the programs that came along load, run, and compute the right numbers."""
    told, listed = [], (yield context.check("tf32", "--cell", "lstm", "--list", limit=20))
    names = conformance.case_names(listed.out)
    if not names:
        return Verdict(False, f"the cases are not listed: {listed.why()}")
    name = names[0]
    for precision in PRECISIONS:
        ended = yield context.check(precision, "--case", name, "--no-gradients", "--json", limit=30)
        if not ended.ok and "not loaded" in ended.err and context.nvrtc and context.precompiled():
            # Of no use here, and in the way of what NVRTC can compile: without them the steps to come still tell something.
            told.append(f"{precision}: the programs that came along are left out, since the driver refuses one: {ended.why()}")
            context.leave_precompiled()
            ended = yield context.check(precision, "--case", name, "--no-gradients", "--json", limit=30)
        if not ended.ok:
            told.append(f"{precision}: {ended.why()}")
    made, brought = context.made_here(), len(context.precompiled())
    programs = f"{brought} programs came along, {made} more were compiled here"
    return Verdict(not told, "; ".join([*told, programs]), {"precompiled": brought, "made": made})


def one_test(context: Context, name: str, limit: float, *, exact: bool) -> Commands:
    matching = ["--exact", name] if exact else [name]
    ended = yield context.ours("tests", *matching, "--include-ignored", "--nocapture", "--test-threads=1", limit=limit)
    if "running 0 tests" in ended.out:
        return Verdict(False, f"no test {name} is in this build", missing=True)
    failed = re.findall(r"^test (\S+) \.\.\. .*FAILED$|^    (\S+)$", ended.out, re.M)
    names = " ".join(dict.fromkeys(one or other for one, other in failed))
    return Verdict(ended.ok, "" if ended.ok else f"{names} {ended.why()}".strip())


def intrinsics(context: Context) -> Commands:
    return (yield from one_test(context, "nvidia::intrinsics", 60, exact=False))


# Of the tests those that take a processor in the place of a GPU no longer than seconds.
QUICK_TESTS = ("the_rest_of_a_training_step", "memory_that_is_not_there", "events_tell")


def tests(context: Context) -> Commands:
    """One process each: what breaks the device breaks it for its process."""
    listed = yield context.ours("tests", "nvidia::", "--include-ignored", "--list", limit=20)
    names = re.findall(r"^(nvidia::\S+): test$", listed.out, re.M)
    names = [name for name in names if not re.search(r"::zz_|::intrinsics", name)]
    left_out = [name for name in names if context.quick and not any(quick in name for quick in QUICK_TESTS)]
    names = [name for name in names if name not in left_out]
    failed = []
    for name in names:
        verdict = yield from one_test(context, name, 100, exact=True)
        if not verdict.held:
            failed.append(f"{name}: {verdict.text}")
    if not names:
        return Verdict(False, f"no test is listed: {listed.why()}")
    skipped = f", {len(left_out)} left out by --quick" if left_out else ""
    text = "; ".join([f"{len(names) - len(failed)} of {len(names)} tests pass{skipped}", *failed])
    return Verdict(not failed, text)


def illegal_address(context: Context) -> Commands:
    return (yield from one_test(context, "nvidia::zz_", 40, exact=False))


def sanitizer(tool: str):
    def commands(context: Context) -> Commands:
        under = (context.tool("compute-sanitizer"), "--tool", tool, "--error-exitcode", "9")
        # The second has whole tiles of the GEMMs, and loads of four elements.
        sizes = ["3,2,5,4"] if context.quick else ["9,3,5,17", "9,8,64,32"]
        # Beyond the algorithm `persistent`. racecheck does not follow a barrier that counts bytes of other blocks (mbarrier, st.async):
        # it reports what such a barrier orders. The tests have a thread sanitizer on the processor that does.
        if not context.quick and tool != "racecheck":
            sizes += ["3,2,5,70", "3,2,5,130"]
        check = lambda precision, size: context.check(
            precision, "--sizes", size, "--models", "2", "--no-gradients", limit=40, under=under
        )
        return (yield from each(*itertools.starmap(check, itertools.product(PRECISIONS, sizes))))

    return commands


# ---- rates, machine code, profiles


def latencies(context: Context) -> Commands:
    once = ["--test"] if context.quick else []
    return (yield from each(context.ours("bench-latency", "--json", context.results / "latencies.json", *once, limit=240)))


LOOPS = "rnn_persistent_forward|rnn_persistent_backward|rnn_cluster_forward|rnn_cluster_backward|rnn_step_forward|rnn_step_backward"
GEMMS = "gemm|rnn_weight_gradient"


def short_profile(context: Context, hidden: int, precision: str) -> list[object]:
    sizes = (8, 8, 16) if context.quick else (256, 128, 160)
    options = ["--batch", sizes[0], "--time-steps", sizes[1], "--features", sizes[2], "--hidden", hidden]
    steps = ["--iterations", 2, "--warmup", 1]
    return [context.programs / "engine", "profile", "--backend", "cuda", "--precision", precision, *options, *steps]


def ncu(kernels: str, count: int):
    def commands(context: Context) -> Commands:
        failed, folder = [], context.results / "ncu"
        folder.mkdir(exist_ok=True)
        for hidden, precision in [(16, "tf32")] if context.quick else [(64, "bf16"), (128, "bf16"), (256, "bf16"), (64, "tf32")]:
            report = folder / f"{kernels.split('|')[0]}-{hidden}-{precision}.ncu-rep"
            watch = ["--clock-control", "none", "--kernel-name", f"regex:{kernels}", "--launch-count", count, "--force-overwrite"]
            for chosen in (["--set", "basic"], []):  # an ncu that does not know the set takes its own
                argv = [context.tool("ncu"), *chosen, *watch, "--export", report, *short_profile(context, hidden, precision)]
                # The program's own exit code is of no use: watched, its kernels are not as long as they are.
                ended = yield context.command(*argv, limit=60, env=context.environment)
                if report.exists() or "set" not in ended.out + ended.err:
                    break
            if not report.exists():
                failed.append(f"{hidden} {precision}: {ended.why()}")
                continue
            page = report.with_suffix(".txt")
            yield context.command(context.tool("ncu"), "--import", report, "--page", "details", limit=30, save=page)
            if report.stat().st_size > 2 << 20:
                report.unlink()
        return Verdict(not failed, "; ".join(failed))

    return commands


def machine_code(context: Context) -> Commands:
    folder, out = context.cache / "cubins", context.results / "machine-code.txt.xz"
    arguments = ["kernels", "--backend", "cuda", "--arch", "90", "--save", folder]
    saved = yield context.ours("engine", *arguments, *(["--hidden", "16"] if context.quick else ["--every"]), limit=90)
    if not saved.ok:
        return Verdict(False, saved.why())
    cuobjdump, nvdisasm = context.tool("cuobjdump"), context.tool("nvdisasm")
    disassembler = [cuobjdump, "-sass"] if cuobjdump else [nvdisasm] if nvdisasm else []
    ended = yield context.command(sys.executable, TOOLS / "machine_code.py", folder, out, *disassembler, limit=90)
    without = "" if disassembler else ": what ptxas said only, since neither cuobjdump nor nvdisasm is here"
    return Verdict(ended.ok, ended.out.strip() + without if ended.ok else ended.why())


def profiles(context: Context) -> Commands:
    runs = [(f"{cell}-{hidden}-{precision}", precision, ["--cell", cell, "--hidden", hidden])
            for hidden in (64, 128, 256) for precision in ("tf32", "bf16") for cell in ("lstm", "gru", "bilstm")]  # fmt: skip
    runs += [(f"8-folds-{precision}", precision, ["--folds", 8]) for precision in ("tf32", "bf16")]
    sizes, steps = ["--batch", 256, "--time-steps", 128, "--features", 160], ["--iterations", 20]
    if context.quick:
        runs = [("gru-16-tf32", "tf32", ["--cell", "gru", "--hidden", 16])]
        sizes, steps = ["--batch", 4, "--time-steps", 4, "--features", 8], ["--iterations", 2, "--warmup", 1]
    steps_ms, failed = {}, []
    for name, precision, options in runs:
        # Eight folds are of the study's size, which is the default.
        own = steps if "folds" in name else [*sizes, *steps]
        profile = ["profile", "--backend", "cuda", "--precision", precision, *options, *own, "--json"]
        ended = yield context.ours("engine", *profile, limit=40, save=context.results / "profiles" / f"{name}.json")
        if ended.ok:
            profile = json.loads(ended.out)
            steps_ms[name] = round(profile["wall_ms"] / profile["iterations"], 4)
        else:
            failed.append(f"{name}: {ended.why()}")
    return Verdict(not failed, "; ".join([f"{len(steps_ms)} of {len(runs)} profiles", *failed]), {"ms a step": steps_ms})


# ---- beside others

PEERS_MINUTES = 7
FIRST_MINUTES = 2
# What a short lease should know of: our fastest precisions, PyTorch, and the algorithms of cuDNN for half precision.
FIRST_PEERS = ["engine-cuda-bf16", "engine-cuda-tf32", "torch-cuda-fp16", "torch-cuda-bf16", "torch-cuda-tf32"]
FIRST_PEERS += [f"cudnn-{a}-{p}" for p in ("bf16", "fp16") for a in ("standard", "persist-static", "persist-static-small-h")]
FIRST = ["--peers", ",".join(FIRST_PEERS), "--shapes", "G1,G2,G3", "--cells", "lstm", "--modes", "train", "--rounds", 1]


def peers(context: Context) -> Commands:
    return (yield from bench_peers(context, "peers", PEERS_MINUTES))


def peers_first(context: Context) -> Commands:
    return (yield from bench_peers(context, "peers-first", FIRST_MINUTES, *FIRST))


def bench_peers(context: Context, folder: str, minutes: int, *cases: object) -> Commands:
    # Started as PyTorch's side is, without our libraries: they are for ours only.
    script = context.results / "peer"
    settings = " ".join(f"{name}='{value}'" for name, value in context.environment.items())
    script.write_text(f"#!/bin/sh\nexec env {settings} '{context.programs / 'peer'}' \"$@\"\n")
    script.chmod(0o755)
    how = [*cases, "--minutes", minutes]
    if context.quick:
        how = ["--shapes", "G5", "--cells", "lstm", "--modes", "train", "--rounds", 1, "--minutes", 1]
    out = context.results / folder
    argv = [sys.executable, context.root / "tools/bench-peers", "--cuda", "--engine", script, "--out", out, *how]
    # It ends by itself in time, with a table of what was measured; where less is left, it writes one when it is interrupted.
    return (yield from each(context.command(*argv, limit=60 * minutes + 60, first=signal.SIGINT)))


def bench_rnn(context: Context) -> Commands:
    env = {"CRITERION_HOME": str(context.results / "criterion")}
    how = ["--test", "lstm.*/cuda"] if context.quick else ["--warm-up-time", 0.5, "--measurement-time", 1, "rnn/.*/cuda"]
    return (yield from each(context.ours("bench-rnn", "--bench", *how, limit=120, env=env)))


def vulkan(context: Context) -> Commands:
    check = ["check", "--backend", "wgpu", "--no-gradients"] + (["--sizes", "3,2,5,4"] if context.quick else [])
    commands = [context.ours("engine", *check, "--precision", precision, limit=90) for precision in ("fp32", "f16")]
    if not context.quick:
        options = ["--include-ignored", "--skip", "faults::", "--test-threads=1"]
        commands.append(context.ours("tests", "gpu::", *options, limit=120))
        commands.append(context.ours("bench-rnn", "--bench", "--measurement-time", 1, "rnn/.*/wgpu", limit=90))
    return (yield from each(*commands))


def conformant(precision: str, *options: str):
    return lambda context: conformance.find(context, precision, *options)


DIAGNOSIS = Step("diagnosis", "why there is no usable GPU; only runs then", 100, diagnosis, ())

STEPS = [
    Step("machine", "what this machine is: clocks, driver, versions", 60, machine, ()),
    Step("devices", "whether there is a GPU that the engine opens; runs always, since all others need to know", 60, devices, ("program:engine",)),
    Step("attributes", "what the driver says of the device", 30, attributes),
    Step("tiny", "whether precompiled programs load, and one tiny case holds in each precision", 60, tiny),
    Step("intrinsics", "whether each intrinsic does what its text says, one warp each", 60, intrinsics, ("gpu", "program:tests"), beside=True),
    Step("conformance-fp32", "each case against the f64 reference in fp32, by case and operation where one fails", 110, conformant("fp32"), beside=True),
    Step("conformance-tf32", "the same in tf32", 110, conformant("tf32"), beside=True),
    Step("conformance-bf16", "the same in bf16", 110, conformant("bf16"), beside=True),
    Step("conformance-tf32-per-step", "the same in tf32 where every layer is of the algorithm per-step", 60, conformant("tf32", "--algorithm", "per-step"), beside=True),
    Step("conformance-bf16-per-step", "the same in bf16", 60, conformant("bf16", "--algorithm", "per-step"), beside=True),
    Step("tests", "the tests that only a GPU can break, a process each", 160, tests, ("gpu", "program:tests"), beside=True),
    Step("illegal-address", "whether a lost device is told with its kernel's name", 40, illegal_address, ("gpu", "program:tests")),
    Step("memcheck", "accesses outside of any buffer, on small cases", 120, sanitizer("memcheck"), ("gpu", "tool:compute-sanitizer"), beside=True),
    Step("racecheck", "races in shared memory, on small cases without clusters", 120, sanitizer("racecheck"), ("gpu", "tool:compute-sanitizer"), beside=True),
    Step("initcheck", "reads of memory that nobody wrote, on small cases", 120, sanitizer("initcheck"), ("gpu", "tool:compute-sanitizer"), beside=True),
    Step("latencies", "latencies and rates of single instructions", 200, latencies, ("gpu", "program:bench-latency")),
    Step("ncu-loops", "NVIDIA's profiler on the time loops", 120, ncu(LOOPS, 4), ("gpu", "tool:ncu")),
    Step("ncu-gemms", "NVIDIA's profiler on the large GEMMs", 100, ncu(GEMMS, 6), ("gpu", "tool:ncu")),
    Step("machine-code", "machine code and ptxas's words of every kernel", 100, machine_code, beside=True),
    Step("profiles", "where a training step goes, kernel by kernel", 120, profiles),
    Step("peers-first", "the same as `peers`, of three LSTM layers in training and the peers that tell most", 60 * FIRST_MINUTES + 60, peers_first, ("gpu", "torch", "program:peer")),
    Step("peers", "our layer beside cuDNN and PyTorch, in turns", 60 * PEERS_MINUTES + 60, peers, ("gpu", "torch", "program:peer")),
    Step("bench-rnn", "the layer by itself", 90, bench_rnn, ("gpu", "program:bench-rnn")),
    Step("vulkan", "conformance and benches of the WGSL kernels in fp32 and f16 on the same GPU", 240, vulkan, ("gpu", "vulkan", "program:tests")),
]  # fmt: skip
