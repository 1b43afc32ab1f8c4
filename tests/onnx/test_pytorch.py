"""What PyTorch's two exporters write is imported, and gives what PyTorch gives."""

import copy
import io
import warnings
from collections import Counter

import numpy as np
import pytest

import fovea

onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from fovea.layers import Concat, Conv2D, Dense, Dropout, Flatten  # noqa: E402


class Block(nn.Module):
    """He et al. 2015, with a projection where the shape changes."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out)
        self.conv2, self.bn2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False), nn.BatchNorm2d(c_out)
        project = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))
        self.shortcut = project if stride > 1 else nn.Identity()

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.shortcut(x))


class Residual(nn.Module):
    """As torchvision writes its ResNets: the mean, torch.flatten, one linear layer."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True)
        )
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.Sequential(Block(8, 8, 1), Block(8, 16, 2))
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = self.blocks(self.pool(self.stem(x)))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Fire(nn.Module):
    """As torchvision's SqueezeNet: concatenation, and a convolution that classifies."""

    def __init__(self):
        super().__init__()
        self.stem, self.pool = nn.Conv2d(3, 8, 3, 2), nn.MaxPool2d(3, 2, ceil_mode=True)
        self.squeeze, self.one, self.three = (
            nn.Conv2d(8, 4, 1),
            nn.Conv2d(4, 6, 1),
            nn.Conv2d(4, 6, 3, padding=1),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(12, 5, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, x):
        x = F.relu(self.squeeze(self.pool(F.relu(self.stem(x)))))
        x = torch.cat([F.relu(self.one(x)), F.relu(self.three(x))], 1)
        return torch.flatten(self.classifier(x), 1)


class View(nn.Module):
    """Flattened by x.size(0), as in 2017, and padded by hand."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc1, self.fc2 = (
            nn.Conv2d(3, 4, 4, 2),
            nn.Linear(4 * 8 * 8, 12),
            nn.Linear(12, 5, bias=False),
        )

    def forward(self, x):
        x = F.leaky_relu(self.conv(F.pad(x, (1, 1, 1, 1))), 0.2)
        x = torch.tanh(self.fc1(x.view(x.size(0), -1)))
        return F.softmax(self.fc2(x), dim=1)


class Mobile(nn.Module):
    """As torchvision's MobileNetV2: depthwise convolution, ReLU6, the mean over rows and columns."""

    def __init__(self):
        super().__init__()
        self.widen, self.bn = nn.Conv2d(3, 12, 1, bias=False), nn.BatchNorm2d(12)
        self.depthwise = nn.Conv2d(12, 12, 3, 1, 2, dilation=2, groups=12)
        self.narrow, self.fc = nn.Conv2d(12, 3, 1), nn.Linear(3, 5)

    def forward(self, x):
        x = x + self.narrow(F.relu6(self.depthwise(F.silu(self.bn(self.widen(x))))))
        return self.fc(x.mean([2, 3]))


class Two(nn.Module):
    """Arithmetic with constants, a matrix product of rows, a normalisation of them."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 4, 3), nn.BatchNorm1d(4 * 7 * 7), nn.Linear(4 * 7 * 7, 5)
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))

    def forward(self, x):
        x = F.avg_pool2d(torch.sigmoid(self.conv((x - self.mean) / 0.25)), 2)
        x = self.bn(x.permute(0, 2, 3, 1).flatten(1))
        return self.fc(x * 2 + 1)


class Up(nn.Module):
    """A decoder: transposed convolution, in groups and dilated, and interpolation."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 6, 3, 2, 1)
        self.up = nn.ConvTranspose2d(6, 8, 3, 2, 1, output_padding=1, groups=2)
        self.last = nn.ConvTranspose2d(8, 2, 3, dilation=2)

    def forward(self, x):
        x = F.interpolate(self.up(F.relu(self.down(x))), scale_factor=2)
        return self.last(F.interpolate(x, scale_factor=(2, 3), mode="bilinear"))


class Next(nn.Module):
    """As ConvNeXt: channels last in the middle, layer normalisation, dense layers of each pixel, a scale."""

    def __init__(self):
        super().__init__()
        self.stem, self.first = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8, eps=1e-6)
        self.depthwise, self.norm = nn.Conv2d(8, 8, 7, padding=3, groups=8), nn.LayerNorm(8, eps=1e-6)
        self.widen, self.narrow, self.fc = nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 5)
        self.scale = nn.Parameter(torch.full((8,), 0.5))

    def forward(self, x):
        x = self.first(self.stem(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = (self.scale * self.narrow(F.gelu(self.widen(y)))).permute(0, 3, 1, 2)
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x + y, 1), 1))


def model_of(module, shape, *, dynamo, fixed, opset=None):
    """The ONNX model that PyTorch writes of `module`."""
    x = torch.zeros(1, *shape)
    file = io.BytesIO()
    free = {} if fixed else {"dynamic_shapes": [{0: "N"}]} if dynamo else {"dynamic_axes": {"x": {0: "N"}}}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # of the older exporter, that there is a newer one; of the newer, its own
        torch.onnx.export(
            module, (x,), file, dynamo=dynamo, input_names=["x"],
            opset_version=opset or (18 if dynamo else 17), **free,
            **({"verbose": False, "external_data": False} if dynamo else {}),
        )  # fmt: skip
    return onnx.load_model_from_string(file.getvalue())


def ready(kind):
    """A module in inference, whose statistics are not the first ones."""
    torch.manual_seed(0)
    module = kind()
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d | nn.BatchNorm1d):
                part.running_mean.uniform_(-0.5, 0.5)
                part.running_var.uniform_(0.5, 2)
                part.weight.uniform_(0.5, 1.5)
                part.bias.uniform_(-0.5, 0.5)
    return module.eval()


def agree(network, module, shape, *, probabilities=False, engines=("reference", "halide")):
    x = np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(x)).numpy()
    pictures = x.transpose(0, 2, 3, 1)
    for engine in engines:
        with fovea.engine(engine):
            found = network.predict(pictures) if probabilities else network.forward(pictures)[0]
        found = found.transpose(0, 3, 1, 2) if found.ndim == 4 else found
        assert np.abs(found - expected).max() <= 1e-5 * max(np.abs(expected).max(), 1)


class Heads(nn.Module):
    """As a detector: maps of two sizes, and two heads on each, one of which ends in probabilities."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8)
        self.down, self.side = nn.Conv2d(8, 16, 3, 2, 1), nn.Conv2d(16, 8, 1)
        self.boxes, self.classes = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 3, 3, padding=1)
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        fine = F.relu(self.norm(self.stem(x)))
        coarse = F.relu(self.down(fine))
        fine = fine + F.interpolate(self.side(coarse), scale_factor=2)
        mean = torch.flatten(F.adaptive_avg_pool2d(coarse, 1), 1)
        return self.boxes(fine), torch.sigmoid(self.classes(fine)), coarse, F.softmax(self.fc(mean), 1)


MODULES = {
    Residual: (3, 32, 32),
    Fire: (3, 20, 20),
    View: (3, 16, 16),
    Mobile: (3, 8, 8),
    Two: (3, 16, 16),
    Up: (3, 9, 8),
    Next: (3, 16, 16),
}


@pytest.mark.parametrize("fixed", [True, False], ids=["fixed", "free"])
@pytest.mark.parametrize("kind", MODULES)
def test_the_older_exporter(kind, fixed):
    module, shape = ready(kind), MODULES[kind]
    network = fovea.onnx.from_model(model_of(module, shape, dynamo=False, fixed=fixed))
    assert network.input_shape == (*shape[1:], shape[0])
    agree(network, module, shape, probabilities=kind is View)


@pytest.mark.parametrize("kind", MODULES)
def test_the_newer_exporter(kind):
    pytest.importorskip("onnxscript")
    module, shape = ready(kind), MODULES[kind]
    network = fovea.onnx.from_model(model_of(module, shape, dynamo=True, fixed=False))
    agree(network, module, shape, probabilities=kind is View)


ACTIVATIONS = [
    nn.ELU(0.7), nn.CELU(2.0), nn.SELU(), nn.GELU(), nn.GELU("tanh"), nn.Mish(), nn.Hardswish(),
    nn.Hardsigmoid(),
    nn.Softplus(), nn.Softplus(2.0), nn.Softsign(), nn.LogSigmoid(), nn.Tanhshrink(), nn.PReLU(), nn.PReLU(6),
    nn.Hardtanh(-1, 0.5), nn.SiLU(),
]  # fmt: skip


class ByHand(nn.Module):
    """Layer normalisation over channels that come first, as ConvNeXt writes it."""

    def __init__(self):
        super().__init__()
        self.w, self.b = nn.Parameter(torch.rand(6)), nn.Parameter(torch.rand(6))

    def forward(self, x):
        u = x.mean(1, keepdim=True)
        s = (x - u).pow(2).mean(1, keepdim=True)
        x = (x - u) / torch.sqrt(s + 1e-6)
        return self.w[:, None, None] * x + self.b[:, None, None]


class Last(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


NORMALISATIONS = [
    nn.InstanceNorm2d(6, affine=True), nn.InstanceNorm2d(6), nn.GroupNorm(3, 6), nn.GroupNorm(1, 6),
    Last(6, eps=1e-6), ByHand(),
]  # fmt: skip


class SideBySide(nn.Module):
    """Each of `modules` behind a convolution of its own; their channels one after the other."""

    def __init__(self, modules):
        super().__init__()
        self.convs, self.others = nn.ModuleList(nn.Conv2d(3, 6, 3) for _ in modules), nn.ModuleList(modules)
        with torch.no_grad():
            for p in self.parameters():
                p.add_(torch.randn_like(p) / 5)

    def forward(self, x):
        return torch.cat([other(conv(x)) for conv, other in zip(self.convs, self.others, strict=True)], 1)


# One export for all of them: PyTorch takes half a second to write the smallest model.
@pytest.mark.parametrize(("dynamo", "opset"), [(False, 14), (False, 17), (True, 18), (True, 21)])
def test_every_activation_and_normalisation_becomes_one_layer(dynamo, opset):
    if dynamo:
        pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    modules = copy.deepcopy([*ACTIVATIONS, *NORMALISATIONS])
    module = SideBySide(modules).eval()
    network = fovea.onnx.from_model(model_of(module, (3, 8, 8), dynamo=dynamo, fixed=False, opset=opset))
    kinds = Counter(type(layer) for layer in network.layers)
    assert (kinds.pop(Conv2D), kinds.pop(Concat)) == (len(modules), 1)
    assert kinds.total() == len(modules), kinds
    agree(network, module, (3, 8, 8), engines=("reference",))


def test_no_layer_is_there_for_nothing():
    network = fovea.onnx.from_model(model_of(ready(Fire), (3, 20, 20), dynamo=False, fixed=False))
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds.count("Conv2D") == 5
    assert Dropout not in map(type, network.layers)
    view = fovea.onnx.from_model(model_of(ready(View), (3, 16, 16), dynamo=False, fixed=False))
    assert [type(layer).__name__ for layer in view.layers] == [
        "Conv2D", "LeakyReLU", "Flatten", "Dense", "Tanh", "Dense"
    ]  # fmt: skip
    assert view.layers[0].padding == 1
    assert [layer.bias for layer in view.layers if type(layer) is Dense] == [True, False]


def test_an_imported_network_is_saved_and_trained_on(tmp_path):
    network = fovea.onnx.from_model(model_of(ready(Residual), (3, 32, 32), dynamo=False, fixed=False))
    network.save(tmp_path / "model.safetensors")
    again = fovea.load(tmp_path / "model.safetensors")
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype(np.float32)
    assert np.array_equal(again.forward(x)[0], network.forward(x)[0])
    logits, caches = again.forward(x, training=True)
    _, gradients = again.backward(np.ones_like(logits), caches)
    assert set(gradients) == set(again.parameters)
    assert Flatten not in map(type, again.layers)  # the mean has no rows and columns to flatten


@pytest.mark.parametrize("dynamo", [False, True])
def test_several_outputs_come_in_by_their_names(dynamo):
    module = ready(Heads)
    model = model_of(module, (3, 16, 16), dynamo=dynamo, fixed=False)
    network = fovea.onnx.from_model(model)
    assert len(network.outputs) == 4
    x = np.random.default_rng(1).normal(size=(3, 3, 16, 16)).astype(np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(x))
    for engine in ("reference", "halide"):
        with fovea.engine(engine):
            found = network.run(x.transpose(0, 2, 3, 1))
        for Z, wanted in zip(found.values(), expected, strict=True):
            Z = Z.transpose(0, 3, 1, 2) if Z.ndim == 4 else Z
            assert np.abs(Z - wanted.numpy()).max() <= 5e-5 * max(float(wanted.abs().max()), 1)
