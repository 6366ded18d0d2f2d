"""Forward and backward of the layer alone: `size` units on each side, in a square or one row."""
import math

import common
import torch


def make(args):
    side = math.isqrt(args.size)
    rows = side if side * side == args.size else next(
        r for r in range(side, 0, -1) if args.size % r == 0)
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
