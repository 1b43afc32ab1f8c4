"""Small networks in the manner of well-known ones: PyTorch exports them, Fovea computes the same, learns on,
and exports what onnxruntime computes as Fovea does."""

import io
import warnings

import numpy as np
import pytest

import fovea
from tests.cases import ENGINES

onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")
runtime = pytest.importorskip("onnxruntime")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402


def conv(c_in, c_out, size=3, stride=1, act=nn.ReLU, groups=1):
    """Convolution, batch normalisation, activation."""
    own = nn.Conv2d(c_in, c_out, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(own, nn.BatchNorm2d(c_out), act())


class Squeeze(nn.Module):
    """Squeeze-and-excitation, by convolutions of one pixel."""

    def __init__(self, channels, less, act=nn.ReLU, gate=nn.Sigmoid):
        super().__init__()
        self.less, self.more = nn.Conv2d(channels, less, 1), nn.Conv2d(less, channels, 1)
        self.act, self.gate = act(), gate()

    def forward(self, x):
        return x * self.gate(self.more(self.act(self.less(F.adaptive_avg_pool2d(x, 1)))))


class Inverted(nn.Module):
    """Wider, depthwise, gated, and narrow again; around it a shortcut where the shape stays."""

    def __init__(self, c_in, wide, c_out, size, stride, act, squeeze):
        super().__init__()
        self.body = nn.Sequential(
            conv(c_in, wide, 1, act=act), conv(wide, wide, size, stride, act, wide), squeeze(wide),
            conv(wide, c_out, 1, act=nn.Identity),
        )  # fmt: skip
        self.around = stride == 1 and c_in == c_out

    def forward(self, x):
        return x + self.body(x) if self.around else self.body(x)


class MobileNetV3(nn.Module):
    def __init__(self):
        super().__init__()
        act = nn.Hardswish
        self.features = nn.Sequential(
            conv(3, 8, 3, 2, act),
            Inverted(8, 16, 8, 3, 1, nn.ReLU, lambda c: Squeeze(c, 4, gate=nn.Hardsigmoid)),
            Inverted(8, 20, 12, 5, 2, act, lambda c: Squeeze(c, 4, gate=nn.Hardsigmoid)),
            conv(12, 24, 1, act=act),
        )
        self.classifier = nn.Sequential(nn.Linear(24, 16), act(), nn.Dropout(0.2), nn.Linear(16, 5))

    def forward(self, x):
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(self.features(x), 1), 1))


class EfficientNet(nn.Module):
    """Of MobileNetV3's shapes, so that both are served by the same kernels."""

    def __init__(self):
        super().__init__()

        def squeeze(c):
            return Squeeze(c, 4, nn.SiLU)

        self.features = nn.Sequential(
            conv(3, 8, 3, 2, nn.SiLU),
            Inverted(8, 16, 8, 3, 1, nn.SiLU, squeeze),
            Inverted(8, 20, 12, 5, 2, nn.SiLU, squeeze),
            Inverted(12, 36, 12, 3, 1, nn.SiLU, squeeze),
            conv(12, 24, 1, act=nn.SiLU),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(24, 5))

    def forward(self, x):
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(self.features(x), 1), 1))


class RegNetBlock(nn.Module):
    def __init__(self, c_in, c_out, stride, groups):
        super().__init__()
        self.body = nn.Sequential(
            conv(c_in, c_out, 1), conv(c_out, c_out, 3, stride, groups=groups), Squeeze(c_out, 4),
            conv(c_out, c_out, 1, act=nn.Identity),
        )  # fmt: skip
        changed = c_in != c_out or stride > 1
        self.shortcut = conv(c_in, c_out, 1, stride, nn.Identity) if changed else nn.Identity()

    def forward(self, x):
        return F.relu(self.shortcut(x) + self.body(x))


class RegNetY(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            conv(3, 8, 3, 2), RegNetBlock(8, 16, 2, 4), RegNetBlock(16, 16, 1, 4), RegNetBlock(16, 24, 2, 6)
        )
        self.head = nn.Linear(24, 5)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


class ChannelsFirst(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=1e-6)

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.wide, self.narrow = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.1))

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.narrow(F.gelu(self.wide(y)))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 2, 2), ChannelsFirst(8), ConvNeXtBlock(8),
            ChannelsFirst(8), nn.Conv2d(8, 12, 2, 2), ConvNeXtBlock(12),
        )  # fmt: skip
        self.norm, self.head = nn.LayerNorm(12, eps=1e-6), nn.Linear(12, 5)

    def forward(self, x):
        return self.head(self.norm(self.features(x).mean((2, 3))))


class UNet(nn.Module):
    """Larger pictures by pixel shuffle."""

    def __init__(self):
        super().__init__()
        self.down, self.deep = conv(3, 8), conv(8, 16)
        self.up, self.last, self.out = nn.Conv2d(16, 32, 1), conv(16, 8), nn.Conv2d(8, 2, 1)

    def forward(self, x):
        a = self.down(x)
        b = F.pixel_shuffle(self.up(self.deep(F.max_pool2d(a, 2))), 2)
        return self.out(self.last(torch.cat([a, b], 1)))


class Styled(nn.Module):
    """Convolution behind mirrored borders, instance normalisation, ReLU."""

    def __init__(self, c_in, c_out, size, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, size, stride, size // 2, padding_mode="reflect")
        self.norm = nn.InstanceNorm2d(c_out, affine=True)

    def forward(self, x):
        return self.norm(self.conv(x))


class Style(nn.Module):
    """Johnson, Alahi, Fei-Fei: Perceptual losses for real-time style transfer (2016)."""

    def __init__(self):
        super().__init__()
        self.begin, self.down = Styled(3, 6, 5), Styled(6, 10, 3, 2)
        self.first, self.second, self.up = Styled(10, 10, 3), Styled(10, 10, 3), Styled(10, 6, 3)
        self.end = nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(6, 3, 5))

    def forward(self, x):
        x = F.relu(self.down(F.relu(self.begin(x))))
        x = x + self.second(F.relu(self.first(x)))
        x = F.relu(self.up(F.interpolate(x, scale_factor=2, mode="nearest")))
        return torch.tanh(self.end(x))


KINDS = [MobileNetV3, EfficientNet, RegNetY, ConvNeXt, UNet, Style]
SHAPE = (2, 3, 16, 12)


def ready(kind):
    """A network in inference, whose statistics are not the first ones, and numbers for it."""
    torch.manual_seed(0)
    module = kind().eval()
    for name, buffer in module.named_buffers():
        if "running" in name:
            buffer.copy_(torch.rand(buffer.shape) + 0.5)
    return module, torch.randn(SHAPE)


def imported(module, x, dynamo):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            return fovea.onnx.from_model(torch.onnx.export(module, (x,), dynamo=True).model_proto)
        file = io.BytesIO()
        torch.onnx.export(module, (x,), file, dynamo=False)
    return fovea.onnx.from_model(onnx.load_from_string(file.getvalue()))


def there(array):
    """Channels first."""
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


def assert_alike(found, expected):
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("dynamo", [False, True], ids=["older", "newer"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_computes_what_pytorch_computes(kind, dynamo):
    module, x = ready(kind)
    network = imported(module, x, dynamo)
    with torch.no_grad(), fovea.engine("reference"):
        Z, _ = network.forward(np.ascontiguousarray(x.numpy().transpose(0, 2, 3, 1)))
        assert_alike(there(Z), module(x).numpy())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_learns_on_and_is_exported_again(kind, engine):
    module, x = ready(kind)
    network = imported(module, x, dynamo=False)
    X = np.ascontiguousarray(x.numpy().transpose(0, 2, 3, 1))
    with fovea.engine(engine):
        with torch.no_grad():
            Z, _ = network.forward(X)
            assert_alike(there(Z), module(x).numpy())
        wanted, losses = np.zeros_like(Z), []
        for _ in range(2):
            Z, caches = network.forward(X, training=True, rng=np.random.default_rng(0))
            losses.append(float(np.square(Z - wanted).mean()))
            _, gradients = network.backward(2 * (Z - wanted) / Z.size, caches)
            norm = sum(float(np.square(gradient).sum()) for gradient in gradients.values()) ** 0.5
            for name, gradient in gradients.items():
                network.parameters[name][...] -= 1e-3 / norm * gradient
        assert losses[1] < losses[0]
        Z, _ = network.forward(X)
    model = fovea.onnx.to_model(network, numbers=True, logits=True)
    onnx.checker.check_model(model, full_check=True)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    assert_alike(found, there(Z))
