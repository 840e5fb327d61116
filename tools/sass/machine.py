"""The model of a multiprocessor: latencies, rates of its pipes, and which instruction uses which.

Every number has its source, or is called assumed. None was measured by this project; benches/runs/2026-11-26-h100/latencies.json has
what an H100 showed.
"""

import re

# Cycles from an instruction to the end of the wait for its result. Unloaded L2 and DRAM, shared memory and mma: Luo et al. 2024
# (arXiv 2402.13499) and Jarmusch et al. 2025 (arXiv 2501.12084), H100. Functions (MUFU): Abdelkhalik et al. 2022 (arXiv 2208.11174),
# A100. The others are assumed.
LATENCY = {
    "shared load": 29,
    "matrix load": 33,
    "global load": 270,  # from L2; 480 from DRAM
    "async copy": 270,
    "constant load": 28,
    "special register": 25,
    "function": 22,
    "conversion": 14,
    "shuffle": 24,
    "atomic": 300,
    "mma": 33,
    "barrier": 24,  # from the last warp's arrival
    "other": 20,
}
# Cycles until an instruction that reads its operands late has read them. Assumed.
READ_LATENCY = {"shared store": 10, "global store": 14, "global load": 12, "async copy": 12, "other": 12}
# Cycles until the next instruction after a branch that is taken, and after a reconvergence. Assumed.
TAKEN_BRANCH, RECONVERGENCE = 9, 4

# Cycles for which one instruction of a warp occupies its pipe: the arithmetic throughput table of NVIDIA's CUDA C++ programming guide
# for 9.0. The mma pipe reaches 62 % of its peak with mma.sync on an H100 (arXiv 2402.13499): 6.5 cycles for 16 x 8 x 16 in bf16 or
# 16 x 8 x 8 in tf32.
PIPE_CYCLES = {"mma": 6.5, "function": 8, "fma": 1, "integer multiply": 2, "alu": 2, "memory": 2, "conversion": 2, "uniform": 2,
               "branch": 2, "other": 1}
# Cycles for which 32 lanes of four bytes occupy the path to memory that four schedulers share.
SHARED_MEMORY_PATH = 1.0

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
    ("branch", r"BRA|BSSY|BSYNC|EXIT|CALL|RET|WARPSYNC|BREAK|JMP|BRX"),
    ("shuffle", r"SHFL"),
    ("atomic", r"ATOM|ATOMG|RED|ATOMS"),
    ("other", r"NOP|SYNCS|ERRBAR|MEMBAR|DEPBAR|LDGDEPBAR"),
    ("uniform", r"U\w+|R2UR"),
]
MEMORY = {"shared load", "matrix load", "shared store", "async copy", "global load", "global store", "shuffle", "atomic", "constant load"}
LOADS = {"global load", "async copy"}


def kind(opcode: str) -> str:
    """The class of an instruction."""
    base = opcode.split(".")[0]
    return next((name for name, pattern in KINDS if re.fullmatch(pattern, base)), "alu")


def pipe(kind: str) -> str:
    """The pipe that instructions of this class occupy."""
    if kind in MEMORY:
        return "memory"
    return kind if kind in PIPE_CYCLES else "other"
