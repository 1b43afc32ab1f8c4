"""Explanations of a trained network: its maps, its filters, and the pixels that its predictions depend on.

Pictures are accepted as in `Network.predict`; all functions return arrays, and nothing here draws.
"""

from fovea.seeing.fields import Field, Grid, checked_position, effective_field, grid, receptive_field
from fovea.seeing.filters import filter_pictures, filters
from fovea.seeing.gradcam import cam_layer, grad_cam, grad_cam_map, on_picture
from fovea.seeing.maps import feature_maps
from fovea.seeing.occlusion import occlusion, patch_and_stride
from fovea.seeing.passage import Passage, pass_through
from fovea.seeing.plane import Plane, features, pca, tsne
from fovea.seeing.saliency import input_gradient, saliency

__all__ = [
    "Field",
    "Grid",
    "Passage",
    "Plane",
    "cam_layer",
    "checked_position",
    "effective_field",
    "feature_maps",
    "features",
    "filter_pictures",
    "filters",
    "grad_cam",
    "grad_cam_map",
    "grid",
    "input_gradient",
    "occlusion",
    "on_picture",
    "pass_through",
    "patch_and_stride",
    "pca",
    "receptive_field",
    "saliency",
    "tsne",
]
