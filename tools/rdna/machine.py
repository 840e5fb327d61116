"""What RDNA's instructions are and cost, and the cards that predictions are for.

Every number has its source, or is called assumed. No number is fitted to a measurement: none was made on these cards.
"""

import dataclasses
import re

# The kinds of instructions; the first pattern that matches the whole opcode decides. RDNA 2 and 3 name some differently.
KINDS = [
    ("fma", r"v_(fma|fmac|fmaak|fmamk|mad|mac)_(f32|mix_f32|legacy_f32).*|v_dot2c?_f32.*"),
    ("move", r"v_(mov|movrel\w*|swap|perm|permlane\w*|readfirstlane|readlane|writelane|bfe|bfi|alignb\w*)_?.*"),
    ("select", r"v_(cndmask|cmpx?|min|max|med3|minmax|maxmin)_?.*"),
    ("function", r"v_(rcp|exp|log|sqrt|rsq|sin|cos|div|ldexp|frexp|rndne|fract|floor|ceil|trunc|cvt)_.*"),
    ("float", r"v_(pk_)?(add|sub|subrev|mul)_(f32|f16|legacy_f32).*"),
    ("integer", r"v_.*"),
    ("read", r"ds_(load|read|bpermute|permute|swizzle).*"),
    ("write", r"ds_.*"),
    ("load", r"(buffer|global|flat|scratch)_load.*"),
    ("store", r"(buffer|global|flat|scratch)_.*"),
    ("scalar load", r"s_(buffer_)?load.*"),
    ("wait", r"s_wait.*"),
    ("barrier", r"s_barrier.*"),
    # A hint for the issue of the next instructions, and a group of loads: no work of their own.
    ("hint", r"s_delay_alu|s_clause|s_nop|s_inst_prefetch|s_set_inst_prefetch.*"),
    ("scalar", r"s_.*"),
]
VECTOR = ("fma", "move", "select", "function", "float", "integer")

# Vector instructions that RDNA 3 issues once for all 64 lanes: it has 64 lanes for them, and 32 for the others, which it
# issues twice. Mesa's src/amd/compiler/aco_statistics.cpp, is_dual_issue_capable.
ALL_LANES = re.compile(
    r"v_((fma|fmac|fmaak|fmamk|mul|add|sub|subrev|fma_legacy|fmac_legacy|mul_legacy)_(f32|f16)|mov_b32|cndmask_b32|(max|min)_f32|dot2\w*)(_e32|_e64)?"
)
# Those that occupy a unit of eight lanes, and of them those that keep the others from issuing meanwhile: the same file,
# get_perf_info, of valu_transcendental32 and valu_quarter_rate32.
QUARTER_RATE = re.compile(r"v_(rcp|exp|log|sqrt|rsq|sin|cos)_.*")
BLOCKING = re.compile(r"v_mul_(lo_u32|lo_i32|hi_u32|hi_i32)(_e64)?|v_mad_u64_u32.*")


def kind(opcode: str) -> str:
    """The kind of an instruction."""
    return next(name for name, pattern in KINDS if re.fullmatch(pattern, opcode))


def words(opcode: str) -> int:
    """Words of four bytes that a lane loads or stores: `b128` and `dwordx4` are four, of `2addr` and `read2` twice as many."""
    wide = re.search(r"_b(\d+)|dword(?:x(\d))?", opcode)
    each = 1 if wide is None else int(wide[1]) // 32 if wide[1] else int(wide[2] or 1)
    return max(each, 1) * (2 if re.match(r"ds_(load_2addr|store_2addr|read2|write2)", opcode) else 1)


@dataclasses.dataclass(frozen=True)
class Family:
    """The GPUs of one instruction set, as far as a compute unit is concerned: two SIMDs, and half a WGP's workgroup memory."""

    registers: int  # vectors of 64 lanes that a SIMD has
    granule: int  # a wave takes a multiple of these
    shared_granule: int  # bytes of workgroup memory that a workgroup takes a multiple of
    waves: int  # of a SIMD at most
    is_wide: bool  # 64 lanes for the instructions of ALL_LANES


# RDNA 2 and RDNA 3 instruction set architecture reference guides, and Mesa's src/amd/common/ac_gpu_info.c.
FAMILIES = {"navi21": Family(512, 8, 512, 16, False), "navi31": Family(768, 12, 1024, 16, True)}
# Workgroup memory of a WGP of two compute units, over which a workgroup's waves are spread, and SIMDs of a compute unit; the same guides.
WORKGROUP_MEMORY = 128 << 10
SIMDS = 2


@dataclasses.dataclass(frozen=True)
class Card:
    """A card that predictions are for."""

    name: str
    family: str
    units: int  # compute units
    clock: float  # GHz, boost
    memory: float  # bytes a nanosecond from memory
    cache: int  # bytes a clock from the L2 cache

    def nanoseconds(self, clocks: float) -> float:
        """The time of so many clocks."""
        return clocks / self.clock


# AMD's product pages; the L2 cache assumed: 16 and 24 slices of 128 bytes a clock.
CARDS = {
    "navi21": Card("Radeon RX 6900 XT", "navi21", 80, 2.25, 512, 2048),
    "navi31": Card("Radeon RX 7900 XTX", "navi31", 96, 2.5, 960, 3072),
}
# Bytes a clock between workgroup memory and the registers of a compute unit: 32 banks of four bytes. RDNA whitepaper.
WORKGROUP_MEMORY_BYTES = 128


def lanes(invocations: int) -> int:
    """Invocations of a wave: RADV compiles compute kernels for 64, and workgroups that fit into 32 for those."""
    return 32 if invocations <= 32 else 64


def vector_clocks(opcode: str, family: Family, wave: int) -> tuple[int, int]:
    """Clocks for which an instruction of a wave of so many lanes occupies its SIMD's issue, and the unit of eight lanes."""
    passes = 1 if wave == 32 or family.is_wide and ALL_LANES.fullmatch(opcode) else 2
    if BLOCKING.fullmatch(opcode):
        return 4 * passes, 4 * passes
    return passes, 4 * passes if QUARTER_RATE.fullmatch(opcode) else 0


def rounded(n: int, granule: int) -> int:
    """The next multiple."""
    return -(-n // granule) * granule


def occupancy(family: Family, vgprs: int, shared: int, invocations: int) -> float:
    """Waves that a SIMD holds at one time, as registers, workgroup memory and whole workgroups allow."""
    wave = lanes(invocations)
    waves = -(-invocations // wave)
    # A vector of 32 lanes takes half of one of 64.
    registers, granule = family.registers * 64 // wave, family.granule * 64 // wave
    by_registers = min(family.waves, registers // rounded(max(vgprs, 1), granule))
    groups = 2 * SIMDS * by_registers // waves
    if shared:
        groups = min(groups, WORKGROUP_MEMORY // rounded(shared, family.shared_granule))
    return groups * waves / (2 * SIMDS)
