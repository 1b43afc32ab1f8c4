"""Export of models to other programs' formats, and import from ONNX."""

from collections.abc import Callable, Sequence
from pathlib import Path

from fovea import files
from fovea.errors import DataError, ShapeError, mismatch
from fovea.names import class_name, distinct, listed, repeated
from fovea.network import Network
from fovea.network.preprocessing import Preprocessing
from fovea.network.soundness import check_random_picture, check_weights
from fovea.network.summary import outputs
from fovea.training import trained


def _to_onnx(network: Network, path: Path, numbers: bool, logits: bool) -> str:
    from fovea import onnx

    onnx.save(network, path, numbers=numbers, logits=logits)
    shape = network.input_shape
    axes = f"(N, {shape[2]}, {shape[0]}, {shape[1]})" if len(shape) == 3 else f"(N, {shape[0]})"
    content = "preprocessed numbers" if numbers else "pixels from 0 to 255"
    output = "logits" if logits else "probabilities" if network.ends_in_classes else outputs(network)
    return f"input {axes}, {content}; output {output}"


def _to_torch(network: Network, path: Path, numbers: bool, logits: bool) -> str:
    from fovea.models import save_torch

    save_torch(network, path)
    return "weights in the names and layouts of torchvision, without classes and preprocessing"


# Format → its file extension, and a function that writes a file and returns a short description.
FORMATS: dict[str, tuple[str, Callable[[Network, Path, bool, bool], str]]] = {
    "onnx": (".onnx", _to_onnx),
    "torch": (".torch.safetensors", _to_torch),
}


def export(
    model: str, format: str, out: str | None = None, *, numbers: bool = False, logits: bool = False
) -> tuple[Path, str]:
    """Write MODEL in another format; returns the path and a description. Raises DataError, also for a network
    whose output for a picture of noise is not finite."""
    ending, write = FORMATS[check_format(format)]
    network = trained.trained(model)
    check_random_picture(network, model)
    path = _new(out or f"{_name(model)}{ending}")
    return path, write(network, path, numbers, logits)


def check_format(format: str) -> str:
    """`format`. Raises ShapeError if it is unknown."""
    if format not in FORMATS:
        raise ShapeError(mismatch("--format", f"one of {', '.join(FORMATS)}", repr(format)))
    return format


def import_onnx(
    file: str, out: str | None = None, *, input_shape: Sequence[int] | None = None,
    classes: str | None = None, mean: Sequence[float] | None = None, std: Sequence[float] | None = None,
    note: Callable[[str], object] = lambda line: None,
) -> tuple[Path, Network]:  # fmt: skip
    """Write the network of an ONNX file as a model file; returns the path and the network. Raises DataError.

    `classes` is a file of class names, one per line; repeated names get their index appended, with a line to
    `note`. `mean` and `std` are for each channel, of pixels from 0 to 1. Arguments override the file.
    """
    from fovea import onnx

    path = _new(out or f"{Path(file).stem}.safetensors")
    network = onnx.load(files.expanded(file), input_shape=input_shape)
    channels = network.input_shape[-1]
    if classes is not None:
        names, count = _lines(files.expanded(classes)), network.shapes[-1][-1]
        if not network.outputs and len(names) != count:
            raise DataError(mismatch(str(classes), f"{count} class names, one per line", len(names)))
        network.classes = distinct(names)
        if doubles := repeated(names):
            note(f"{classes} repeats {listed(doubles)}: these names now end in their numbers")
    if mean is not None or std is not None:
        network.preprocessing = Preprocessing(
            tuple(mean or (0.0,) * channels), tuple(std or (1.0,) * channels)
        )
    check_weights(network, file)
    network.save(path)
    return path, network


def knows_pixels(network: Network) -> bool:
    """True if the network has a preprocessing, from the file or the options."""
    return network.preprocessing != Preprocessing.none(network.input_shape[-1])


def _name(model: str) -> str:
    path = files.expanded(model).resolve()
    return path.name if path.is_dir() else path.stem


def _new(name: str) -> Path:
    path = files.expanded(name)
    if path.exists():
        raise DataError(mismatch(str(path), "a new file", "one that already exists", "choose another --out"))
    return path


def _lines(path: Path) -> list[str]:
    try:
        lines = files.read(path, "a file of class names").decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    return [class_name(line) for line in lines if line.strip()]
