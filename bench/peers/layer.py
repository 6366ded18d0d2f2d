"""Forward and backward of the layer alone: `size` units on each side, in a square or one row.

A layer whose wires end at a radius, locality:cost=(disk:r=R), is a matrix of torch.sparse.
"""
import math
import re
import warnings

import common
import torch

warnings.simplefilter("ignore")  # that CSR is young


def disk_pattern(rows, columns, radius):
    """Row starts and columns of the wires up to `radius` long."""
    reach = int(radius)
    near = [(a, b) for a in range(-reach, reach + 1) for b in range(-reach, reach + 1)
            if a * a + b * b <= radius * radius]
    a, b = torch.tensor(near).unbind(1)
    unit = torch.arange(rows * columns).unsqueeze(1)
    r, c = unit // columns + a, unit % columns + b
    there = (r >= 0) & (r < rows) & (c >= 0) & (c < columns)
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), there.sum(1).cumsum(0)])
    return starts, (r * columns + c)[there]


def make_sparse(args, rows, columns, radius):
    """With units x batch arrays, which torch.sparse takes as they are; the pattern is symmetric, so
    that the transposed matrix differs by its values alone."""
    starts, ends = disk_pattern(rows, columns, radius)
    n = args.size

    def matrix():
        return torch.sparse_csr_tensor(starts, ends, torch.rand(len(ends)) * 2 - 1, (n, n))

    csr, turned, bias = matrix(), matrix(), torch.rand(n, 1)
    x, dy = torch.rand(n, args.batch) * 2 - 1, torch.rand(n, args.batch) * 2 - 1
    gradients = common.wire_gradients(starts, ends)

    def step():
        with torch.no_grad():
            y = csr @ x + bias
            dx = turned @ dy
            return y, dx, gradients(dy, x), dy.sum(1)

    class Weights(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.values = torch.nn.Parameter(csr.values())
            self.bias = torch.nn.Parameter(bias)

    return Weights(), lambda: step()[0]


def make(args):
    side = math.isqrt(args.size)
    rows = side if side * side == args.size else next(
        r for r in range(side, 0, -1) if args.size % r == 0)
    disk = re.fullmatch(r"locality:cost=\(disk:r=([\d.]+)\)", args.layer)
    if disk:
        return make_sparse(args, rows, args.size // rows, float(disk[1]))
    net = common.make_layer(args.layer, rows, args.size // rows)
    x = torch.rand(args.batch, args.size) * 2 - 1
    dy = torch.rand(args.batch, args.size) * 2 - 1
    x.requires_grad_()

    def step():
        x.grad = None
        net.zero_grad()
        with common.precision():
            y = net(x)
        y.backward(dy.to(y.dtype))
        return y

    return net, step


common.main(make)
