#!/usr/bin/env python3
"""Counts the cases of meson test logs: cases where a test reports them, else the test itself. A log
that is not there counts as one failure."""
import json
import re
import sys

CASES = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
CMOCKA = {"OK": 0, "FAILED": 1, "SKIPPED": 2}


def count(test):
    text = "\n".join(test.get(k) or "" for k in ("stdout", "stderr"))
    found = [0, 0, 0]
    for line in CASES.findall(text):
        found = [a + int(b or 0) for a, b in zip(found, line)]
    for word, column in CMOCKA.items():
        names = re.findall(r"^\[ *%s *\] (\w+)$" % word, text, re.M)
        found[column] += len(set(names))
    result = test["result"]
    column = {"OK": 0, "EXPECTEDFAIL": 0, "SKIP": 2}.get(result, 1)
    if result == "EXPECTEDFAIL":
        return [1, 0, 0]
    if sum(found) == 0 or (column == 1 and found[1] == 0):
        found[column] += 1
    return found


def main():
    total = [0, 0, 0]
    for path in sys.argv[1:]:
        try:
            with open(path, encoding="utf-8") as log:
                lines = log.readlines()
        except OSError as e:
            print("no test log: %s" % e)
            total[1] += 1
            continue
        for line in lines:
            total = [a + b for a, b in zip(total, count(json.loads(line)))]
    print("%d passed, %d failed, %d skipped" % tuple(total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
