"""A training step of 784 - 1024 - 1024 - 10 units, the layer under study on sheets of 32 x 32."""
import common
from torch import nn


def make(args):
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 1024), nn.ReLU(),
        common.make_layer(args.layer, 32, 32), nn.ReLU(),
        nn.Linear(1024, 10),
    )
    return net, common.training_step(net, args.batch, (1, 28, 28), 10, [0.1307], [0.3081])


common.main(make)
