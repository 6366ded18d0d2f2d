#!/usr/bin/env python3
"""Drivers that break while devices are listed: what each command does and says; and how devices are
listed. Usage: test_drivers.py LOCALITY DRIVER LIBRARY [SANITIZED]"""
import ctypes, json, os, random, signal, struct, subprocess, sys, tempfile, time

locality, driver, library = (os.path.abspath(p) for p in sys.argv[1:4])
sanitized = len(sys.argv) > 4
folder = tempfile.TemporaryDirectory(prefix="locality-drivers-")
os.chdir(folder.name)
icd = os.path.abspath("vendors/fake.icd")
failed = []


def prepare():
    os.makedirs("vendors")
    with open(icd, "w") as f:
        f.write(driver + "\n")
    os.makedirs("data")
    draw = random.Random(1)
    for name, n in (("train", 100), ("t10k", 50)):
        with open(f"data/{name}-images-idx3-ubyte", "wb") as f:
            f.write(struct.pack(">4I", 0x803, n, 28, 28) + draw.randbytes(n * 784))
        with open(f"data/{name}-labels-idx1-ubyte", "wb") as f:
            f.write(struct.pack(">2I", 0x801, n) + bytes(i % 10 for i in range(n)))


def environment(mode, **more):
    env = dict(os.environ, OCL_ICD_VENDORS=os.path.dirname(icd), LOCALITY_CACHE=os.path.abspath("cache"),
               LOCALITY_CL_TIMEOUT="2", FAKE_DRIVER=mode)
    env.pop("OCL_ICD_FILENAMES", None)
    env.pop("LOCALITY_LOG", None)
    return dict(env, **more)


def run(mode, *arguments, **more):
    return subprocess.run([locality, *arguments], env=environment(mode, **more), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=100)


def check(what, ok, r=None):
    print(("passed " if ok else "failed ") + what)
    if r is not None:
        print(f"    exit code {r.returncode}; " + " / ".join(r.stderr.strip().split("\n")))
    if not ok:
        failed.append(what)
        if r is not None:
            print(r.stdout)
    sys.stdout.flush()


TRAIN = ("train", "--data", "idx:data", "--epochs", "1", "--out", "m.safetensors")
DRY = ("experiment", "mnist", "--data", "idx:data", "--arms", "control", "--dry-run")


def broken_drivers():
    for mode, said in (("abort", "died (signal 6"), ("segv", "died (signal 11"),
                       ("exit", "ended the program with exit code 3"),
                       ("hang", "did not answer within 2 s"), ("hang-devices", "did not answer within 2 s")):
        named = lambda r: said in r.stderr and (driver in r.stderr or "platform rusticl" in r.stderr
                                                or "platform Acme" in r.stderr)
        r = run(mode, "devices")
        check(f"{mode}: devices lists the others and names the driver",
              r.returncode == 0 and r.stdout.splitlines()[1].startswith("cpu ") and named(r), r)
        check(f"{mode}: ... once", r.stderr.count(said) == 1, r)
        r = run(mode, *TRAIN)
        check(f"{mode}: train on auto goes to the CPU and says why",
              r.returncode == 0 and "computing on cpu" in r.stderr and named(r), r)
        r = run(mode, *DRY)
        check(f"{mode}: experiment --dry-run", r.returncode == 0 and named(r), r)
        r = run(mode, *TRAIN, "--backend", "opencl")
        check(f"{mode}: --backend opencl fails and names the driver", r.returncode == 1 and named(r), r)
        r = run(mode, *TRAIN, "--backend", "cpu")
        check(f"{mode}: --backend cpu asks no driver", r.returncode == 0 and "OpenCL" not in r.stderr, r)


def no_driver_is_asked():
    """The CPU is tested without OpenCL; a self-test takes a while, so only the beginning is looked at."""
    def beginning(device):
        p = subprocess.Popen([locality, "devices", "--self-test", device], text=True,
                             env=environment("abort", LOCALITY_LOG="info", OMP_WAIT_POLICY="passive"),
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        used = 0
        while p.poll() is None and used < 1:
            time.sleep(0.1)
            used = sum(map(int, open(f"/proc/{p.pid}/stat").read().split()[13:15])) / os.sysconf("SC_CLK_TCK")
        p.kill()
        return p.communicate()[1].lower()
    check("abort: --self-test of another device names the driver", "died (signal 6" in beginning("null"))
    check("abort: --self-test cpu asks no driver", "opencl" not in beginning("cpu"))


def quiet_output():
    r = run("print", "devices", "--json")
    check("print: what a driver prints is not in --json", len(json.loads(r.stdout)["devices"]) > 2)


def stops(mode, number):
    p = subprocess.Popen([locality, *TRAIN], env=environment(mode, LOCALITY_CL_TIMEOUT="60"),
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(1)
    p.send_signal(number)
    begun = time.monotonic()
    try:
        p.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
    check(f"{mode}: {signal.Signals(number).name} ends train, exit code {p.returncode}",
          time.monotonic() - begun < 30)


def no_child_is_left():
    """The lister goes with a process that is killed."""
    p = subprocess.Popen([locality, "devices"], env=environment("hang", LOCALITY_CL_TIMEOUT="60"),
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    child = []
    for _ in range(200):
        time.sleep(0.1)
        child = open(f"/proc/{p.pid}/task/{p.pid}/children").read().split()
        if child and "lp-opencl-list" in open(f"/proc/{child[0]}/stat").read():
            break
    time.sleep(0.5)
    p.kill()
    p.wait()
    for _ in range(100):
        gone = not os.path.exists(f"/proc/{child[0]}") or ") Z " in open(f"/proc/{child[0]}/stat").read()
        if gone:
            break
        time.sleep(0.1)
    check("hang: the lister ends with a process that was killed", gone)


def the_list():
    r = run("", "devices", "--json", LOCALITY_LOG="info")
    found = [(d["id"], d["type"], d["name"]) for d in json.loads(r.stdout)["devices"]
             if d["id"].startswith("opencl")]
    check("a card under two platforms is its maker's; board names; accelerators come last",
          sorted(kind[1:] for kind in found[:3]) ==
          [("gpu", "Acme Rocket (gfx1), pci 0000:07:00.0")] * 2 + [("gpu", "Other (by Mesa), pci 0000:09:00.0")]
          and found[3:] == [("opencl:3", "accelerator", "Gate Array")], r)
    every = [d["type"] for d in json.loads(r.stdout)["devices"]]
    check("an accelerator comes after the CPU", every.index("accelerator") > every.index("cpu"))
    check("what is left out is logged", "Rocket (by Mesa) of rusticl is left out" in r.stderr
          and "Old is left out: no compiler" in r.stderr)


def a_driver_that_breaks_later():
    """A note on disk spares the trial; a process that dies of a driver leaves none."""
    r = run("", *TRAIN, "--backend", "opencl", LOCALITY_LOG="info")
    check("a device that cannot be opened is an error", r.returncode == 1 and "cannot open" in r.stderr, r)
    note = "cache/opencl/drivers"
    check("the drivers are noted", os.path.exists(note))
    r = run("abort", *TRAIN, "--backend", "opencl")
    check("abort: a noted driver ends the process that asked for it", r.returncode == -6)
    check("... and the note is gone", not os.path.exists(note))
    r = run("abort", *TRAIN, "--backend", "opencl")
    check("... so that the next names it", r.returncode == 1 and driver in r.stderr, r)
    run("", *TRAIN, "--backend", "opencl")
    os.utime(icd, (1, 1))
    r = run("abort", *TRAIN, "--backend", "opencl")
    check("abort: a driver that was changed is tried again", r.returncode == 1 and driver in r.stderr, r)


def handlers():
    """In this process: the program's own handlers stay, whatever a driver installs."""
    os.environ.update(environment("signals"))
    lib = ctypes.CDLL(library)
    lib.lp_error_message.restype = ctypes.c_char_p
    seen = []
    signal.signal(signal.SIGTERM, lambda *_: seen.append(1))
    device = ctypes.c_void_p()
    status = lib.lp_registry_load() or lib.lp_device_open(b"opencl", ctypes.byref(device))
    check("signals: the driver was loaded", status != 0 and b"cannot open" in lib.lp_error_message()
          and os.path.basename(driver) in open("/proc/self/maps").read())
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.1)
    check("signals: SIGTERM is still the program's", seen == [1])


prepare()
the_list()
broken_drivers()
no_driver_is_asked()
quiet_output()
for number in (signal.SIGTERM, signal.SIGINT):
    stops("hang", number)
stops("hang-devices", signal.SIGTERM)
no_child_is_left()
if not sanitized:
    a_driver_that_breaks_later()
    handlers()
print(f"{len(failed)} failed")
sys.exit(bool(failed))
