#!/usr/bin/env python3
"""model.py BENCH: the counts of bench/gpu_loops.py and the formula of bench/gpu_model.py against numbers that
can be found by hand."""
import math
import sys

sys.path.insert(0, sys.argv[1])
import gpu_loops
import gpu_model

# A slab loop: loads for the next slab behind a guard that stands out of line, an inner loop of 2
# multiply-adds that runs 4 times, stores first.
PTX = """
.visible .entry lp_gemm_tile_x(
	.param .u64 a
)
{
	.reg .f32 %f<9>;
	ld.param.u64 	%rd1, [a];
	mov.u32 	%r1, 0;
$L__BB0_1:                              // slab
	st.shared.f32 	[%r2], %f1;
	bar.sync 	0;
	setp.lt.s32 	%p1, %r1, 8;
	@%p1 bra 	$L__BB0_5;
$L__BB0_2:
	mov.u32 	%r3, 0;
$L__BB0_3:                              // terms
	ld.shared.v4.f32 	{%f2, %f3, %f4, %f5}, [%r2];
	fma.rn.f32 	%f6, %f2, %f3, %f6;
	fma.rn.f32 	%f7, %f4, %f5, %f7;
	add.s32 	%r3, %r3, 1;
	setp.ne.s32 	%p2, %r3, 4;
	@%p2 bra 	$L__BB0_3;
	add.s32 	%r1, %r1, 1;
	setp.ne.s32 	%p3, %r1, 9;
	@%p3 bra 	$L__BB0_1;
	st.global.f32 	[%rd1], %f6;
	ret;
$L__BB0_5:
	ld.global.f32 	%f1, [%rd1];
	bra.uni 	$L__BB0_2;
}
"""
# The same without a guard, with dual multiply-adds, loads before the stores that need them.
AMDGCN = """
lp_gemm_tile_y:                         ; @lp_gemm_tile_y
; %bb.0:
	s_load_dwordx2 s[0:1], s[4:5], 0x0
	s_cbranch_execz .LBB0_3
.LBB0_1:                                ; slab
	global_load_dword v1, v[2:3], off
	s_waitcnt vmcnt(0)
	ds_write_b32 v4, v1
	s_barrier
	ds_read_b128 v[8:11], v5
	v_dual_fmac_f32 v6, v8, v9 :: v_dual_fmac_f32 v7, v10, v11
	v_fma_f32 v6, v8, v9, v6
	v_dual_fmac_f32 v6, v8, v9 :: v_dual_mov_b32 v7, v10
	v_mov_b32_e32 v12, v13
	v_add_u32_e32 v5, 16, v5
	s_cbranch_scc1 .LBB0_1
	s_endpgm
.LBB0_3:
	s_endpgm
	.section	.rodata
"""

failures, passed = [], []


def expect(what, got, wanted):
    if got != wanted and not (isinstance(wanted, float) and math.isclose(got, wanted, rel_tol=1e-12)):
        failures.append("%s: %s, should be %s" % (what, got, wanted))
    else:
        passed.append(what)


def refused(what, *arguments):
    try:
        gpu_loops.mix_of(*arguments)
        failures.append(what + ": was not refused")
    except ValueError:
        passed.append(what)


def loops():
    code = gpu_loops.ptx(PTX)["lp_gemm_tile_x"]
    mix = gpu_loops.mix_of(*code, 8)
    expect("ptx: the slab", dict(mix.loop), {"fma": 8, "local": 1 + 4, "global": 1, "move": 1,
                                             "scalar": 1 + 1 + 1 + 1 + 4, "vector": 1 + 2 + 2 * 4, "all": 33,
                                             "issued": 33})
    expect("ptx: outside of it", mix.outside["all"], 3)
    expect("ptx: stores come first", mix.serial, 0)
    expect("ptx: share", mix.share(), 8 / 33)
    refused("ptx: no whole number of rounds", *code, 9)
    refused("ptx: fewer multiply-adds than there are", *code, 1)
    code = gpu_loops.amdgcn(AMDGCN)["lp_gemm_tile_y"]
    mix = gpu_loops.mix_of(*code, 4)
    expect("amdgcn: the slab", dict(mix.loop), {"fma": 4, "local": 2, "global": 1, "move": 2, "scalar": 3,
                                                "vector": 1, "all": 11, "issued": 10})
    expect("amdgcn: waits for its loads", mix.serial, 1)
    # Rounds that are unrolled: two of 2 in place of one of 4.
    expect("amdgcn: unrolled", gpu_loops.mix_of([x for x in code[0] if x.op != "s_cbranch_scc1"], code[1], 2).loop["fma"],
           2)


def product(direction, **extents):
    return "".join("#define %s %d\n" % item for item in dict(extents, DIRECTION=direction, WITH_DB=1).items())


def formula():
    conv = dict(C=3, O=8, H=9, W=9, OH=9, OW=9, KS=3, STRIDE=1, PAD=1, TM=16, TN=32, TK=8, WM=4, WN=8)
    launch = gpu_model.Launch("lp_gemm_tile_z", 1 * 11 * 2, 32)  # 8 rows; 4 * 81 columns; 2 shares
    p = gpu_model.Product(product(1, **conv), launch, 4)
    expect("conv: m, n, k", (p.m, p.n, p.k), (8, 4 * 81, 27))
    expect("conv: shares, rounds, multiply-adds", (p.splits, p.rounds, p.fma), (2, 2, 8 * 16 * 32 // 32))
    p3 = gpu_model.Product(product(3, **conv), gpu_model.Launch("", 1, 32), 4)
    expect("conv dW: m, n, k", (p3.m, p3.n, p3.k), (8, 28, 4 * 81))
    linear = gpu_model.Product(product(2, INPUTS=100, OUTPUTS=30, TM=16, TN=16, TK=16, WM=8, WN=8),
                               gpu_model.Launch("", 7, 64), 5)
    expect("linear dx: m, n, k", (linear.m, linear.n, linear.k), (5, 100, 30))
    wide = dict(C=6, O=9, H=7, W=5, OH=7, OW=5, KS=3, STRIDE=1, PAD=1, TM=32, TN=32, TK=4, WM=4, WN=4, FILTERS=0)
    winograd = gpu_model.Product(product(2, **wide), gpu_model.Launch("", 1, 256), 2)
    expect("Winograd dx: m, n, k of the direct sum", (winograd.m, winograd.n, winograd.k), (6, 70, 81))
    expect("Winograd dx: rounds, multiply-adds", (winograd.rounds, winograd.fma), (3, 4 * 8 * 8))
    expect("Winograd: filters", gpu_model.filter_bytes(product(2, **wide)), 4 * 6 * 9 * 25)
    # 22 groups on 4 units: 6 on the fullest, 2 there at once: three times two. A round of a group takes
    # 32 items x 256 instructions / 64 = 128 clocks; alone, at half a unit's rate, 256, and 500 for the load.
    card = gpu_model.Card("c", "sm_50", gpu_model.NV, 4, "", 1.0, 64, 64, 2, 32, 100.0, 4096, 8192, 256, "")
    mix = gpu_loops.Mix({"fma": 128, "issued": 256}, 1, {"fma": 0, "issued": 20})
    c = gpu_model.Compiled(mix, 100, 0, 2048)
    expect("resident: registers and local memory", gpu_model.resident(card, 32, c), 2)
    expect("clocks", gpu_model.product_clocks(card, p, launch, c), 6 * 32 * 20 / 64 + 3 * 2 * (256.0 + 500))
    busy = gpu_model.Compiled(gpu_loops.Mix({"fma": 128, "issued": 2560}, 0, {"fma": 0, "issued": 0}), 8, 0, 0)
    expect("clocks: many groups hide what one waits for", gpu_model.product_clocks(card, p, launch, busy),
           2 * 6 * 32 * 2560 / 64)
    expect("bandwidth", gpu_model.memory_seconds(card, 1e9, 4 * 256), 0.01)
    expect("bandwidth: few work-items", gpu_model.memory_seconds(card, 1e9, 256), 0.02)
    step = gpu_model.Step(0, 1e6, "relu")
    step.launches.append(gpu_model.Launch("lp_elementwise", 16, 256))
    row = gpu_model.predict(card, [step], {}, 1, {})[0]
    expect("another step", row.ms, 1e3 * (gpu_model.LAUNCH + 1e6 / 100e9))
    expect("another step at best", row.best, 1e3 * 1e6 / 100e9)


loops()
formula()
for failure in failures:
    print("failed " + failure)
print("%d passed, %d failed" % (len(passed), len(failures)))
sys.exit(1 if failures else 0)
