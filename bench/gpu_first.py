#!/usr/bin/env python3
"""gpu_first.py BUILD [--device D] [--out FOLDER] [--quick] [--limit SECONDS] [--only TEXT]: the first hour on
a card.

Is the device right (self-test, op cases with every engine, golden values), how fast is it (limits, steps of
LeNet and AlexNet beside what the limits allow and what gpu_model.py predicts, PyTorch beside it where that
is installed), and what does tuning change? Writes FOLDER/result.json and FOLDER/index.html after every
stage. A stage that fails, or takes longer than its limit, is recorded, and the next one begins; the same
command goes on where an earlier one was stopped, and repeats what failed."""
import argparse
import datetime
import html
import json
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
GPU_TYPES = ("discrete", "integrated")
TAIL = 60  # lines that are kept of what a stage said


def run(command, limit=60, log=None):
    """(exit status, None where the time was over; what it said)."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", start_new_session=True)
    try:
        text, _ = process.communicate(timeout=limit)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        text, status = process.communicate()[0], None
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if log:
        with open(log, "w", encoding="utf-8") as f:
            f.write(text)
    return status, text


def choose(locality, wanted):
    """The device to examine, as `locality devices` describes it; ends the program where there is none."""
    status, text = run([locality, "devices", "--json", "--quiet"])
    if status != 0:
        sys.exit("gpu: %s devices failed: %s" % (locality, text.strip()))
    devices = json.loads(text)["devices"]
    if wanted:
        backend, index = wanted.split(":")[0], re.match(r"\w+:(\d+)", wanted)
        for d in devices:
            if d["id"] == wanted or d["id"] == (index.group(0) if index else None) or \
                    (not index and d["id"].split(":")[0] == backend):
                return dict(d, id=wanted)
        sys.exit("gpu: there is no device %s; there are %s" % (wanted, ", ".join(d["id"] for d in devices)))
    for d in devices:
        if any(t in d["type"] for t in GPU_TYPES):
            return d
    sys.exit("gpu: there is no GPU here, or its OpenCL driver is not installed (AMD: ROCm or mesa-opencl-icd; Intel: "
             "intel-opencl-icd; NVIDIA: the driver's own).\nDevices: %s. --device NAME examines one of them." %
             ", ".join("%s (%s)" % (d["id"], d["type"]) for d in devices))


def engines(locality, device):
    """Names of the engines for products, from the message about one that does not exist."""
    _, text = run([locality, "devices", "--self-test", with_parameter(device, "product=?")])
    known = re.search(r"there are ([\w, ]+)", text)
    return known.group(1).strip().split(", ") if known else []


def with_parameter(device, parameter):
    return device + ("," if ":" in device else ":") + parameter


class Stage:
    """command: what is run; json_file: what it leaves in the folder."""

    def __init__(self, name, command, json_file=None):
        self.name, self.command, self.json_file = name, command, json_file


def stages(build, source, device, out, quick):
    path = lambda name: os.path.join(out, name)
    locality, bench = build + "/locality", build + "/lp-bench"
    ops, golden = build + "/tests/ops/test-ops", build + "/tests/test-golden"
    plans = build + "/tests/portability/opencl-plans"
    few = ["--quick"] if quick else []
    yield Stage("limits", [bench, "devices", "--backend", device, "--json", path("devices.json"), *few], "devices.json")
    yield Stage("self-test", [locality, "devices", "--self-test", device, "--json"])
    yield Stage("op cases", [ops, "--backend", device, *(["--every", "40"] if quick else [])])
    yield Stage("golden values", [golden, "--backend", device, source + "/tests/golden"])
    networks = ([("lenet", 8)] if quick else [("lenet", 64), ("alexnet", 128)])
    for network, batch in networks:
        for tuned in (False, True):
            kind, when = network + ("-tuned" if tuned else ""), ", tuned" if tuned else ""
            size = ["--batch", str(batch), "--backend", device, *few]
            if tuned:
                seconds = "1" if quick else "120"
                yield Stage("tune " + network, [bench, "steps", network, "--batch", str(batch), "--backend",
                                                with_parameter(device, "tune=" + seconds), "--quick"])
            yield Stage("steps of %s%s" % (network, when),
                        [bench, "steps", network, *size, "--json", path(kind + "-steps.json")], kind + "-steps.json")
            yield Stage("prediction for %s%s" % (network, when),
                        [HERE + "/gpu_model.py", plans, "--facts", path(kind + "-steps.json"), "--predict",
                         path(kind + "-predicted.json")])
            yield Stage("steps of %s%s beside the prediction" % (network, when),
                        [bench, "steps", network, *size, "--predicted", path(kind + "-predicted.json"), "--json",
                         path(kind + "-beside.json")], kind + "-beside.json")
            peers = [] if quick or tuned else ["--peer", "torch,torch:device=cuda,torch:precision=tf32"]
            yield Stage("training %s%s" % (network, when),
                        [bench, "train", network, *size, *peers, "--json", path(kind + "-train.json")],
                        kind + "-train.json")
    names = engines(locality, device)
    for engine in names[-2:] if quick else names:
        yield Stage("op cases, engine " + engine,
                    [ops, "--backend", with_parameter(device, "product=" + engine), "--filter",
                     "linear/odd" if quick else "conv2d,linear,chain/,prior/"])
    if not quick:
        yield Stage("products", [bench, "gemm", "--backend", device, "--peer", "clblast", "--json", path("gemm.json")],
                    "gemm.json")
        yield Stage("convolutions", [bench, "conv", "--backend", device, "--batch", "128", "--json", path("conv.json")],
                    "conv.json")
        yield Stage("the prior", [bench, "prior", "--backend", device, "--json", path("prior.json")], "prior.json")


# ---- the page ----------------------------------------------------------------------------------

def cells(values, tag="td"):
    return "<tr>%s</tr>\n" % "".join("<%s>%s</%s>" % (tag, html.escape(str(v)), tag) for v in values)


def number(value, scale, form="%.3f"):
    return form % (scale * value) if isinstance(value, (int, float)) else ""


def steps_table(measured):
    rows = [cells(["step", "launches", "ms", "at best", "share", "predicted", "times"], "th")]
    for s in measured["steps"]:
        t, p = s["seconds"], s["predicted_seconds"]
        rows.append(cells([s["step"], s["launches"], number(t, 1e3), number(s["least_seconds"], 1e3),
                           number(s["least_seconds"] / t if t and s["least_seconds"] else None, 100, "%.0f %%"),
                           number(p, 1e3), number(t / p if t and p else None, 1, "%.2f")]))
    rows.append(cells(["a whole step, as training runs it", "", number(measured["seconds"], 1e3),
                       number(measured["least_seconds"], 1e3), "", number(measured["predicted_seconds"], 1e3), ""], "th"))
    return "<h3>%s on %s</h3>\n<p>At most %s GFLOP/s (%s), %s GB/s.</p>\n<table>%s</table>\n" % (
        html.escape(measured["network"]), html.escape(measured["backend"]),
        number(measured["limits"]["gflops"], 1, "%.0f"), html.escape(str(measured["limits"]["gflops_of"])),
        number(measured["limits"]["gbps"], 1, "%.0f"), "".join(rows))


def cases_table(results):
    rows = [cells(["case", "by", "status", "ms", "GFLOP/s", "of limit", "remark"], "th")]
    for r in results:
        seconds = (r.get("seconds") or {}).get("median")
        rows.append(cells([r["case"], r["backend"], r["status"], number(seconds, 1e3), number(r.get("gflops"), 1, "%.1f"),
                           number(r.get("fraction_of_limit"), 100, "%.0f %%"), r.get("note", "")]))
    return "<table>%s</table>\n" % "".join(rows)


def page(result):
    stages_ = result["stages"]
    text = ["<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>The first hour: %s</title><style>"
            "body{font:15px sans-serif;margin:2em;max-width:75em}table{border-collapse:collapse}td,th{border:1px solid #bbb;"
            "padding:2px 8px;text-align:left}pre{background:#f4f4f4;padding:1em;overflow:auto}</style></head><body>\n" %
            html.escape(result["device"]["name"]),
            "<h1>The first hour on %s</h1>\n<p>%s, %s units, driver %s, commit %s, %s%s.</p>\n" % (
                html.escape(result["device"]["name"]), html.escape(result["device"]["id"]), result["device"]["units"],
                html.escape(result["device"]["driver"]), html.escape(result["commit"]), result["started"],
                ", quick" if result["quick"] else ""), "<table>", cells(["stage", "status", "s"], "th")]
    text += [cells([s["name"], s["status"], "%.1f" % s["seconds"]]) for s in stages_] + ["</table>\n"]
    for s in stages_:
        found = s.get("result") or {}
        shown = "".join(map(steps_table, found.get("networks", []))) if "networks" in found else \
            cases_table(found["results"]) if "results" in found else ""
        if shown:
            text.append("<h2>%s</h2>\n%s" % (html.escape(s["name"]), shown))
        if s["status"] != "passed":
            text.append("<h2>%s: %s</h2>\n<pre>%s\n\n%s</pre>\n" % (
                html.escape(s["name"]), s["status"], html.escape(" ".join(s["command"])), html.escape("\n".join(s["said"]))))
    return "".join(text) + "</body></html>\n"


# ---- running -----------------------------------------------------------------------------------

def write(path, text):
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(path + ".new", path)


def keep(out, result):
    write(os.path.join(out, "result.json"), json.dumps(result, indent=1))
    write(os.path.join(out, "index.html"), page(result))


def resume(out, fresh):
    """What an earlier call found of the same device, commit and extent; else the fresh result."""
    try:
        with open(os.path.join(out, "result.json"), encoding="utf-8") as f:
            old = json.load(f)
    except FileNotFoundError:
        return fresh
    except ValueError as error:
        sys.exit("gpu: %s/result.json: %s; give another --out" % (out, error))
    same = all(old.get(k) == fresh[k] for k in ("schema", "device", "commit", "quick"))
    if not same:
        sys.exit("gpu: %s holds results of another device, commit or extent; give another --out" % out)
    return old


def examine(stage, out, limit, shown):
    """What is recorded of a stage. Paths are shown as they stand from the build folder's parent."""
    begin = time.monotonic()
    log = os.path.join(out, re.sub(r"\W+", "-", stage.name) + ".log")
    try:
        status, text = run(stage.command, limit, log)
    except OSError as error:
        status, text = 127, str(error)
    record = {"name": stage.name, "command": [os.path.relpath(c, shown) if c.startswith("/") else c for c in stage.command],
              "limit": limit, "seconds": round(time.monotonic() - begin, 2), "exit": status,
              "status": "passed" if status == 0 else "out of time" if status is None else
                        "skipped" if status == 77 else "failed",
              "said": text.replace(shown + "/", "").strip().splitlines()[-TAIL:]}
    if stage.json_file and os.path.exists(os.path.join(out, stage.json_file)):
        try:
            with open(os.path.join(out, stage.json_file), encoding="utf-8") as f:
                record["result"] = json.load(f)
        except ValueError as error:
            record["said"].append(str(error))
    return record


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("build")
    parser.add_argument("--device", help="instead of the first GPU: opencl:1, or any device of `locality devices`")
    parser.add_argument("--out", help="folder for the results [runs/gpu-NAME]")
    parser.add_argument("--quick", action="store_true", help="a few cases of each kind, LeNet only")
    parser.add_argument("--limit", type=float, help="most seconds of a stage [900; with --quick 60]")
    parser.add_argument("--only", default="", help="stages with this text in their name")
    o = parser.parse_args()
    build, source = os.path.abspath(o.build), os.path.dirname(HERE)
    device = choose(build + "/locality", o.device)
    out = os.path.abspath(o.out or os.path.join("runs", "gpu-" + re.sub(r"\W+", "-", device["name"]).strip("-")))
    os.makedirs(out, exist_ok=True)
    _, commit = run(["git", "-C", source, "describe", "--always", "--dirty"])
    fresh = {"schema": 1, "device": {k: device[k] for k in ("id", "type", "name", "driver", "units", "memory")},
             "commit": commit.strip(), "quick": o.quick, "stages": [],
             "started": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
    result = resume(out, fresh)
    limit = o.limit or (60 if o.quick else 900)
    for stage in stages(build, source, device["id"], out, o.quick):
        old = next((s for s in result["stages"] if s["name"] == stage.name), None)
        if o.only not in stage.name or (old and old["status"] in ("passed", "skipped")):
            continue
        print("== %s (at most %.0f s)" % (stage.name, limit), flush=True)
        record = examine(stage, out, limit, os.path.dirname(build))
        result["stages"] = [s for s in result["stages"] if s is not old] + [record]
        print("   %s, %.1f s" % (record["status"], record["seconds"]), flush=True)
        keep(out, result)
    bad = [s["name"] for s in result["stages"] if s["status"] not in ("passed", "skipped")]
    print("%d passed, %d failed" % (len(result["stages"]) - len(bad), len(bad)))
    for name in bad:
        print("not passed: " + name)
    print("to send back: %s/result.json and %s/index.html" % (out, out))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
