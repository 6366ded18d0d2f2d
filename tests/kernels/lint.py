#!/usr/bin/env python3
"""lint.py FILE.cl...: a place in memory that takes a product is made by LP_AT (kernels/common.cl),
which multiplies in 64 bits. Found are: an offset of an operand that is multiplied, and a pointer to
global memory that is made of a product. Rows of planted faults are found first, at every run."""
import re
import sys

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
# "const int xo" of "const global float *xb, const int xo": where operand x begins in its buffer.
OFFSET = re.compile(r"\*\s*(?:restrict\s+)?(\w+)b\s*,\s*const\s+int\s+(\1o)\b")
POINTER = re.compile(r"\bglobal\s+\w+\s*\*\s*(?:restrict\s+)?\w+\s*=\s*([^;\f]*)")
FURTHER = re.compile(r",\s*\*\s*(?:restrict\s+)?\w+\s*=")
PRODUCT = re.compile(r"[\w)\]]\s*\*\s*[\w(]")

WRONG = [
    "KERNEL(const global uchar *whichb, const int whicho) { f(whichb + whicho * 4); }",
    "KERNEL(global float *restrict yb, const int yo) { y[4 * yo] = 0; }",
    "KERNEL(global float *yb, const int yo) { y[(yo) * 4] = 0; }",
    "KERNEL(global float *yb, const int yo) { y[N * (yo + 1)] = 0; }",
    "  global float *to = yb + yo + r * WIDE;",
    "  const global float *restrict p = pb + po, *q = qb + i * N;",
    "#define OPEN const global PIXEL *x = xb + (i) * (4 / (int)sizeof(PIXEL))\n",
    "  global float *to = LP_AT(yb, r, WIDE) + r * WIDE;",
    "  global float *to =\n      yb + r\n      * WIDE;",
]
RIGHT = [
    "KERNEL(const global uchar *whichb, const int whicho) { f(LP_AT(whichb, whicho, 4)); }",
    "KERNEL(global float *yb, const int yo, const int n) { yb[yo + m * N] = n * 2; }",
    "  global float *to = LP_AT(LP_AT(yb + yo, r * (N + 1), WIDE), c, (A * B)), *q = qb + qo;",
    "  const global float *x = xb + xo; /* i * 4 */ const int m = i * 4;",
    "static float16 get(const global float *p, int left) { return left * *p; }",
]


def blank(match):
    return re.sub(r"[^\n\v\f]", " ", match.group())


def without_at(text):
    """The text with what LP_AT(...) multiplies taken out, brackets counted, of equal length."""
    out = list(text)
    for start in (m.end() for m in re.finditer(r"\bLP_AT\(", text)):
        depth, i = 1, start
        while depth and i < len(text):
            depth += {"(": 1, ")": -1}.get(text[i], 0)
            i += 1
        for k in range(start, i - 1):
            if out[k] not in "\n\v\f":
                out[k] = " "
    return "".join(out)


def findings(text):
    # Ends of lines: \v within a directive, \f after one.
    text = COMMENT.sub(blank, text).replace("\\\n", " \v")
    text = re.sub(r"^(#[^\n]*)\n", r"\1\f", text, flags=re.M)
    for at in re.finditer(r"#define LP_AT\([^\n\f]*", text):
        text = text[:at.start()] + blank(at) + text[at.end():]
    bare = without_at(text)
    found = []
    offsets = {m.group(2) for m in OFFSET.finditer(text)}
    if offsets:
        name = r"\b(?:%s)\b" % "|".join(sorted(offsets))
        beside = r"%s\s*\)*\s*\*|[\w)\]]\s*\*\s*\(*\s*%s" % (name, name)
        for m in re.finditer(beside, bare):
            found.append((m.start(), "an operand's offset is multiplied"))
    for m in POINTER.finditer(bare):
        # Further declarators, "*q = ...", are no products.
        value = FURTHER.sub(lambda d: d.group().replace("*", " "), m.group(1))
        if PRODUCT.search(value):
            found.append((m.start(), "a pointer is made of a product"))
    return [(len(re.findall(r"[\n\v\f]", text[:at])) + 1, what) for at, what in sorted(found)]


def main():
    bad = 0
    for text in WRONG:
        if not findings(text):
            print("lint.py: not found: " + text)
            bad += 1
    for text in RIGHT:
        for _, what in findings(text):
            print("lint.py: %s, in: %s" % (what, text))
            bad += 1
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as f:
            for line, what in findings(f.read()):
                print("%s:%d: %s: use LP_AT" % (path, line, what))
                bad += 1
    if len(sys.argv) < 2:
        print("usage: lint.py FILE.cl...")
        bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
