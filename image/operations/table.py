"""The operations that can be done to an image, their parameters, and what they compute."""

import reprlib
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Mapping, Tuple

from image.operations.levels import Curve, mean_luminance
from image.operations.sauvola import binarise

Values = Mapping[str, float]
Effect = Callable[[Any], Any]  # of an image of Pillow's or, where it is deep, of an array


@dataclass(frozen=True)
class Parameter:
    """A number that an operation can be given."""

    name: str
    default: float
    low: float
    high: float
    help: str
    odd: bool = False

    def check(self, value: float) -> float:
        """Return the value if it is a number in the range, or else raise ValueError."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (is_number and self.low <= value <= self.high) or (self.odd and value % 2 != 1):
            raise ValueError(f"{self.name} must be {self.range}, not {reprlib.repr(value)}")
        return value

    @property
    def range(self) -> str:
        """Return what the parameter can be: from 0.1 to 10."""
        kind = "an odd whole number " if self.odd else ""
        return f"{kind}from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Operation:
    """An entry of the table of operations.

    From values and all frames of an image comes the effect on each frame: a Curve where the new
    level of a pixel depends on its old level alone, so that a palette can be mapped instead.
    """

    name: str
    help: str
    parameters: Tuple[Parameter, ...]
    effect: Callable[[Values, Iterable[Any]], Effect]

    def check(self, values: Mapping[str, Any]) -> Values:
        """Return the values of all parameters, by default where none is given."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in values:
            if name not in known:
                wrong = f"{self.name} has no parameter {reprlib.repr(name)}"
                raise ValueError(f"{wrong}: it has {', '.join(known)}")
        return {name: each.check(values.get(name, each.default)) for name, each in known.items()}


@dataclass(frozen=True)
class Edit:
    """An operation with the values of its parameters, ready to be applied."""

    operation: Operation
    values: Values

    def effect(self, frames: Iterable[Any]) -> Effect:
        """Return what is to be done to each frame: the same to all, so that none flickers.

        An image given to it is used up: where its mode allows, it is changed in place.
        """
        return self.operation.effect(self.values, frames)


def prepare(name: object, values: Mapping[str, Any]) -> Edit:
    """Check the name and the values of an operation as a stranger gave them."""
    if not isinstance(name, str) or name not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        raise ValueError(f"there is no operation {reprlib.repr(name)}: there are {known}")
    operation = OPERATIONS[name]
    return Edit(operation, operation.check(values))


def _gamma(values: Values, frames: Iterable[Any]) -> Effect:
    exponent = 1 / values["gamma"]
    return Curve(lambda level: level**exponent)


def _contrast(values: Values, frames: Iterable[Any]) -> Effect:
    """Stretch around the mean luminance of all frames, scaled so that black and white stay."""
    mean, eps = max(mean_luminance(frames), 1 / 65535), 1e-6

    def stretch(level: Any) -> Any:
        return 1 / (1 + (mean / (level + eps)) ** values["exponent"])

    black, white = stretch(0), stretch(1)
    return Curve(lambda level: (stretch(level) - black) / (white - black))


def _sauvola(values: Values, frames: Iterable[Any]) -> Effect:
    return lambda image: binarise(image, int(values["window"]), values["k"], values["r"])


OPERATIONS: Dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            "gamma",
            "brighten (gamma above 1) or darken (below 1) the middle levels",
            (Parameter("gamma", 2.2, 0.1, 10, "out = in ** (1 / gamma)"),),
            _gamma,
        ),
        Operation(
            "contrast",
            "stretch the levels around the mean of the image",
            (Parameter("exponent", 4, 0.1, 20, "steepness E of 1 / (1 + (mean / in) ** E)"),),
            _contrast,
        ),
        Operation(
            "sauvola",
            "make ink black and paper white by a threshold for each neighbourhood",
            (
                Parameter("window", 15, 3, 501, "side of the neighbourhood in pixels", odd=True),
                Parameter("k", 0.2, 0, 1, "how much a flat neighbourhood lowers the threshold"),
                Parameter("r", 128, 1, 255, "standard deviation of a full contrast"),
            ),
            _sauvola,
        ),
    )
}
