"""What the scripts share: the locality layer, choosing the number of threads, timing, answering.

A script prints one JSON line with the median and quartiles of a step's seconds. With --serve it
prints the line without them, then reads numbers of steps, one a line, and answers each with the
seconds that they took.
"""
import argparse
import ctypes
import json
import os
import signal
import statistics
import sys
import time


def stop(reason):
    print(json.dumps({"peer": "torch", "error": reason}), flush=True)
    sys.exit(0)


try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    stop("PyTorch is not installed for python3")


in_bf16 = False
device = torch.device("cpu")
moved = False  # the work is on the device


class Locality(nn.Linear):
    """y = x (P o W)^T + b, P = 1 / (1 + d) between units of equal sheets of rows x columns."""

    def __init__(self, rows, columns):
        super().__init__(rows * columns, rows * columns)
        at = torch.cartesian_prod(torch.arange(float(rows)), torch.arange(float(columns)))
        self.register_buffer("prior", 1 / (1 + torch.cdist(at, at)))

    def forward(self, x):
        return F.linear(x, self.weight * self.prior, self.bias)


def make_layer(name, rows, columns):
    if name == "plain":
        return nn.Linear(rows * columns, rows * columns)
    if name == "locality:cost=linear":
        return Locality(rows, columns)
    stop(f"no layer {name}; there are plain and locality:cost=linear")


def wire_gradients(starts, ends):
    """A function of dy and x, units x batch each, that gives the gradient of each weight of a pattern
    in CSR. By gathered rows, in pieces that stay in a cache: sampled_addmm of PyTorch 1.13 takes the
    time of all pairs."""
    rows = torch.repeat_interleave(torch.arange(len(starts) - 1), starts.diff())
    parts = list(zip(rows.split(2**14), ends.split(2**14)))
    return lambda dy, x: torch.cat([(dy[r] * x[c]).sum(1) for r, c in parts])


def training_step(net, batch, shape, classes, mean, std):
    """Images as bytes in, normalised, forward, backward, SGD with momentum and weight decay."""
    images = torch.randint(0, 256, (batch, *shape), dtype=torch.uint8)
    labels = torch.randint(0, classes, (batch,))
    mean = torch.tensor(mean).view(1, -1, 1, 1).to(device)
    std = torch.tensor(std).view(1, -1, 1, 1).to(device)
    global moved
    net.to(device)
    moved = True
    if device.type != "cpu":
        images, labels = images.pin_memory(), labels.pin_memory()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.5, weight_decay=0.01)
    net.train()

    def step():
        x = (images.to(device, non_blocking=True).float() / 255 - mean) / std
        with precision():
            loss = F.cross_entropy(net(x), labels.to(device, non_blocking=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def precision():
    """What --precision asks for: nothing, or PyTorch's own choice of what to do in bf16."""
    return torch.autocast("cpu", torch.bfloat16, enabled=in_bf16)


def seconds_of(step, times):
    start = time.perf_counter()
    for _ in range(times):
        step()
    if device.type != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def thread_counts(most):
    """All up to 8, then powers of two, and half and all of them."""
    powers = {2**k for k in range(3, most.bit_length())}
    return sorted(n for n in set(range(1, 9)) | powers | {most // 2, most} if 1 <= n <= most)


def keep_freed_memory(keep):
    """glibc: whether large blocks stay with the process, which spares page faults in every step."""
    trim_threshold, mmap_threshold = -1, -3  # of malloc.h
    size = 2**30 if keep else 128 * 2**10
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, size)
        libc.mallopt(trim_threshold, size)
    except AttributeError:
        pass  # another C library


def choose_best(step, threads):
    """The number of threads (unless given) and the way of malloc that are the fastest."""
    counts = [threads] if threads else thread_counts(len(os.sched_getaffinity(0)))
    best = (float("inf"), 1, False)
    for keep in (False, True):
        keep_freed_memory(keep)
        for n in counts:
            torch.set_num_threads(n)
            step()
            seconds = seconds_of(step, 1)
            if seconds < 1.5 * best[0]:  # else it is not the best, and long steps are dear
                seconds = min(seconds, seconds_of(step, 1), seconds_of(step, 1))
            best = min(best, (seconds, n, keep))
    _, n, keep = best
    torch.set_num_threads(n)
    keep_freed_memory(keep)
    step()
    return keep


def serve(step):
    for line in sys.stdin:
        print(f"{seconds_of(step, int(line)):.9f}", flush=True)


def choose_device(name, tf32):
    """"cuda" is AMD's GPUs too, in a PyTorch for them. tf32: operands of products may be rounded."""
    global device
    if name == "cuda" and not torch.cuda.is_available():
        stop("PyTorch sees no GPU")
    device = torch.device(name)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = True


def main(make):
    """make(arguments) gives the module and a function that does one step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--layer", default="locality:cost=linear")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, default=1024, help="units of the layer alone")
    parser.add_argument("--threads", type=int, default=0, help="0: the best number")
    parser.add_argument("--seconds", type=float, default=5, help="time to measure for")
    parser.add_argument("--precision", choices=["f32", "bf16", "tf32"], default="f32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--serve", action="store_true")
    args = parser.parse_args()
    if args.serve:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # lp-bench ends this script itself
    global in_bf16
    in_bf16 = args.precision == "bf16"
    choose_device(args.device, args.precision == "tf32")
    torch.manual_seed(1)
    net, step = make(args)
    if device.type != "cpu" and not moved:
        stop("only whole networks run on a GPU")
    if not torch.isfinite(step()).all():
        stop("the first step gives numbers that are not finite")
    keeps = device.type == "cpu" and choose_best(step, args.threads)
    out = {
        "peer": "torch",
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if device.type != "cpu" else "cpu",
        "precision": args.precision,
        "malloc": "keeps" if keeps else "default",
        "parameters": sum(p.numel() for p in net.parameters()),
    }
    if args.serve:
        print(json.dumps(out), flush=True)
        return serve(step)
    samples = []
    until = time.perf_counter() + args.seconds
    while len(samples) < 5 or time.perf_counter() < until:
        samples.append(seconds_of(step, 1))
    q1, median, q3 = statistics.quantiles(samples, n=4)
    out["seconds"] = {"median": median, "q1": q1, "q3": q3, "n": len(samples)}
    print(json.dumps(out))
