"""Resolution of MODEL arguments: a model file, a run folder, or the name of a built-in architecture."""

from pathlib import Path
from typing import Any

from fovea import weights
from fovea.data import Record
from fovea.errors import DataError, mismatch
from fovea.files import expanded
from fovea.layers.base import checked_precision
from fovea.models import MODELS, build, load
from fovea.names import typed
from fovea.network import Network
from fovea.network.summary import outputs
from fovea.training.run_folder import Folder
from fovea.weights.download import DOWNLOADS


def file_of(model: str) -> Path:
    """The model file of `model`: itself, or a run's best. Raises DataError if there is none."""
    path = expanded(model)
    if path.is_dir():
        best = Folder(path).best
        if not best.is_file():
            got = (
                "a run that has not finished its first epoch"
                if Folder(path).state.is_file()
                else "another folder"
            )
            raise DataError(mismatch(f"model {model}", "a model file or the folder of a run", got))
        return best
    if not path.exists():
        if is_built_in(model):
            remedy = f"train it first: fovea train --model {model}"
            if model in DOWNLOADS:
                remedy = f"fovea weights get {model} fetches trained weights; or {remedy}"
            raise DataError(
                mismatch(f"model {model}", "a trained network", "an untrained architecture", remedy)
            )
        expected = "a model file, the folder of a run, or a built-in network with trained weights"
        remedy = "fovea models lists the built-in ones"
        raise DataError(mismatch(f"model {model}", expected, "no such file or network", remedy))
    return path


def trained(model: str, precision: str | None = None) -> Network:
    """The network of a model file, a run, or a built-in architecture with trained weights, with `precision`
    if given. Raises DataError if there is none."""
    if is_built_in(model) and weights.are_here(model):
        network = build(model)
        network.precision = precision or network.precision
        return network
    file = file_of(model)
    try:
        network = load(file)
    except DataError as error:
        if expanded(model).is_dir() and Folder(file.parent).state.is_file():
            remedy = f"fovea train --resume {typed(model)} writes it again where the run's state is whole"
            raise DataError(f"{error}: {remedy}") from error
        raise
    network.precision = precision or network.precision
    return network


def classifier(model: str, precision: str | None = None) -> Network:
    """The same for a network that ends in classes. Raises DataError for another."""
    network = trained(model, precision)
    if not network.ends_in_classes:
        got = f"one that outputs {outputs(network)} per picture"
        remedy = "fovea inspect and fovea look show its layers"
        if is_built_in(model):
            last = network.layers[-1].name
            remedy = f"{model} ends in features, at {last}; fovea train PHOTOS --weights {model} adds classes"
        raise DataError(mismatch(f"model {model}", "a network that ends in classes", got, remedy))
    return network


def check_precision(precision: str | None) -> None:
    """Raise FoveaError for an invalid precision."""
    if precision is not None:
        checked_precision(precision, "model")


def any_of(model: str) -> Network:
    """The same, or a built-in architecture if `model` is the name of one and not of a file."""
    return build(model) if is_built_in(model) else trained(model)


def is_built_in(model: str) -> bool:
    """True if `model` names an architecture, and not a file."""
    return model in MODELS and not Path(model).exists()


def arguments_of(model: str) -> dict[str, Any]:
    """The arguments of the run whose folder or file `model` is; {} if it belongs to none."""
    folder = folder_of(model)
    return folder.read_arguments() if folder.arguments.is_file() else {}


def record_of(model: str) -> Record | None:
    """The record of the run whose folder or file `model` is; None if there is none. Raises DataError if it
    cannot be read."""
    return folder_of(model).read_record()


def bad_of(model: str) -> list[str]:
    """The pictures that the run whose folder or file `model` is could not read."""
    return folder_of(model).read_bad_images()


def folder_of(model: str) -> Folder:
    """The folder of the run whose folder or file `model` is; it need not be one."""
    path = expanded(model)
    return Folder(path.parent if path.is_file() else path)


def class_names(network: Network) -> list[str]:
    """The network's class names; their indices as text if they have none."""
    return network.classes or [str(number) for number in range(network.output_shape[0])]
