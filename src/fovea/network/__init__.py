"""A network: its graph, shapes and parameters, forward and backward, prediction, summary and model file."""

from fovea.network.network import Network

__all__ = ["Network"]
