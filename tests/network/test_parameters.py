"""Every layer gets the views that carry its name, in one walk over them all."""

import numpy as np

from fovea.layers import ReLU
from fovea.network.parameters import hand_out


def test_views_are_walked_over_once_for_any_number_of_layers():
    class Counted(dict):
        walks = 0

        def items(self):
            self.walks += 1
            return super().items()

    layers = [ReLU() for _ in range(50)]
    for number, layer in enumerate(layers):
        layer.name = f"conv{number}"
    views = Counted({f"conv{n}.{name}": np.full(2, n) for n in range(50) for name in "Wb"})
    hand_out(views, {"conv7.mean": np.zeros(1)}, layers)
    assert views.walks == 1
    assert [sorted(layer.parameters) for layer in layers] == [["W", "b"]] * 50
    assert all((layer.parameters["W"] == number).all() for number, layer in enumerate(layers))
    assert [name for layer in layers for name in layer.statistics] == ["mean"]
