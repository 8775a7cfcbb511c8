"""The operations: contrast, accepted values, and the table."""

import json
import subprocess
import sys
from typing import Any, Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from image.operations.levels import Curve, mean_luminance
from image.operations.table import OPERATIONS, prepare
from tests.unit.test_levels import apply


@given(st.binary(min_size=4, max_size=64), st.floats(0.1, 20))
def test_contrast_is_a_rising_curve(levels: bytes, exponent: float) -> None:
    """Contrast keeps black and white, and never reverses the order of two levels."""
    source = Image.frombytes("L", (len(levels), 1), levels)
    effect = prepare("contrast", {"exponent": exponent}).effect([source])
    assert isinstance(effect, Curve)
    table = effect.table(255)

    assert table[0] == 0
    assert table[255] == 255
    assert table == sorted(table)


def test_contrast_stretches_around_the_mean() -> None:
    """Levels below the mean become darker, and levels above it brighter, by the formula."""
    source = Image.frombytes("L", (3, 1), bytes([100, 128, 156]))
    mean, eps = 128 / 255, 1e-6
    stretch = [1 / (1 + (mean / (level / 255 + eps)) ** 4) for level in (0, 100, 128, 156, 255)]
    wanted = [round(255 * (s - stretch[0]) / (stretch[4] - stretch[0])) for s in stretch[1:4]]

    assert list(apply(source, "contrast").tobytes()) == wanted
    assert wanted[0] < 100 < 156 < wanted[2]


def test_mean_leaves_out_what_is_transparent() -> None:
    """Invisible pixels do not count in the mean luminance."""
    source = Image.new("RGBA", (2, 1), (255, 255, 255, 255))
    source.putpixel((0, 0), (0, 0, 0, 0))

    assert mean_luminance([source]) == 1
    assert mean_luminance([Image.new("LA", (1, 1))]) == 0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (11, "11"),
        (0, "0"),
        (-1, "-1"),
        ("2.2", "'2.2'"),
        (True, "True"),
        (None, "None"),
        ([2], r"\[2\]"),
        ({}, r"\{\}"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (10**400, "1000.*"),
    ],
)
def test_values_that_are_refused(value: object, shown: str) -> None:
    """A value outside its range is refused with the parameter, the range and the value."""
    with pytest.raises(ValueError, match=rf"^gamma must be from 0\.1 to 10, not {shown}$"):
        prepare("gamma", {"gamma": value})


@pytest.mark.parametrize("value", [4, 15.5, 1, 503])
def test_window_is_odd(value: float) -> None:
    """The window of sauvola is an odd whole number in its range."""
    with pytest.raises(ValueError, match="window must be an odd whole number from 3 to 501, not"):
        prepare("sauvola", {"window": value})


@pytest.mark.parametrize("name", ["blur", "", None, 3, [], {}])
def test_unknown_operation_names_those_there_are(name: object) -> None:
    """An unknown operation is refused with the list of known ones."""
    with pytest.raises(ValueError, match="there are gamma, contrast, sauvola"):
        prepare(name, {})


def test_unknown_parameter_names_those_there_are() -> None:
    """An unknown parameter is refused with the operation's own."""
    with pytest.raises(ValueError, match="gamma has no parameter 'k': it has gamma"):
        prepare("gamma", {"k": 1})


@given(
    st.dictionaries(
        st.sampled_from(["gamma", "window", "k", "r", "exponent", "x"]),
        st.none() | st.booleans() | st.floats() | st.integers() | st.just("1\n") | st.just([1]),
    )
)
def test_any_json_is_prepared_or_refused(values: Dict[str, Any]) -> None:
    """Whatever JSON is sent, the result is an edit with values in range, or a ValueError."""
    for name, operation in OPERATIONS.items():
        try:
            edit = prepare(name, json.loads(json.dumps(values)))
        except ValueError as error:
            assert "\n" not in str(error)
        else:
            for parameter in operation.parameters:
                assert parameter.low <= edit.values[parameter.name] <= parameter.high


def test_defaults() -> None:
    """Without values an operation has those of the table."""
    assert prepare("gamma", {}).values == {"gamma": 2.2}
    assert prepare("sauvola", {"k": 0.5}).values == {"window": 15, "k": 0.5, "r": 128}


def test_the_table_loads_neither_numpy_nor_pillow() -> None:
    """Reading the table, as --help does, loads neither numpy nor Pillow."""
    code = "import sys, image.operations; print({'numpy', 'PIL'} & set(sys.modules))"

    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
