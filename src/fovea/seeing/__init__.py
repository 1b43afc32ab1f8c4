"""What a trained network sees: its maps, its filters, and which pixels its answers come from.

Every function takes one picture (H, W, C) as `Network.predict` does, and returns arrays; nothing here draws.
"""

from fovea.seeing.fields import Field, Grid, effective_field, grid, receptive_field
from fovea.seeing.gradcam import cam_layer, grad_cam, grad_cam_map, on_picture
from fovea.seeing.maps import feature_maps
from fovea.seeing.passage import Passage, pass_through
from fovea.seeing.saliency import input_gradient, saliency

__all__ = [
    "Field",
    "Grid",
    "Passage",
    "cam_layer",
    "effective_field",
    "feature_maps",
    "grad_cam",
    "grad_cam_map",
    "grid",
    "input_gradient",
    "on_picture",
    "pass_through",
    "receptive_field",
    "saliency",
]
