"""A training step of LeNet with a 7 x 7 sheet on both sides of the layer under study."""
import common
from torch import nn


def make(args):
    net = nn.Sequential(
        nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(10, 20, 5), nn.Dropout2d(0.5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(320, 49), nn.ReLU(),
        nn.Dropout(0.5), common.make_layer(args.layer, 7, 7), nn.BatchNorm1d(49), nn.ReLU(),
        nn.Linear(49, 10),
    )
    return net, common.training_step(net, args.batch, (1, 28, 28), 10, [0.1307], [0.3081])


common.main(make)
