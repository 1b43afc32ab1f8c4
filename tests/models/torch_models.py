"""torchvision's models in plain PyTorch, with torchvision's names; torchvision itself is not needed."""

import math

import torch
from torch import nn


class Basic(nn.Module):
    expansion = 1

    def __init__(self, channels, depth, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, depth, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(depth)
        self.conv2 = nn.Conv2d(depth, depth, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(depth)
        self.downsample = projection(channels, depth, stride)

    def forward(self, x):
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, channels, depth, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, depth, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(depth)
        self.conv2 = nn.Conv2d(depth, depth, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(depth)
        self.conv3 = nn.Conv2d(depth, 4 * depth, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * depth)
        self.downsample = projection(channels, 4 * depth, stride)

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(out)))))
        return torch.relu(out + (x if self.downsample is None else self.downsample(x)))


def projection(channels, deeper, stride):
    if stride == 1 and channels == deeper:
        return None
    return nn.Sequential(nn.Conv2d(channels, deeper, 1, stride, bias=False), nn.BatchNorm2d(deeper))


class ResNet(nn.Module):
    def __init__(self, block, depths, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for stage, blocks in enumerate(depths):
            row = []
            for number in range(blocks):
                row.append(block(channels, 64 * 2**stage, 2 if stage and not number else 1))
                channels = 64 * 2**stage * block.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*row))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class VGG(nn.Module):
    def __init__(self, filters, norm, units, classes):
        super().__init__()
        row, channels = [], 3
        for depth in filters:
            if depth == "P":
                row.append(nn.MaxPool2d(2))
                continue
            row += [
                nn.Conv2d(channels, depth, 3, 1, 1),
                *([nn.BatchNorm2d(depth)] if norm else []),
                nn.ReLU(),
            ]
            channels = depth
        self.features = nn.Sequential(*row)
        self.classifier = nn.Sequential(
            *(nn.Linear(channels * 7 * 7, units), nn.ReLU(), nn.Dropout()),
            *(nn.Linear(units, units), nn.ReLU(), nn.Dropout()),
            nn.Linear(units, classes),
        )

    def forward(self, x):
        return self.classifier(torch.flatten(nn.functional.adaptive_avg_pool2d(self.features(x), 7), 1))


class Fire(nn.Module):
    def __init__(self, channels, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x):
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.expand1x1(x)), torch.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    def __init__(self, classes):
        super().__init__()

        def pool():
            return nn.MaxPool2d(3, 2, ceil_mode=True)

        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool(),
            Fire(128, 32, 128), Fire(256, 32, 128), pool(), Fire(256, 48, 192), Fire(384, 48, 192),
            Fire(384, 64, 256), Fire(512, 64, 256),
        )  # fmt: skip
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(512, classes, 1), nn.ReLU())

    def forward(self, x):
        return self.classifier(self.features(x)).mean((2, 3))


def conv_norm(channels, filters, size, stride=1, groups=1):
    conv = nn.Conv2d(channels, filters, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(filters), nn.ReLU6())


class Inverted(nn.Module):
    def __init__(self, channels, filters, stride, widening):
        super().__init__()
        wide = channels * widening
        row = [conv_norm(channels, wide, 1)] if widening != 1 else []
        row += [conv_norm(wide, wide, 3, stride, wide), nn.Conv2d(wide, filters, 1, bias=False)]
        self.conv = nn.Sequential(*row, nn.BatchNorm2d(filters))
        self.adds = stride == 1 and channels == filters

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self, classes):
        super().__init__()
        row, channels = [conv_norm(3, 32, 3, 2)], 32
        stages = (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
        for t, filters, blocks, stride in ((1, 16, 1, 1), *stages):
            for number in range(blocks):
                row.append(Inverted(channels, filters, 1 if number else stride, t))
                channels = filters
        self.features = nn.Sequential(*row, conv_norm(320, 1280, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def same(x, size, stride):
    """x with TensorFlow's padding "same" around it."""
    pads = []
    for n in (x.shape[3], x.shape[2]):
        total = max((math.ceil(n / stride) - 1) * stride + size - n, 0)
        pads += [total // 2, total - total // 2]
    return nn.functional.pad(x, pads)


class LiteBlock(nn.Module):
    def __init__(self, channels, filters, size, stride, expansion):
        super().__init__()
        wide = channels * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(channels, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=1e-3)
        self._depthwise_conv = nn.Conv2d(wide, wide, size, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=1e-3)
        self._project_conv = nn.Conv2d(wide, filters, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(filters, eps=1e-3)
        self.size, self.stride, self.adds = size, stride, stride == 1 and channels == filters

    def forward(self, x):
        out = x
        if hasattr(self, "_expand_conv"):
            out = nn.functional.relu6(self._bn0(self._expand_conv(out)))
        out = self._depthwise_conv(same(out, self.size, self.stride))
        out = self._bn2(self._project_conv(nn.functional.relu6(self._bn1(out))))
        return x + out if self.adds else out


class EfficientNetLite0(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        row, channels = [], 32
        for repeats, size, stride, expansion, filters in (
            *((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)),
            *((3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)),
        ):
            for number in range(repeats):
                row.append(LiteBlock(channels, filters, size, 1 if number else stride, expansion))
                channels = filters
        self._blocks = nn.Sequential(*row)
        self._conv_head = nn.Conv2d(320, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=1e-3)
        self._fc = nn.Linear(1280, classes)

    def forward(self, x):
        x = nn.functional.relu6(self._bn0(self._conv_stem(same(x, 3, 2))))
        x = nn.functional.relu6(self._bn1(self._conv_head(self._blocks(x))))
        return self._fc(x.mean((2, 3)))


NARROW, UNITS = ((4,), (6,), (8, 8), (8, 8), (10, 10)), 24  # VGG-11 with few filters, for its order alone


def narrow_vgg(norm, classes):
    return VGG([each for stage in NARROW for each in (*stage, "P")], norm, UNITS, classes)


MODELS = {
    "resnet18": lambda classes: ResNet(Basic, (2, 2, 2, 2), classes),
    "resnet50": lambda classes: ResNet(Bottleneck, (3, 4, 6, 3), classes),
    "vgg11": lambda classes: narrow_vgg(False, classes),
    "vgg11_bn": lambda classes: narrow_vgg(True, classes),
    "squeezenet1_1": SqueezeNet,
    "mobilenet_v2": MobileNetV2,
    "efficientnet_lite0": EfficientNetLite0,
}


def made(name, classes=10, seed=0):
    """The model, with running statistics that differ from channel to channel, in evaluation mode."""
    torch.manual_seed(seed)
    model = MODELS[name](classes)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.7, 1.3)
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.normal_(module.bias, 0, 0.1)
    return model.eval()
