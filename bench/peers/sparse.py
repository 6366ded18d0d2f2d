"""A product with a random pattern of weights by torch.sparse: forward or one of both gradients.

--layer OP:DENSITY, OP sparse_linear, sparse_linear_dx or sparse_linear_dw, DENSITY 0 to 1.
"""
import warnings

import common
import torch

warnings.simplefilter("ignore")  # that CSR is young


def make(args):
    op, density = args.layer.split(":")
    n = args.size
    pattern = torch.rand(n, n) < float(density)
    weight = (torch.rand(n, n) * 2 - 1) * pattern
    csr, turned = weight.to_sparse_csr(), weight.t().contiguous().to_sparse_csr()
    x = torch.rand(n, args.batch) * 2 - 1
    dy = (torch.rand(n, args.batch) * 2 - 1)
    gradients = common.wire_gradients(csr.crow_indices(), csr.col_indices())

    def step():
        with torch.no_grad():
            if op == "sparse_linear":
                return csr @ x
            if op == "sparse_linear_dx":
                return turned @ dy
            return gradients(dy, x)

    class Weights(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.values = torch.nn.Parameter(csr.values())

    return Weights(), step


common.main(make)
