"""The command line options for an operation and the values of its parameters."""

import argparse
from functools import partial
from typing import Dict, Optional

from image.operations.table import OPERATIONS, Parameter, prepare

NAMES = "{" + ",".join(OPERATIONS) + "}"


def add_parameters(parser: argparse.ArgumentParser) -> None:
    """Add an option for each parameter of each operation."""
    for operation in OPERATIONS.values():
        group = parser.add_argument_group(f"{operation.name}: {operation.help}")
        for parameter in operation.parameters:
            text = f"{parameter.help}; {parameter.range} ({parameter.default:g})"
            convert = partial(_number, parameter)
            group.add_argument(f"--{parameter.name}", type=convert, metavar="X", help=text)


def given(options: argparse.Namespace) -> Dict[str, float]:
    """Return the values that were set, by parameter."""
    names = [each.name for operation in OPERATIONS.values() for each in operation.parameters]
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def described(options: argparse.Namespace) -> str:
    """Return what was asked for, "gamma 2.2", or nothing where all is left to the worker."""
    values = given(options)
    names = [options.operation] if options.operation not in (None, *values) else []
    return ", ".join([*names, *(f"{name} {value:g}" for name, value in values.items())])


def check(operation: Optional[str], values: Dict[str, float]) -> None:
    """Raise ValueError for values that the operation, or every operation, would refuse."""
    if operation:
        prepare(operation, values)
        return
    known = ({each.name for each in one.parameters} for one in OPERATIONS.values())
    if not any(names.issuperset(values) for names in known):
        raise ValueError(f"no operation has all of --{', --'.join(values)}")


def _number(parameter: Parameter, text: str) -> float:
    try:
        return parameter.check(float(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not {parameter.range}") from None
