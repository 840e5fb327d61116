"""Tests of tools/rdna-model that need neither Mesa nor the engine: python3 -m unittest rdna.tests, in tools/."""

import dataclasses
import pathlib
import re
import struct
import tempfile
import unittest

from rdna import disassembly, figures, kernels, layer, machine, spirv

# A time loop (BB1 to BB6) whose body has a branch that skips work, one that both ways lead back from, and a product loop (BB3).
ASSEMBLY = """BB0:
	v_mov_b32_e32 v0, 0                                         ; 7e940280
	s_nop 0                                                     ; bf800000
	(then repeated 2 times)
BB1:
	s_cmp_ge_u32 s4, s9                                         ; bf090904
	s_cbranch_scc1 BB7                                          ; bfa204db
BB2:
	s_cbranch_execz BB3                                         ; bfa5001f
BB8:
	buffer_load_b128 v[76:79], v74, s[16:19], 0 offen           ; e05c0000
BB3:
	s_cbranch_scc1 BB5                                          ; bfa20074
BB4:
	ds_load_b128 v[80:83], v74 offset:16                        ; dbfc0000
	v_fmac_f32_e32 v75, s39, v2                                 ; 56960427
	v_fma_f32 v76, v1, v2, v3                                   ; 56960427
	s_branch BB3                                                ; bfa0ff89
BB5:
	s_barrier                                                   ; bfbd0000
	v_exp_f32_e32 v1, v1                                        ; 7d920a07
	v_fmac_f32_e32 v75, s39, v2                                 ; 56960427
	s_cbranch_execz BB6                                         ; bfa5001f
BB9:
	v_mul_f32_e32 v1, v1, v2                                    ; 10968a01
	s_branch BB10                                               ; bfa00001
BB6:
	v_mov_b32_e32 v1, 0                                         ; 7e940280
BB10:
	s_waitcnt lgkmcnt(0)                                        ; bf89fc07
	s_barrier                                                   ; bfbd0000
	v_lshlrev_b32_e32 v11, 2, v11                               ; 30161682
	s_branch BB1                                                ; bfa0fb22
BB7:
	buffer_store_b32 v9, v7, s[32:35], 0 offen                  ; e0680000
	s_endpgm                                                    ; bfb00000
"""
STATISTICS = {"VGPRs": 48, "LDS size": 5120, "Spilled VGPRs": 0, "Spilled SGPRs": 1, "Instructions": 24, "Latency": 900, "Inverse Throughput": 90}


def opcodes(loop: disassembly.Loop) -> list[str]:
    return [instruction.opcode for instruction in loop.own]


class Disassembly(unittest.TestCase):
    def setUp(self) -> None:
        self.kernel = disassembly.structure(disassembly.parse(ASSEMBLY))

    def test_loops_nest_and_trips_do_all_work(self) -> None:
        self.assertEqual(opcodes(self.kernel), ["v_mov_b32_e32", *3 * ["s_nop"], "buffer_store_b32", "s_endpgm"])
        [steps] = self.kernel.inner
        # The skipped load is executed; of two ways the first.
        self.assertIn("buffer_load_b128", opcodes(steps))
        self.assertIn("v_mul_f32_e32", opcodes(steps))
        self.assertNotIn("v_mov_b32_e32", opcodes(steps))
        [products] = steps.inner
        self.assertEqual(opcodes(products), ["s_cbranch_scc1", "ds_load_b128", "v_fmac_f32_e32", "v_fma_f32", "s_branch"])
        self.assertIs(disassembly.main_loop(self.kernel), products)
        self.assertEqual(self.kernel.around(products), [self.kernel, steps, products])

    def test_a_loop_may_end_with_its_condition(self) -> None:
        text = "BB0:\n\ts_nop 0\nBB1:\n\tv_fma_f32 v0, v1, v2, v3\n\ts_cbranch_scc1 BB1\nBB2:\n\ts_endpgm\n"
        kernel = disassembly.structure(disassembly.parse(text))
        self.assertEqual([opcodes(loop) for loop in kernel.all()], [["s_nop", "s_endpgm"], ["v_fma_f32", "s_cbranch_scc1"]])

    def test_a_trip_is_cut_at_its_barriers(self) -> None:
        parts = self.kernel.inner[0].between_barriers()
        found = [[instruction.opcode for instruction in part if instruction.kind in machine.VECTOR] for part in parts]
        self.assertEqual(found, [["v_lshlrev_b32_e32"], ["v_exp_f32_e32", "v_fmac_f32_e32", "v_mul_f32_e32"]])

    def test_two_instructions_at_once(self) -> None:
        code = disassembly.parse("BB0:\n\tv_dual_fmac_f32 v1, v2, v3 :: v_dual_mov_b32 v4, 0 ; c8\n\ts_endpgm\n")
        self.assertEqual([(i.opcode, i.is_paired) for i in code.instructions[:2]], [("v_fmac_f32", False), ("v_mov_b32", True)])


class Machine(unittest.TestCase):
    def test_kinds(self) -> None:
        for opcode, kind in {
            "v_fmac_f32_e32": "fma",
            "v_fmaak_f32": "fma",
            "v_fma_mix_f32": "fma",
            "v_mul_f32_e32": "float",
            "v_readfirstlane_b32": "move",
            "v_cmpx_lt_u32_e32": "select",
            "v_min_u32_e32": "select",
            "v_rcp_f32_e32": "function",
            "v_cvt_i32_f32_e32": "function",
            "v_add_nc_u32_e32": "integer",
            "v_mad_u64_u32": "integer",
            "ds_load_2addr_b64": "read",
            "ds_read_b128": "read",
            "ds_write_b32": "write",
            "buffer_load_dwordx4": "load",
            "scratch_store_b32": "store",
            "s_buffer_load_b64": "scalar load",
            "s_waitcnt_vscnt": "wait",
            "s_delay_alu": "hint",
            "s_add_u32": "scalar",
        }.items():
            self.assertEqual(machine.kind(opcode), kind, opcode)

    def test_words(self) -> None:
        found = {o: machine.words(o) for o in ("ds_load_b128", "ds_read_b96", "ds_read2_b32", "ds_load_2addr_stride64_b64", "ds_store_b8")}
        self.assertEqual(list(found.values()), [4, 3, 2, 4, 1])
        found = [machine.words(o) for o in ("buffer_load_dwordx4", "buffer_store_dword", "buffer_load_b64", "buffer_load_u16")]
        self.assertEqual(found, [4, 1, 2, 1])

    def test_clocks(self) -> None:
        two, three = machine.FAMILIES["navi21"], machine.FAMILIES["navi31"]
        for opcode, on_two, on_three in [
            ("v_fmac_f32_e32", (2, 0), (1, 0)),
            ("v_add_nc_u32_e32", (2, 0), (2, 0)),
            ("v_exp_f32_e32", (2, 8), (2, 8)),
            ("v_mul_lo_u32", (8, 8), (8, 8)),
        ]:
            self.assertEqual(machine.vector_clocks(opcode, two, 64), on_two, opcode)
            self.assertEqual(machine.vector_clocks(opcode, three, 64), on_three, opcode)
        self.assertEqual(machine.vector_clocks("v_add_nc_u32_e32", three, 32), (1, 0))

    def test_occupancy(self) -> None:
        for family, vgprs, shared, invocations, waves in [
            ("navi31", 120, 0, 256, 6),
            ("navi31", 121, 0, 256, 5),
            ("navi21", 120, 0, 256, 4),
            ("navi21", 8, 0, 64, 16),
            # Four workgroups of four waves for the four SIMDs of a WGP.
            ("navi31", 48, 32768, 256, 4),
            # 26 waves would fit: eight whole workgroups of three.
            ("navi21", 72, 0, 192, 6.75),
            # Waves of 32: twice as many registers, in granules of 16.
            ("navi21", 72, 0, 32, 12),
        ]:
            self.assertEqual(machine.occupancy(machine.FAMILIES[family], vgprs, shared, invocations), waves, (family, vgprs, shared))


class Budget(unittest.TestCase):
    def setUp(self) -> None:
        self.found = figures.compiled("navi31", ASSEMBLY, [256, 1, 1], STATISTICS).figures

    def test_figures(self) -> None:
        f = self.found
        self.assertEqual((f.vgprs, f.spilled, f.shared, f.waves, f.latency, f.throughput), (48, 1, 5120, 16, 900, 90))
        self.assertEqual(f.loop, {"vector": 2, "fma": 2, "read": 1, "scalar": 2})
        step = {"vector": 4, "fma": 1, "function": 1, "float": 1, "integer": 1, "load": 1, "scalar": 6, "wait": 1, "barrier": 2}
        self.assertEqual(f.step, step)

    def test_a_file_comes_back(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "budget.toml"
            budget = figures.Budget("25.0.7", {"navi31": {"lstm a.wgsl N=1": self.found}})
            figures.write(path, budget)
            self.assertEqual(figures.read(path), budget)

    def test_the_version_of_mesa(self) -> None:
        self.assertEqual(figures.version("Mesa 25.0.7-2~bpo12+1"), "25.0.7")
        self.assertEqual(figures.version("Mesa 26.1.0-devel (git-0123456789)"), "26.1.0")

    def test_what_exceeds_it(self) -> None:
        self.assertEqual(figures.exceeded("k", self.found, self.found), [])
        for change, fault in [
            ({"vgprs": 49}, "vgprs is 49, the budget is 48"),
            ({"spilled": 2}, "spilled is 2"),
            ({"waves": 15.0}, "waves is 15.0"),
            ({"latency": 923}, "latency is 923"),
            ({"loop": self.found.loop | {"read": 6}}, "loop.read is 6, the budget is 1"),
            ({"step": self.found.step | {"store": 5}}, "step.store is 5, the budget is 0"),
            ({"loop": self.found.loop | {"fma": 1}}, "1 multiply-adds, the budget is of 2"),
        ]:
            [found] = figures.exceeded("k", dataclasses.replace(self.found, **change), self.found)
            self.assertIn(fault, found)
        # Noise of the compiler's schedule, and what is better.
        for change in [{"latency": 922}, {"loop": self.found.loop | {"vector": 6}}, {"waves": 16.0, "vgprs": 40}]:
            self.assertEqual(figures.exceeded("k", dataclasses.replace(self.found, **change), self.found), [])


class Times(unittest.TestCase):
    LAYER = layer.Layer("lstm", 64, 160, 256, 128)

    def test_the_plan(self) -> None:
        # 2 x 4 x 64 x 224 x 256 operations a step: 68 steps a dispatch.
        self.assertEqual(self.LAYER.parts, [(68, 1), (60, 1)])
        # 256 workgroups of 4 and of 12 tiles, but no more than 64; one for each 256 rows and steps.
        self.assertEqual(self.LAYER.splits, 64)
        self.assertEqual(dataclasses.replace(self.LAYER, hidden=128).splits, 22)
        self.assertEqual(dataclasses.replace(self.LAYER, batch=16).splits, 8)
        self.assertEqual(layer.Layer("gru", 16, 8, 4, 10).parts, [(10, 1)])
        self.assertEqual(layer.Layer("gru", 16, 8, 4, 10).splits, 1)

    def test_the_plans_constants_are_the_engines(self) -> None:
        for file, pattern, value in [
            ("rnn/plan.rs", r"dispatch_work: ([\d_]+)", layer.DISPATCH_WORK),
            ("rnn/plan.rs", r"const SPLIT_ROWS: usize = (\d+);", layer.SPLIT_ROWS),
            ("rnn/plan.rs", r"const MAX_SPLITS: \[usize; 2\] = \[(\d+), \d+\];", layer.MAX_SPLITS[0]),
            ("rnn/plan.rs", r"const MAX_SPLITS: \[usize; 2\] = \[\d+, (\d+)\];", layer.MAX_SPLITS[1]),
            ("rnn/plan.rs", r"const LARGE: Tile = Tile { rows: (\d+), units: \d+ };", layer.LARGE_ROWS),
            ("rnn/plan.rs", r"const LARGE: Tile = Tile { rows: \d+, units: (\d+) };", layer.LARGE_UNITS),
            ("rnn/plan.rs", r"const GPU_WORKGROUPS: usize = (\d+);", layer.GPU_WORKGROUPS),
            ("rnn/plan.rs", r"pub const STEP_TILE: usize = (\d+);", layer.STEP_TILE),
            ("blocks.rs", r"pub const DEPTH: usize = (\d+);", layer.DEPTH),
        ]:
            found = re.search(pattern, (kernels.ROOT / "src/backend/wgpu" / file).read_text())
            self.assertEqual(int(found[1].replace("_", "")), value, pattern)
        for file, value in [("rnn_step_forward", layer.STEP_FORWARD_DEPTH), ("rnn_step_backward", layer.STEP_BACKWARD_DEPTH)]:
            found = re.search(r"const DEPTH = (\d+)u;", (kernels.ROOT / f"kernels/wgsl/{file}.wgsl").read_text())
            self.assertEqual(int(found[1]), value, file)

    def test_a_launch_by_hand(self) -> None:
        compiled = figures.compiled("navi31", ASSEMBLY, [128, 1, 1], STATISTICS)
        # 200 workgroups of two waves on 96 units: three on the busiest, six waves, three on a SIMD.
        launch = layer.Launch(200, (10, 30), 128 * 2 * 300, 9600 * 1000, 960_000, count=2)
        card = machine.CARDS["navi31"]
        time = layer.of_launch(compiled, launch, card)
        # A move once; in a step a multiply-add and a product of one clock each, and a function and a shift of two; a product's two.
        clocks = 1 + 10 * (1 + 1 + 2 + 2 + 30 * 2)
        self.assertAlmostEqual(time.vector, 2 * 3 * clocks / 2.5 / 1e3)
        # 300 reads of four words.
        self.assertAlmostEqual(time.workgroup_memory, 2 * 6 * 300 * 4 * 4 * 64 / 128 / 2.5 / 1e3)
        # Ten loads of four words and a store of one.
        self.assertAlmostEqual(time.l2, 2 * 400 * 41 * 4 * 64 / 3072 / 2.5 / 1e3)
        self.assertAlmostEqual(time.memory, 2 * 960_000 / 960 / 1e3)
        self.assertAlmostEqual(time.floor, 2 * 1.0)
        self.assertEqual(time.largest, (time.workgroup_memory, "workgroup memory"))

    def test_a_changed_kernel_does_not_keep_its_trips(self) -> None:
        compiled = figures.compiled("navi31", ASSEMBLY, [128, 1, 1], STATISTICS)
        launch = layer.Launch(200, (10, 30), 128 * 2 * 300, 0, 0)
        for wrong in [{"trips": (10,)}, {"trips": (10, 60)}, {"trips": (10, 20)}]:
            with self.assertRaises(layer.Mismatch):
                layer.of_launch(compiled, dataclasses.replace(launch, **wrong), machine.CARDS["navi31"])

    def test_every_kernel_of_a_layer_has_launches(self) -> None:
        with self.assertRaises(layer.Mismatch):
            layer.time("gather.wgsl", figures.compiled("navi31", ASSEMBLY, [64, 1, 1], STATISTICS), self.LAYER, machine.CARDS["navi31"])
        [whole, rest] = layer.launches("rnn_project.wgsl ROWS=128 UNITS=32 DEPTH=8 LEFT=1 RIGHT=1", self.LAYER)
        self.assertEqual((whole.groups, rest.groups), (68 * 256 // 128 * 2, 60 * 256 // 128 * 2))
        self.assertEqual((whole.trips, whole.products, whole.useful), ((20,), 128 * 32 * 4 * 160, 68 * 256 * 256 * 160))
        [whole, _] = layer.launches("rnn_weight_gradient.wgsl COLUMNS=128 UNITS=32 DEPTH=8 LEFT=1 RIGHT=1", self.LAYER)
        self.assertEqual((whole.groups, whole.trips, whole.products), (2 * 64 * 2, (34,), 272 * 128 * 32 * 4))
        [whole, _] = layer.launches("lstm rnn_input_gradient.wgsl ROWS=128 FEATURES=64 DEPTH=2 LEFT=2 RIGHT=1", self.LAYER)
        self.assertEqual((whole.groups, whole.trips, whole.products), (136 * 3, (1, 32), 128 * 64 * 4 * 64))

    def test_halves_are_half_the_bytes(self) -> None:
        halves = dataclasses.replace(self.LAYER, precision="f16")
        self.assertEqual(halves.name, f"LSTM {self.LAYER.hidden} f16")
        for name, of_vectors in [
            ("rnn_project.wgsl ROWS=128 UNITS=32 DEPTH=8 LEFT=1 RIGHT=1", 68 * 256 * 64 + 160 * 64),
            ("lstm rnn_persistent_forward.wgsl UNITS=64 ROWS=2 PARTS=4 DEPTH=16 SAVE=1", 2 * 68 * 256 * 64 + 64 * 64),
        ]:
            [whole, _], [half, _] = layer.launches(name, self.LAYER), layer.launches(f"f16 {name}", halves)
            self.assertEqual(whole.bytes - half.bytes, 8 * of_vectors, name)
            self.assertEqual(dataclasses.replace(half, bytes=whole.bytes), whole)

    def test_launches_of_time_loops(self) -> None:
        [loop, _] = layer.launches("lstm rnn_persistent_forward.wgsl UNITS=64 ROWS=2 PARTS=4 DEPTH=16 SAVE=1", self.LAYER)
        self.assertEqual((loop.groups, loop.trips, loop.products), (128, (68,), 2 * 256 * 64 * 68))
        # 33 units in eight parts of five, in 17 pairs: more products than the layer's.
        odd = dataclasses.replace(self.LAYER, hidden=33)
        [loop] = layer.launches("lstm rnn_persistent_backward.wgsl UNITS=33 ROWS=4 PARTS=8 DEPTH=5", odd)
        self.assertEqual((loop.groups, loop.trips, loop.products), (64, (128,), 4 * 34 * 40 * 4 * 128))
        # 300 units, padded to 304: two pieces of 256, seven of 48.
        wide = dataclasses.replace(self.LAYER, hidden=300)
        for name, count, trips, beside in [("rnn_step_forward.wgsl SAVE=1", 128, (2, 9.5), 4), ("rnn_step_backward.wgsl", 129, (7, 19 / 7), 3)]:
            [step] = layer.launches(f"lstm {name}", wide)
            self.assertEqual((step.count, step.groups, step.trips, step.beside), (count, 16 * 19, trips, beside))
            self.assertEqual(step.products, 256 * 4 * 304)


class Spirv(unittest.TestCase):
    @staticmethod
    def module(*instructions: tuple[int, ...], bound: int = 9) -> bytes:
        words = [0x07230203, 0x00010600, 28, bound, 0]
        for opcode, *operands in instructions:
            words += [len(operands) + 1 << 16 | opcode, *operands]
        return struct.pack(f"<{len(words)}I", *words)

    def test_names_and_capabilities_do_not_count(self) -> None:
        ours = self.module((17, 1), (19, 2), (248, 3))
        theirs = self.module((17, 1), (17, 61), (5, 3, 0x6E69616D), (19, 2), (248, 3), bound=12)
        self.assertEqual(spirv.body(ours), spirv.body(theirs))
        for other in [self.module((19, 2), (248, 4)), self.module((248, 3), (19, 2)), self.module((19, 2))]:
            self.assertNotEqual(spirv.body(ours), spirv.body(other))

    def test_a_kernel_that_wgpu_makes_otherwise_is_named(self) -> None:
        one, two = self.module((248, 1)), self.module((248, 2))
        ours = {"same": {"a": one, "b": two}, "other": {"c": two}}
        self.assertEqual(spirv.unlike(ours, [one], {"same", "other", "unlisted"}), ["other", "unlisted"])
        self.assertEqual(spirv.unlike(ours, [one, two], {"same", "other"}), [])

    def test_the_engines_list(self) -> None:
        text = "// every kernel\nrnn forward, persistent          lstm rnn_persistent_forward.wgsl UNITS=1\n"
        text += "convolution weight gradient sum  conv_weight_gradient_sum.wgsl VECTORS=1\nloss                       loss.wgsl\n"
        self.assertEqual(
            spirv.listed(text),
            {
                "lstm rnn_persistent_forward.wgsl UNITS=1": "rnn forward, persistent",
                "conv_weight_gradient_sum.wgsl VECTORS=1": "convolution weight gradient sum",
                "loss.wgsl": "loss",
            },
        )


class Missing(unittest.TestCase):
    def test_an_engine_that_is_not_built(self) -> None:
        with self.assertRaisesRegex(kernels.Missing, "no/engine is not here: cargo build --release --locked builds it"):
            kernels.save(pathlib.Path("no/engine"), pathlib.Path("no"), [], {})

    def test_a_driver_that_is_not_installed(self) -> None:
        with self.assertRaisesRegex(kernels.Missing, "no_such_icd.json is not here: tools/software-vulkan installs it"):
            kernels.driver("no_such")


if __name__ == "__main__":
    unittest.main()
