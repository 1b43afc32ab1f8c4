"""The errors that Fovea raises: one line with who, expected, got and the remedy."""

from fovea.names import visible

DISTRIBUTION = "fovea-cnn"  # Fovea's name on PyPI, where `fovea` is another project


class FoveaError(Exception):
    """The base class: invalid input or an unsuitable environment. Its text is one line."""

    def __str__(self) -> str:
        return visible(super().__str__())


class FoveaWarning(UserWarning):
    """An argument is ignored or changed; the text is one line, and the command line prints it."""

    def __str__(self) -> str:
        return visible(super().__str__())


class ShapeError(FoveaError, ValueError):
    """Arrays or hyperparameters that do not fit together."""


class DataError(FoveaError, ValueError):
    """A picture, a folder, a data file or a model file that cannot be used."""


class OutOfMemoryError(FoveaError, MemoryError):
    """More memory is needed than is available; the input itself is valid."""


class EngineError(FoveaError, RuntimeError):
    """The compiled engine is not installed, or one of its kernels failed."""


class TrainingError(FoveaError, ArithmeticError):
    """Training cannot continue, for example because the loss is NaN."""


def install(extra: str) -> str:
    """The remedy if the libraries of an extra, "web" or "onnx", are missing."""
    return f"pip install '{DISTRIBUTION}[{extra}]', or in a clone pip install '.[{extra}]'"


def reason(error: BaseException, who: object) -> str:
    """The text of `error` without its beginning, the name `who`, if it has that."""
    return str(error).removeprefix(visible(f"{who}: "))


def mismatch(who: str, expected: object, got: object, remedy: str = "") -> str:
    """The text of an error: `who: expected …, got …: remedy`."""
    return f"{who}: expected {expected}, got {got}" + (f": {remedy}" if remedy else "")
