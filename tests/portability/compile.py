#!/usr/bin/env python3
"""compile.py PLANS OUTPUT.md: every OpenCL kernel in every form in which the networks use it, through
the compilers of all vendors. PLANS is the program that makes the backend build (and dump) them.
Fails when a compiler refuses, when the lint finds something, or when a product kernel spills; writes
a table of registers, spilled registers and local memory."""
import collections
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

CL = ["-x", "cl", "-cl-std=CL1.2", "-Xclang", "-finclude-default-header"]
LINT = ["clang-15", *CL, "-target", "spir64", "-Xclang",
        "-cl-ext=-all,+cl_khr_byte_addressable_store,+cl_khr_global_int32_base_atomics,"
        "+cl_khr_global_int32_extended_atomics,+cl_khr_local_int32_base_atomics,"
        "+cl_khr_local_int32_extended_atomics",
        # Unused: macros and prelude functions that this set of kernels has no use for, and operands
        # that a part of a problem does without.
        "-Weverything", "-Wno-declaration-after-statement", "-Wno-unused-macros",
        "-Wno-unused-function", "-Wno-unused-parameter", "-Werror", "-fsyntax-only"]
AMD_LIBS = "--rocm-device-lib-path=/usr/lib/x86_64-linux-gnu/amdgcn/bitcode"
NVIDIA = {"sm_50": ("clang-15", "+ptx72"), "sm_75": ("clang-15", "+ptx72"),
          "sm_90": ("clang-16", "+ptx78")}
AMD = {"gfx906": "clang-15", "gfx1030": "clang-15", "gfx1100": "clang-16"}  # 15 knows half its registers
INTEL = ["skl", "tgllp", "dg2"]
# Devices to plan for, and whose compilers get the kernels: compute units and registers of a work-item
# decide about tiles. The family for CPU devices never runs on a GPU.
PLANS = [("kernels=gpu,units=2", ("nvidia", "amd")), ("kernels=gpu,units=132", ("nvidia", "amd")),
         ("kernels=gpu,units=2,registers=80", ("intel",)),
         ("kernels=gpu,units=512,registers=80", ("intel",)), ("kernels=cpu,units=2", ())]
HOT = ("gemm", "winograd", "conv_d", "panel")

failures = []
skipped = []
rows = collections.defaultdict(dict)  # kernel -> target -> (registers, spills, local bytes)


def have(*tools):
    missing = [t for t in tools if not shutil.which(t)]
    for t in missing:
        if t not in skipped:
            skipped.append(t)
    return not missing


def run(what, *command, **keywords):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **keywords)
    if done.returncode:
        failures.append("%s: %s" % (what, " | ".join(done.stdout.strip().splitlines()[:3])))
    return done.returncode == 0, done.stdout


def short(kernel):
    return re.sub(r"^lp_", "", kernel)


def lint(source):
    if have("clang-15"):
        run("lint " + os.path.basename(source), *LINT, source)


def ptx_command(arch, source, asm):
    """The command that compiles for an NVIDIA device; None where what it takes is not installed."""
    clang, ptx = NVIDIA[arch]
    library = "/usr/lib/clc/nvptx64--nvidiacl.bc"
    if not have(clang) or not os.path.exists(library):
        return None
    # The built-in library is clang-15's; a newer clang takes its bitcode as it is.
    return [clang, *CL, "-target", "nvptx64-nvidia-cuda", "-march=" + arch, "-Xclang",
            "-target-feature", "-Xclang", ptx, "-nogpulib", "-O3", "-w", "-Wno-linker-warnings", "-Xclang",
            "-mlink-builtin-bitcode", "-Xclang", library, "-S", source, "-o", asm]


def ptxas(arch, asm, out):
    """kernel -> (registers, words spilled or in a stack frame, bytes of local memory); None where ptxas is
    not there or no longer knows the architecture."""
    if not shutil.which("ptxas"):
        return None
    ok, log = run("ptxas " + arch, "ptxas", "-arch=" + arch, "-v", asm, "-o", out)
    if not ok and ("not defined for option" in log or "Unsupported" in log):
        failures.pop()
        return None
    found = {}
    for block in log.split("Compiling entry function")[1:]:
        registers = re.search(r"Used (\d+) registers", block)
        # The frame holds what was spilled and arrays that did not fit into registers.
        frame = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores", block)
        shared = re.search(r"(\d+) bytes smem", block)
        found[re.search(r"'(\w+)'", block).group(1)] = (
            registers and registers.group(1), max(map(int, frame.groups())) // 4 if frame else 0,
            shared.group(1) if shared else 0)
    return found


def nvidia(source, out):
    for arch in NVIDIA:
        asm = os.path.join(out, arch + ".ptx")
        command = ptx_command(arch, source, asm)
        if not command or not run(arch, *command)[0]:
            continue
        text = open(asm, encoding="utf-8").read()
        if re.search(r"^\.extern \.func", text, re.M):
            failures.append(arch + ": a function of the kernels is not resolved")
        for kernel in re.findall(r"\.entry (\w+)", text):
            rows[kernel].setdefault(arch, ("ok", 0, None))
        for kernel, figures in (ptxas(arch, asm, os.path.join(out, arch + ".bc")) or {}).items():
            rows[kernel][arch] = figures


def amd_command(arch, source, asm):
    clang = AMD[arch]
    if not have(clang):
        return None
    if arch == "gfx1100":
        library = ["-target", "amdgcn--amdhsa", "-nogpulib", "-Xclang", "-mlink-builtin-bitcode",
                   "-Xclang", "/usr/lib/clc/amdgcn--amdhsa.bc"]
    else:
        library = ["-target", "amdgcn-amd-amdhsa", AMD_LIBS]
    return [clang, *CL, *library, "-mcpu=" + arch, "-O3", "-w", "-S", source, "-o", asm]


def amd_figures(text):
    """Of AMDGCN assembly, what ptxas() gives."""
    found = {}
    for part in re.split(r"\n  - \.args:", text)[1:]:
        value = dict(re.findall(r"^ +\.(\w+): +'?(\w+)'?$", part, re.M))
        name = re.search(r"^    \.name: +(\w+)$", part, re.M)
        if not name:
            continue
        spills = int(value.get("vgpr_spill_count", 0)) + int(value.get("sgpr_spill_count", 0))
        # An array that the compiler could not keep in registers is as bad as a spill.
        spills += int(value.get("private_segment_fixed_size", 0)) // 4
        found[name.group(1)] = (value.get("vgpr_count"), spills, value.get("group_segment_fixed_size"))
    return found


def amd(source, out):
    for arch in AMD:
        asm = os.path.join(out, arch + ".s")
        command = amd_command(arch, source, asm)
        if not command or not run(arch, *command)[0]:
            continue
        for kernel, figures in amd_figures(open(asm, encoding="utf-8").read()).items():
            rows[kernel][arch] = figures


def in_memory(folder):
    """Of the kernels in Intel's binaries: words that a work-item has in memory, spilled or arrays. The
    compiler says nothing of them; the binary describes its kernels in YAML."""
    words = {}
    for path in glob.glob(folder + "/*.bin"):
        with open(path, "rb") as f:
            text = f.read().decode("latin1")
        for info in re.findall(r"\nkernels:(.*?)(?:\nkernels_misc_info|\0)", text, re.S):
            for part in re.split(r"\n  - name: +", info)[1:]:
                width = int(re.search(r"simd_size: +(\d+)", part).group(1))
                buffers = part.partition("per_thread_memory_buffers:")[2]
                words[part.split()[0]] = sum(  # bytes of a work-item, or of a thread of them
                    int(re.search(r" size: +(\d+)", b).group(1)) // 4 //
                    (1 if "is_simt_thread:  true" in b else width)
                    for b in buffers.split("- type:")[1:])
    return words


def intel(source, out):
    if not have("ocloc"):
        return
    kernels = re.findall(r"^#define KERNEL (\w+)", open(source, encoding="utf-8").read(), re.M)
    environment = dict(os.environ, IGC_EnableZEBinary="1")
    for device in INTEL:
        shutil.rmtree(os.path.join(out, device), ignore_errors=True)
        ok, _ = run("intel " + device, "ocloc", "compile", "-file", source, "-device", device,
                      "-options", "-cl-std=CL1.2", "-out_dir", os.path.join(out, device),
                      env=environment)
        if not ok:
            continue
        spilled = in_memory(os.path.join(out, device))
        for kernel in kernels:
            if kernel not in spilled:
                failures.append("intel %s: the binary does not describe %s" % (device, kernel))
            rows[kernel][device] = ("ok", spilled.get(kernel, 0), None)


def spirv(source, out):
    if not have("clang-15", "llvm-spirv-15", "spirv-val"):
        return
    bitcode, module = os.path.join(out, "k.bc"), os.path.join(out, "k.spv")
    ok, _ = run("spir64", "clang-15", *CL, "-target", "spir64", "-O0", "-Xclang",
                "-no-opaque-pointers", "-w", "-emit-llvm", "-c", source, "-o", bitcode)
    ok = ok and run("llvm-spirv", "llvm-spirv-15", "--spirv-max-version=1.0", bitcode, "-o", module)[0]
    if ok and run("spirv-val", "spirv-val", "--target-env", "opencl1.2", module)[0]:
        for kernel in re.findall(r"^#define KERNEL (\w+)", open(source, encoding="utf-8").read(), re.M):
            rows[kernel]["SPIR-V"] = ("ok", 0, None)


def cell(kernel, target):
    if target not in rows[kernel]:
        return ""
    registers, spills, local = rows[kernel][target]
    text = str(registers)
    if spills:
        text += ", %d spilled" % spills
    if local and int(local):
        text += ", %s B" % local
    return text


def table(path):
    targets = list(NVIDIA) + list(AMD) + INTEL + ["SPIR-V"]
    with open(path, "w", encoding="utf-8") as f:
        f.write("# OpenCL kernels, compiled for other devices\n\n"
                "Registers of a work-item, words spilled to memory (where there are any), bytes of "
                "local memory; ok: compiled, no figures known. Kernels of the training and "
                "evaluation plans of LeNet, AlexNet and two recurrent networks, on devices "
                "of 2, 132 and 512 compute units; the digits of a name tell its forms apart. "
                "Intel's are planned with the registers that its work-items have.\n")
        for family, title in (("gpu", "Kernels for GPUs"), ("cpu", "Kernels for CPU devices")):
            f.write("\n## %s\n\n| kernel | %s |\n|---%s|\n" %
                    (title, " | ".join(targets), "|---" * len(targets)))
            for kernel in sorted(k for k in rows if family in families[k]):
                f.write("| %s | %s |\n" % (short(kernel),
                                           " | ".join(cell(kernel, t) for t in targets)))


families = collections.defaultdict(set)


def unseen(source, seen):
    """Leaves in a dumped program its head and the kernels not in seen, which grows; their names."""
    text = open(source, encoding="utf-8").read()
    kept, names = text[:text.index("#define KERNEL ")], []
    for block in re.findall(r"^#define KERNEL \w+\n.*?^#undef KERNEL\n", text, re.M | re.S):
        name = block.split(None, 3)[2]
        if name not in seen:
            seen.add(name)
            names.append(name)
            kept += block
    with open(source, "w", encoding="utf-8") as f:
        f.write(kept)
    return names


def main():
    plans, output = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as tmp:
        seen = collections.defaultdict(set)  # by whose compilers got them
        for number, (device, vendors) in enumerate(PLANS):
            folder = os.path.join(tmp, str(number))
            os.mkdir(folder)
            subprocess.run([plans, "opencl:Portable," + device],
                           check=True, env=dict(os.environ, LOCALITY_CL_DUMP=folder))
            for source in sorted(glob.glob(folder + "/*.cl"), key=os.path.getsize, reverse=True):
                names = unseen(source, seen[vendors])
                if not names:
                    continue
                for name in names:
                    families[name].add("gpu" if vendors else "cpu")
                lint(source)
                spirv(source, tmp)
                for vendor in vendors:
                    {"nvidia": nvidia, "amd": amd, "intel": intel}[vendor](source, tmp)
        if not rows:
            print("0 passed, 0 failed, 1 skipped")
            return 77
    for kernel, targets in rows.items():
        for target, (_, spills, _) in targets.items():
            if spills and any(h in kernel for h in HOT):
                failures.append("%s on %s: %d words spilled or in a stack frame" %
                                (kernel, target, spills))
    table(output)
    for failure in failures:
        print("failed " + failure)
    for tool in skipped:
        print("skipped %s: not installed" % tool)
    print("%d passed, %d failed, %d skipped" %
          (sum(len(t) for t in rows.values()), len(failures), len(skipped)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
