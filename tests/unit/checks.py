"""Steps that tests of the codec repeat: process, decode, compare."""

from typing import Any, List
from unittest import mock

import numpy as np
from PIL import Image, ImageSequence

from image.formats import strips
from image.formats.codec import Result, process
from image.operations.table import prepare
from tests.unit.pictures import decoded


def run(data: bytes, name: str = "gamma", **values: Any) -> Result:
    return process(data, prepare(name, values))


def run_everywhere(data: bytes) -> bytes:
    """Run with several numbers of processors, and without Pillow's decoder; the bytes are equal."""
    results = set()
    for count in (1, 2, 5):
        with mock.patch.object(strips, "PROCESSORS", strips.Processors(count)):
            results.add(run(data).data)
    with mock.patch.object(strips, "MAKE_DECODER", None):
        results.add(run(data).data)
    (result,) = results
    return result


def frames(data: bytes) -> List[Image.Image]:
    return [frame.copy() for frame in ImageSequence.Iterator(decoded(data))]


def rgb(image: Image.Image) -> Any:
    return np.asarray(image.convert("RGBA"), int)


def wanted(image: Image.Image, gamma: float) -> Any:
    """Return the gamma of the rendered picture, with alpha unchanged."""
    pixels = rgb(image)
    colours = np.rint(255 * (pixels[..., :3] / 255) ** (1 / gamma))
    return np.dstack((colours.astype(int), pixels[..., 3:]))


def first(data: bytes) -> Image.Image:
    image = decoded(data)
    image.load()
    return image
