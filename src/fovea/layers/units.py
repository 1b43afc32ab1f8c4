"""More element-wise activations; the formulas of both passes are in `fovea.reference.piecewise` and
`fovea.reference.smooth`.

    ELU              Z where Z > 0, else α · (exp(Z) − 1)                                                 (1)
    CELU             Z where Z > 0, else α · (exp(Z/α) − 1)                                               (2)
    SELU             1.0507 · ELU(Z) with α = 1.6733                                                      (3)
    HardSigmoid      min(max(slope · Z + shift, 0), 1)                                                    (4)
    HardSwish        Z · min(max(Z + 3, 0), 6) / 6                                                        (5)
    ThresholdedReLU  Z where Z > threshold, else 0                                                        (6)
    GELU             Z · Φ(Z), Φ being the normal distribution                                            (7)
    Mish             Z · tanh(log(1 + exp(Z)))                                                            (8)
    Softplus         log(1 + exp(βZ)) / β                                                                 (9)
    LogSigmoid       log σ(Z) = −log(1 + exp(−Z))                                                         (10)
    Softsign         Z / (1 + |Z|)                                                                        (11)
    Tanhshrink       Z − tanh(Z)                                                                          (12)

They equal PyTorch's functions of the same names, including the derivatives at the kinks.
"""

from dataclasses import dataclass
from typing import Literal

from fovea import arguments
from fovea.errors import ShapeError, mismatch
from fovea.layers.activation import _Activation
from fovea.ranges import SMALLEST, number

# Klambauer et al. (2017): with these, a normal distribution stays one, layer after layer.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@dataclass(eq=False)
class ELU(_Activation):
    """(1): each value, bent exponentially towards −`alpha`, a finite number, where it is negative."""

    function = "elu"
    from_output = False

    alpha: float = 1.0

    def __post_init__(self) -> None:
        self.alpha = arguments.finite(self.alpha, "ELU: alpha")

    @property
    def options(self) -> tuple[float, ...]:
        return self.alpha, 1.0, 1.0


@dataclass(eq=False)
class CELU(_Activation):
    """(2): `ELU` with a slope that is continuous at 0 for every `alpha`, a number above 0."""

    function = "elu"
    from_output = False

    alpha: float = 1.0

    def __post_init__(self) -> None:
        self.alpha = number(self.alpha, "CELU: alpha", "a number above 0", SMALLEST)

    @property
    def options(self) -> tuple[float, ...]:
        return self.alpha, 1.0, 1 / self.alpha


@dataclass(eq=False)
class SELU(_Activation):
    """(3)."""

    function = "elu"
    from_output = False

    @property
    def options(self) -> tuple[float, ...]:
        return SELU_ALPHA, SELU_SCALE, 1.0


@dataclass(eq=False)
class HardSigmoid(_Activation):
    """(4): a line between 0 and 1, by default from −3 to 3. `slope` and `shift` are finite numbers."""

    function = "hard_sigmoid"

    slope: float = 1 / 6
    shift: float = 0.5

    def __post_init__(self) -> None:
        self.slope = arguments.finite(self.slope, "HardSigmoid: slope")
        self.shift = arguments.finite(self.shift, "HardSigmoid: shift")


@dataclass(eq=False)
class HardSwish(_Activation):
    """(5)."""

    function = "hard_swish"
    from_output = False


@dataclass(eq=False)
class ThresholdedReLU(_Activation):
    """(6): each value, or 0 unless it is above `threshold`, a finite number."""

    function = "thresholded_relu"
    from_output = False

    threshold: float = 1.0

    def __post_init__(self) -> None:
        self.threshold = arguments.finite(self.threshold, "ThresholdedReLU: threshold")


@dataclass(eq=False)
class GELU(_Activation):
    """(7); with `approximate` "tanh" its approximation Z · (1 + tanh(√(2/π) · (Z + 0.044715 Z³))) / 2."""

    from_output = False

    approximate: Literal["none", "tanh"] = "none"

    def __post_init__(self) -> None:
        if self.approximate not in ("none", "tanh"):
            raise ShapeError(mismatch("GELU: approximate", '"none" or "tanh"', repr(self.approximate)))
        self.function = "gelu" if self.approximate == "none" else "gelu_tanh"

    @property
    def options(self) -> tuple[float, ...]:
        return ()


@dataclass(eq=False)
class Mish(_Activation):
    """(8)."""

    function = "mish"
    from_output = False


@dataclass(eq=False)
class Softplus(_Activation):
    """(9), or Z where βZ > `threshold`; from 20 on the two are equal in float32. `beta` and `threshold` are
    finite numbers, and `beta` is not 0."""

    function = "softplus"
    from_output = False

    beta: float = 1.0
    threshold: float = 20.0

    def __post_init__(self) -> None:
        self.beta = arguments.finite(self.beta, "Softplus: beta")
        self.threshold = arguments.finite(self.threshold, "Softplus: threshold")
        if self.beta == 0:
            raise ShapeError(mismatch("Softplus: beta", "a number other than 0", 0))


@dataclass(eq=False)
class LogSigmoid(_Activation):
    """(10): a softplus with β = −1."""

    function = "softplus"
    from_output = False

    @property
    def options(self) -> tuple[float, ...]:
        return -1.0, 20.0


@dataclass(eq=False)
class Softsign(_Activation):
    """(11): between −1 and 1."""

    function = "softsign"
    from_output = False


@dataclass(eq=False)
class Tanhshrink(_Activation):
    """(12)."""

    function = "tanhshrink"
    from_output = False
