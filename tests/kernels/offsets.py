#!/usr/bin/env python3
"""offsets.py PLAN_CASES KERNELS HOST_DIR: the OpenCL kernels as functions of the host, under the
undefined-behaviour sanitizer, with every operand near the end of a buffer of 8 GiB (host.c).

PLAN_CASES has the backend write the kernels and launches of op cases. Clang compiles them for the
host (shim.cl). A planted 32-bit product must be found first. Exit 77 without clang, its sanitizer or
an OpenCL device to plan for. CLANG names another compiler."""
import collections
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

SANITIZE = ["-fsanitize=signed-integer-overflow,pointer-overflow,shift,implicit-conversion,"
            "integer-divide-by-zero,float-cast-overflow", "-fno-omit-frame-pointer"]
# Every kernel file, in forms of each kind; a driver compiles each of them, so not all cases.
CASES = ["chain/lenet", "chain/conv relu pool overlapping", "chain/expand of sum", "chain/neighbours",
         "normalize/rgb odd",
         "conv2d/padding over", "conv2d_dx/padding over", "conv2d_dw/padding over", "conv2d/odd stride",
         "conv2d_dx/few filters odd", "conv2d_dw/few filters odd",
         "linear/unequal table", "linear_dx/unequal dense", "linear_dw/permuted both",
         "maxpool2d_dx/2 of odd", "maxpool2d/3 by 2 overlapping", "relu/odd", "sign/odd",
         "log_softmax_dx/10 classes", "cross_entropy_dx/3 classes", "cross_entropy/1000 classes of",
         "sum/long", "batchnorm/images",
         "batchnorm_dx/images", "batchnorm_eval_dx/odd", "batchnorm_dx/odd batch", "rmsprop/momentum l2", "adam/decoupled",
         "accumulate/average", "slice/inside", "concat/inside", "permute/odd",
         "prior/three gates scaled",
         "prior/dense", "sparse_linear/odd", "sparse_linear_dx/odd",
         "sparse_linear_dw/odd", "avgpool2d/2 by 3", "avgpool2d_dx/3 by 2"]
ENGINE = ["conv2d/odd stride", "conv2d_dx/odd stride", "conv2d_dw/odd stride", "linear/unequal table",
          "linear_dw/unequal dense"]
PLANS = [("gpu", CASES), ("cpu", CASES)] + [
    ("gpu,product=" + engine, ENGINE)
    for engine in ("tile128", "tile64x128", "tile16x128", "tile32", "tile16", "naive", "clblast")] + [
    ("gpu,product=winograd", ["conv2d/few filters padding 2", "conv2d_dx/few filters padding 2",
                             "conv2d_dw/few filters padding 2"])]
PLANTED = """#define KERNEL lp_planted_0000000000
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
KERNEL(const global uchar *whichb, const int whicho, global float *yb, const int yo) {
  const global uchar *which = whichb + whicho * 4;
  yb[yo] = (float)which[0];
}
#undef KERNEL
"""
SIGNATURE = re.compile(r"kernel\s+__attribute__\(\([^{]*?\)\)\s*void\s+(\w+)\(([^{]*?)\)\s*\{")
MEMORY = re.compile(r"(?:const )?global (\w+) \*\s*(?:restrict )?(\w+)$")
TYPES = {"float": "F", "int": "I", "uchar": "B"}


def stop(code, text):
    print(text)
    print("0 passed, %d failed, %d skipped" % (code != 77, code == 77))
    sys.exit(code)


def run(*command, **keywords):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, errors="replace", **keywords)


def collect(plan_cases, folder):
    """What plans launch: the kernels' common head, kernel -> text, kernel -> launch."""
    for number, (device, cases) in enumerate(PLANS):
        into = os.path.join(folder, str(number))
        os.mkdir(into)
        done = run(plan_cases, "opencl:kernels=" + device, *cases,
                   env=dict(os.environ, LOCALITY_CL_DUMP=into, LOCALITY_CL_CACHE="off"))
        if done.returncode:
            stop(77 if "no OpenCL" in done.stdout or "no device" in done.stdout else 1, done.stdout)
    head, kernels, launches = "", collections.OrderedDict(), {}
    for path in sorted(glob.glob(folder + "/*/*.cl")):
        text = open(path, encoding="utf-8").read()
        first = text.index("#define KERNEL ")
        head = text[:first]
        for block in re.findall(r"^#define KERNEL \w+\n.*?^#undef KERNEL\n", text, re.M | re.S):
            kernels.setdefault(block.split(None, 3)[2], block)
    for path in sorted(glob.glob(folder + "/*/*.launches")):
        for line in open(path, encoding="utf-8"):
            launches.setdefault(line.split()[1], line.split()[2:])
    return head, kernels, launches


def launch_line(index, name, text, parameters, launch):
    """A launch of host.c; the C call of the kernel's parameters."""
    words, call, regions = launch[:4], [], {}
    given = launch[4:]
    i = 0
    while i < len(given):
        parameter = parameters[i]
        memory = MEMORY.match(parameter)
        if memory and name.startswith("lp_update") and memory.group(2) == "table":
            slots = int(re.search(r"^#define SLOTS (\d+)", text, re.M).group(1))
            words.append("T %d %d" % (slots, i))
            call.append("v[%d].p" % len(call))
        elif memory:
            has_offset = i + 1 < len(given) and re.search(
                r"\bint %so$" % re.escape(memory.group(2)[:-1]), parameters[i + 1])
            place = (given[i], given[i + 1] if has_offset else i)
            region = regions.setdefault(place, len(regions))
            words.append("%s %d" % (TYPES[memory.group(1)], region))
            call.append("v[%d].p" % len(call))
            if has_offset:
                words.append("o")
                call.append("v[%d].i" % len(call))
                i += 1
        else:
            whole = "float" not in parameter
            value = given[i][1:]
            if given[i][0] == "r":  # changes from run to run
                value = "1" if whole else "0.01"
            elif not whole:
                value = repr(float.fromhex(value))
            words.append(("i " if whole else "f ") + value)
            call.append(("(unsigned)v[%d].i" if "uint" in parameter else
                         "v[%d].i" if whole else "v[%d].f") % len(call))
        i += 1
    return " ".join([str(index)] + words), ", ".join(call)


def declaration(parameters):
    kinds = []
    for p in parameters:
        memory = "*" in p
        kinds.append("void *" if memory else "float" if "float" in p else
                     "unsigned" if "uint" in p else "int")
    return ", ".join(kinds)


def compile_and_run(clang, here, folder, head, kernels, launches):
    """host.c's output and exit status on these kernels."""
    source = os.path.join(folder, "k.cl")
    with open(source, "w", encoding="utf-8") as f:
        f.write("#include \"%s\"\n" % os.path.join(here, "shim.cl") + head + "".join(kernels.values()))
    options = ["-x", "cl", "-cl-std=CL1.2", "-cl-no-stdinc", "-w"]
    done = run(clang, *options, "-E", "-P", source)
    if done.returncode:
        return 1, done.stdout
    signatures = {}
    for name, text in SIGNATURE.findall(done.stdout):
        signatures[name] = [re.sub(r"\s+", " ", p).strip() for p in text.split(",")]
    lines, c = [], "#include \"host.h\"\n"
    entries = []
    for name in kernels:
        if name not in launches:
            return 1, "%s is never launched\n" % name
        line, call = launch_line(len(lines), name, kernels[name], signatures[name], launches[name])
        lines.append(line)
        c += "void %s(%s);\nstatic void call_%s(const host_value *v) { %s(%s); }\n" % (
            name, declaration(signatures[name]), name, name, call)
        entries.append("{\"%s\", call_%s}" % (name, name))
    c += "const host_kernel host_kernels[] = {%s};\nconst unsigned host_kernel_count = %d;\n" % (
        ", ".join(entries), len(entries))
    calls, program = os.path.join(folder, "calls.c"), os.path.join(folder, "host")
    with open(calls, "w", encoding="utf-8") as f:
        f.write(c)
    with open(os.path.join(folder, "launches"), "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    done = run(clang, *options, "-O1", "-g1", *SANITIZE, "-c", source, "-o", source + ".o")
    if not done.returncode:
        done = run(clang, "-I", here, "-O1", "-fsanitize=undefined", "-fno-sanitize=all", calls,
                   os.path.join(here, "host.c"), "-c", cwd=folder)
    if not done.returncode:
        done = run(clang, "-fsanitize=undefined", source + ".o", "calls.o", "host.o", "-lm", "-o",
                   program, cwd=folder)
    if done.returncode:
        return 1, done.stdout
    done = run(program, os.path.join(folder, "launches"))
    return done.returncode, done.stdout


def judge(output, source):
    """Passed kernels; what was found, with the kernel's name and the line."""
    passed, found, now = 0, [], ""
    lines = open(source, encoding="utf-8").read().splitlines()
    for line in output.splitlines():
        passed += line.startswith("passed ")
        if line.startswith("at "):
            now = line[3:]
        if line.startswith("failed"):
            found.append(line)
        error = re.search(r"k\.cl:(\d+):\d+: (runtime error: .*)", line)
        if error:
            found.append("%s: %s: %s" % (now, error.group(2), lines[int(error.group(1)) - 1].strip()))
    return passed, found


def main():
    plan_cases, here = sys.argv[1], os.path.abspath(sys.argv[2])
    files = sys.argv[3:]
    clang = os.environ.get("CLANG") or shutil.which("clang") or shutil.which("clang-15")
    if not clang:
        stop(77, "skipped: no clang")
    with tempfile.TemporaryDirectory() as tmp:
        planted = os.path.join(tmp, "planted")
        os.mkdir(planted)
        probe = run(clang, *SANITIZE, "-x", "c", "-", "-o", planted + "/probe",
                    input="int main(void) { return 0; }")
        if probe.returncode:
            stop(77, "skipped: %s: %s" % (clang, probe.stdout.strip()[:300]))
        status, output = compile_and_run(
            clang, here, planted, "", {"lp_planted_0000000000": PLANTED},
            {"lp_planted_0000000000": ["1", "1", "1", "1", "m1", "i0", "m2", "i0"]})
        if status == 77:
            stop(77, "skipped: " + output.strip()[:300])
        _, found = judge(output, planted + "/k.cl")
        if not any("signed integer overflow" in f for f in found):
            stop(1, "a planted 32-bit product was not found:\n" + output)
        print("planted product found: " + found[0])
        dumps = os.path.join(tmp, "dumps")
        os.mkdir(dumps)
        head, kernels, launches = collect(plan_cases, dumps)
        texts = head + "".join(kernels.values())
        for path in files:
            if open(path, encoding="utf-8").read().strip() not in texts:
                stop(1, "no launch uses " + path)
        status, output = compile_and_run(clang, here, tmp, head, kernels, launches)
        if not os.path.exists(tmp + "/host"):
            stop(1, output)
        passed, found = judge(output, tmp + "/k.cl")
    for line in found:
        print("failed " + line)
    if status and not found:
        print(output[-2000:])
    failed = len(found) or int(status != 0)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
