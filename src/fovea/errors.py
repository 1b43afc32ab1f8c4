"""The errors that Fovea raises on purpose; each names who, what was expected, what came, and the remedy."""

from fovea.names import visible

DISTRIBUTION = "fovea-cnn"  # Fovea's name on PyPI, where `fovea` is another project


class FoveaError(Exception):
    """Something outside the program is not as it must be. Its text is one line, whatever names are in it."""

    def __str__(self) -> str:
        return visible(super().__str__())


class FoveaWarning(UserWarning):
    """Something is not used as it was given, and why, in one line: the command line prints it."""

    def __str__(self) -> str:
        return visible(super().__str__())


class ShapeError(FoveaError, ValueError):
    """Arrays or hyperparameters that do not fit together."""


class DataError(FoveaError, ValueError):
    """A picture, a folder, a data file or a model file that cannot be used."""


class OutOfMemoryError(FoveaError, MemoryError):
    """More memory is needed than there is; nothing is wrong with the file that needs it."""


class EngineError(FoveaError, RuntimeError):
    """The compiled engine is absent, or one of its kernels failed."""


class TrainingError(FoveaError, ArithmeticError):
    """Training cannot go on, for example because the loss is no longer a number."""


def install(extra: str) -> str:
    """The remedy where the libraries of an extra, "web" or "onnx", are missing."""
    return f"pip install '{DISTRIBUTION}[{extra}]', or in a clone pip install '.[{extra}]'"


def reason(error: BaseException, who: object) -> str:
    """What `error` says behind the name `who`, where its text begins with that."""
    return str(error).removeprefix(visible(f"{who}: "))


def mismatch(who: str, expected: object, got: object, remedy: str = "") -> str:
    """The sentence of every error: `who: expected …, got …: remedy`."""
    return f"{who}: expected {expected}, got {got}" + (f": {remedy}" if remedy else "")
