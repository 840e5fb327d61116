"""The model of a multiprocessor: latencies, rates of its pipes, and which instruction uses which.

Every number has its source, or is called assumed. "Measured" is tools/gpu-suite on an H100, benches/runs/2026-11-26-h100.
"""

import json
import pathlib
import re

# Cycles from an instruction to the end of the wait for its result. Measured: those that MEASURED names. The others are assumed.
LATENCY = {
    "shared load": 23,
    "matrix load": 29,
    "constant load": 28,
    "special register": 25,
    "function": 17,
    "conversion": 14,
    "shuffle": 24,
    "atomic": 300,
    "mma": 24,
    "other": 20,
}
# The same for loads from global memory, by where the data is. Measured, with no other load in flight.
GLOBAL_LATENCY = {"L2": 294, "DRAM": 698}
# From the last warp's arrival at a barrier: 20 cycles with 4 warps, 28 with 8, 44 with 16. Measured.
BARRIER, BARRIER_WARP = 12, 2
# From the last warp's arrival at a barrier in shared memory until its bytes have come from the other blocks of a cluster. Fitted to
# the forward time loop of an LSTM of 64 units in clusters, bf16: 52 us for 128 time steps at 1.98 GHz are 800 cycles a step
# (benches/runs/2026-11-27-h200/exchange.txt), of which the rest of the step takes half.
CLUSTER_BARRIER = 400
# The rows of the suite's latencies.json that hold a latency.
MEASURED = {
    "shared load": "shared memory load, 4 bytes",
    "matrix load": "ldmatrix x4",
    "function": "tanh.approx",
    "mma": "mma bf16 m16n8k16, by its sums",
    "L2": "a load from L2 cache",
    "DRAM": "a load from memory",
}
# Cycles until an instruction that reads its operands late has read them. Assumed.
READ_LATENCY = {"shared store": 10, "global store": 14, "global load": 12, "async copy": 12, "other": 12}
# Cycles until the next instruction after a branch that is taken, and after a reconvergence. Assumed.
TAKEN_BRANCH, RECONVERGENCE = 9, 4

# Cycles for which one instruction of a warp occupies its pipe: the arithmetic throughput table of NVIDIA's CUDA C++ programming guide
# for 9.0. Measured: mma (16 x 8 x 16 in bf16 or 16 x 8 x 8 in tf32), function and fma.
PIPE_CYCLES = {"mma": 6.0, "function": 8, "fma": 1, "integer multiply": 2, "alu": 2, "memory": 2, "conversion": 2, "uniform": 2,
               "branch": 2, "other": 1}
# Cycles for which 32 lanes of four bytes occupy the path to memory that four schedulers share and that takes instructions in order.
# Shared memory: measured. Global memory: fitted to l1tex__data_pipe_lsu_wavefronts, by Nsight Compute, of the time loops with eight rows:
# 460 a step in forward and 517 in backward of an LSTM with 64 units in bf16.
MEMORY_PATH = {"global load": 2.0, "global store": 4.8, "async copy": 3.0}
# Instructions that a scheduler may have in the queue of that path. Assumed.
MEMORY_QUEUE = 8

KINDS = [
    ("mma", r"HMMA|IMMA|HGMMA"),
    ("function", r"MUFU"),
    ("matrix load", r"LDSM"),
    ("shared load", r"LDS"),
    ("shared store", r"STS"),
    ("async copy", r"LDGSTS"),
    ("global load", r"LDG|LD|LDL"),
    ("global store", r"STG|ST|STL|STAS"),
    ("constant load", r"LDC|ULDC"),
    ("special register", r"S2R|S2UR"),
    ("fma", r"FFMA|FADD|FMUL"),
    ("integer multiply", r"IMAD|IDP"),
    ("conversion", r"F2FP|F2F|I2F|F2I|I2FP|FRND|F2IP"),
    ("barrier", r"BAR"),
    ("cluster barrier", r"SYNCS\.PHASECHK.*"),
    ("branch", r"BRA|BSSY|BSYNC|EXIT|CALL|RET|WARPSYNC|BREAK|JMP|BRX"),
    ("shuffle", r"SHFL"),
    ("atomic", r"ATOM|ATOMG|RED|ATOMS"),
    ("end of copies", r"LDGDEPBAR"),
    ("wait for copies", r"DEPBAR"),
    ("other", r"NOP|SYNCS|ERRBAR|MEMBAR"),
    ("uniform", r"U\w+|R2UR"),
]
MEMORY = {"shared load", "matrix load", "shared store", "async copy", "global load", "global store", "shuffle", "atomic", "constant load"}
LOADS = {"global load", "async copy"}


def read_latencies(path: pathlib.Path) -> None:
    """Replaces the latencies by those that tools/gpu's suite measured, in its latencies.json."""
    rows = json.loads(path.read_text())["rows"]
    measured = {row["name"].removeprefix("latency of "): row["value"] for row in rows if row["unit"] == "cycles"}
    for name, row in MEASURED.items():
        (GLOBAL_LATENCY if name in GLOBAL_LATENCY else LATENCY)[name] = measured[row]


def kind(opcode: str) -> str:
    """The class of an instruction."""
    base = opcode.split(".")[0]
    return next((name for name, pattern in KINDS if re.fullmatch(pattern, base) or re.fullmatch(pattern, opcode)), "alu")


def pipe(kind: str) -> str:
    """The pipe that instructions of this class occupy."""
    if kind in MEMORY:
        return "memory"
    return kind if kind in PIPE_CYCLES else "other"
