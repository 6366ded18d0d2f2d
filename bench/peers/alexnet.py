"""A training step of one-tower AlexNet, the layer under study on sheets of 64 x 64 units."""
import common
from torch import nn


def make(args):
    net = nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, 1, 1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(),
        nn.Dropout(0.5), common.make_layer(args.layer, 64, 64), nn.BatchNorm1d(4096), nn.ReLU(),
        nn.Linear(4096, 1000),
    )
    return net, common.training_step(net, args.batch, (3, 224, 224), 1000, [0.485, 0.456, 0.406],
                                     [0.229, 0.224, 0.225])


common.main(make)
