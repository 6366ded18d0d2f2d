"""A training step of ResNet-18 for 32-pixel images, the layer under study on sheets of 16 x 32."""
import common
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.down = nn.Identity()
        if stride > 1:
            self.down = nn.Sequential(nn.Conv2d(inputs, channels, 1, stride, bias=False),
                                      nn.BatchNorm2d(channels))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.down(x))


def make(args):
    stages = [(64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)]
    blocks = [b for i, o, s in stages for b in (Block(i, o, s), Block(o, o, 1))]
    net = nn.Sequential(
        nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 512), nn.ReLU(),
        common.make_layer(args.layer, 16, 32), nn.BatchNorm1d(512), nn.ReLU(),
        nn.Linear(512, 10),
    )
    return net, common.training_step(net, args.batch, (3, 32, 32), 10, [0.4914, 0.4822, 0.4465],
                                     [0.2470, 0.2435, 0.2616])


common.main(make)
