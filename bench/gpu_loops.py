"""gpu_loops.py: what the inner loop of a compiled kernel issues. Reads the assembly text that clang writes:
PTX for NVIDIA (ptxas renames and schedules it, but adds little to a loop), AMDGCN for AMD.

Loops are those of the flow of control: compilers move conditional code out of line. It counts as run, since
guards of loads are mostly true."""
import collections
import re

# Of instructions; "move" between registers is counted apart, since ptxas removes most of them.
KINDS = ("fma", "vector", "local", "global", "scalar", "move")
PTX = [(r"(fma|mad)\.\w+\.f32$|(fma|mad)\.(rn\.)?f32$", "fma"), (r"(ld|st)\.shared", "local"),
       (r"(ld|st|red|atom)\.(global|const|param|local)|(ld|st)\.", "global"), (r"mov\.", "move"),
       (r"(bra|ret|exit|bar|call)", "scalar"), (r"", "vector")]
AMDGCN = [(r"v_(fma|fmac|mac|mad|fmaak|fmamk)_f32|v_pk_fma_f32", "fma"), (r"ds_", "local"),
          (r"(global|buffer|flat|scratch)_", "global"), (r"v_(accvgpr_)?mov_", "move"), (r"v_", "vector"),
          (r"s_", "scalar")]


def kind_of(op, table):
    return next(kind for pattern, kind in table if re.match(pattern, op))


class Instruction:
    """target: of a branch; last: what stands behind it is not run after it."""

    def __init__(self, kinds, op, target=None, last=False):
        self.kinds, self.op, self.target, self.last = kinds, op, target, last


def ptx(text):
    """name -> (instructions, label -> index) of every kernel in PTX text."""
    kernels = {}
    for name, body in re.findall(r"\.entry (\w+)\(.*?\n\{\n(.*?)\n\}\n", text, re.S):
        code, labels = [], {}
        for line in body.split("\n"):
            line = line.split("//")[0].strip()
            label = re.match(r"(\$?\w+):$", line)
            if label:
                labels[label.group(1)] = len(code)
            elif line and line[0] not in ".{}":
                words = line.rstrip(";").split()
                guarded = words[0].startswith("@")
                op = words[guarded]
                target = words[-1] if op.startswith("bra") else None
                code.append(Instruction([kind_of(op, PTX)], op, target,
                                        not guarded and re.match("bra|ret|exit", op) is not None))
        kernels[name] = code, labels
    return kernels


def amdgcn(text):
    """The same of AMDGCN assembly. A dual instruction is one issue of two kinds."""
    kernels = {}
    for name, body in re.findall(r"^(lp_\w+):.*?\n(.*?)^\s+\.section|^(?!x)x", text, re.M | re.S):
        code, labels = [], {}
        for line in body.split("\n"):
            line = line.split(";")[0].strip()
            label = re.match(r"(\.?\w+):$", line)
            if label:
                labels[label.group(1)] = len(code)
            elif re.match(r"[a-z]\w+", line):
                parts = [p.strip().replace("v_dual_", "v_") for p in line.split("::")]
                op = parts[0].split()[0]
                target = parts[0].split()[-1] if re.match(r"s_c?branch", op) else None
                code.append(Instruction([kind_of(p, AMDGCN) for p in parts], op, target,
                                        op in ("s_branch", "s_endpgm", "s_setpc_b64")))
        kernels[name] = code, labels
    return kernels


def blocks_of(code, labels):
    """Basic blocks as (first, last) and, of each, the blocks that may follow."""
    ends = [i for i, x in enumerate(code) if x.target or x.last]
    starts = sorted({0} | set(labels.values()) | {i + 1 for i in ends})
    starts = [s for s in starts if s < len(code)]
    number = {s: k for k, s in enumerate(starts)}
    blocks = [(s, (starts + [len(code)])[k + 1] - 1) for k, s in enumerate(starts)]
    follow = []
    for k, (_, last) in enumerate(blocks):
        to = {number[labels[code[last].target]]} if labels.get(code[last].target, len(code)) < len(code) else set()
        if not code[last].last and k + 1 < len(blocks):
            to.add(k + 1)
        follow.append(to)
    return blocks, follow


def dominators(follow):
    everything, before = set(range(len(follow))), [set() for _ in follow]
    for k, to in enumerate(follow):
        for t in to:
            before[t].add(k)
    over = [everything] * len(follow)
    over[0], changed = {0}, True
    while changed:
        changed = False
        for k in range(1, len(follow)):
            new = {k} | (set.intersection(*[over[b] for b in before[k]]) if before[k] else set())
            if new != over[k]:
                over[k], changed = new, True
    return over, before


class Loop:
    def __init__(self, inside):
        self.inside, self.children = inside, []  # instructions; loops

    def own(self):
        return sorted(self.inside.difference(*[c.inside for c in self.children]))


def loops_of(code, labels):
    """The outermost natural loops, each with those inside it."""
    blocks, follow = blocks_of(code, labels)
    over, before = dominators(follow)
    nodes = {}  # header -> blocks
    for k, to in enumerate(follow):
        for header in to & over[k]:
            inside, ask = nodes.setdefault(header, {header}), [k]
            while ask:
                b = ask.pop()
                if b not in inside:
                    inside.add(b)
                    ask += before[b]
    found = [Loop({i for b in inside for i in range(blocks[b][0], blocks[b][1] + 1)})
             for inside in sorted(nodes.values(), key=len, reverse=True)]
    outer = []
    for k, loop in enumerate(found):
        around = [o for o in found[:k] if loop.inside < o.inside]
        (around[-1].children if around else outer).append(loop)
    return outer


def count(code, indices):
    """Kind -> how many; "all" of them, "issued": the same, but a dual instruction once; both without
    moves."""
    counted = collections.Counter()
    for i in indices:
        counted.update(code[i].kinds)
        counted["all"] += sum(kind != "move" for kind in code[i].kinds)
        counted["issued"] += code[i].kinds != ["move"]
    return counted


def add(to, counted, times):
    for kind, n in counted.items():
        to[kind] += n * times


class Mix:
    """Of the loop that holds the multiply-adds: instructions of a work-item in one round (kind -> number),
    `serial`: how often in a round it waits for loads from device memory that it has just asked for;
    `outside`: instructions before and after."""

    def __init__(self, loop, serial, outside):
        self.loop, self.serial, self.outside = loop, serial, outside

    def share(self):
        return self.loop["fma"] / self.loop["all"]


def waits(code, indices):
    """Does a store to local memory, or a multiply-add, follow a load from device memory in a round? Where
    stores come first, the loads are for the next round."""
    loaded = False
    for i in indices:
        if loaded and re.match(r"st\.shared|ds_(write|store)", code[i].op):
            return 1
        if "fma" in code[i].kinds:
            return 0 if any("local" in code[j].kinds for j in indices) else int(loaded)
        loaded |= "global" in code[i].kinds
    return 0


def fma_in(code, loop):
    return count(code, loop.inside)["fma"]


def unrolled(code, outer, fma):
    """Of a kernel whose rounds are unrolled, since their number is known: all of it, spread over them."""
    inner = [loop for loop in outer if fma_in(code, loop)]
    total = count(code, set(range(len(code))).difference(*[loop.inside for loop in inner]))
    for loop in inner:
        if fma % fma_in(code, loop) or loop.children:
            raise ValueError("%d multiply-adds a round, but %d in a loop" % (fma, fma_in(code, loop)))
        add(total, count(code, loop.inside), fma // fma_in(code, loop))
    rounds = total["fma"] / fma
    if rounds != int(rounds) or rounds < 1:
        raise ValueError("%d multiply-adds are no rounds of %d" % (total["fma"], fma))
    mean = collections.Counter({kind: n / rounds for kind, n in total.items()})
    return Mix(mean, waits(code, range(len(code))) / rounds, collections.Counter())


def mix_of(code, labels, fma, loads=()):
    """fma: multiply-adds of a work-item in one round, as the source has it; None: what is counted. loads:
    rounds of the loops that load, where there are such, in their order. How often the loops inside
    run follows. Fails (ValueError) where no whole number of them gives fma."""
    outer = loops_of(code, labels)
    if not count(code, range(len(code)))["fma"]:
        raise ValueError("no multiply-adds")
    main = max(outer, key=lambda loop: fma_in(code, loop), default=None)
    if fma and (main is None or (not any(fma_in(code, c) for c in main.children) and fma_in(code, main) < fma)):
        return unrolled(code, outer, fma)
    inner = [c for c in main.children if fma_in(code, c)]
    loading = [c for c in main.children if not fma_in(code, c)]
    total, serial = count(code, main.own()), waits(code, main.own())
    if len(inner) > 1 or any(c.children for c in inner):
        raise ValueError("more than one loop of multiply-adds")
    if inner:
        trips = ((fma or 0) - total["fma"]) / fma_in(code, inner[0])
        if trips != int(trips) or trips < 1:
            raise ValueError("%s multiply-adds a round, but %d outside and %d inside the inner loop" %
                             (fma, total["fma"], fma_in(code, inner[0])))
        add(total, count(code, inner[0].inside), int(trips))
    elif fma and total["fma"] != fma:
        raise ValueError("%d multiply-adds a round, not %d" % (total["fma"], fma))
    if loading and len(loads) not in (0, len(loading)):
        raise ValueError("%d loops that load, not %d" % (len(loading), len(loads)))
    for k, c in enumerate(loading):
        body = count(code, c.inside)
        times = loads[k] / max(1, body["local"]) if loads else 1
        add(total, body, times)
        serial += times
    return Mix(total, serial, count(code, set(range(len(code))) - main.inside))
