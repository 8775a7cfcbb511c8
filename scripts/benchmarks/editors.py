"""Editors: ways to decode an image, apply gamma 2.2 and encode it again; ours and others.

A job returns the number of bytes it encoded.
"""

import importlib
import io
import shutil
import subprocess
import sys
from array import array
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, List

from scripts.benchmarks.pictures import OPTIONS

GAMMA = 2.2
# The sources' own options, for libraries that do not keep them; OpenCV numbers its options.
OPENCV = {".jpg": [1, 90], ".png": [16, 6], ".webp": [64, 90], ".tif": [259, 5, 317, 2]}
VIPS = {
    ".jpg": "[Q=90,subsample-mode=on]",
    ".png": "[compression=6]",
    ".webp": "[Q=90]",
    ".tif": "[compression=lzw,predictor=horizontal]",
}
Job = Callable[[], int]


def ours(path: str) -> Job:
    """Prepare what the worker does."""
    from image.formats import codec
    from image.operations.table import prepare

    codec.reuse_memory(256)  # megabytes, as the worker does
    data, edit = Path(path).read_bytes(), prepare("gamma", {"gamma": GAMMA})
    return lambda: len(codec.process(data, edit).data)


def two(path: str) -> Job:
    """Prepare two lanes of a worker, with an image each."""
    process = ours(path)

    def job() -> int:
        with ThreadPoolExecutor(2) as pool:
            return sum(pool.map(lambda _: process(), range(2)))

    return job


def pillow(path: str) -> Job:
    """Prepare Pillow with `Image.point`, its own way to apply a curve."""
    from PIL import Image

    data, options, curve = Path(path).read_bytes(), OPTIONS.get(Path(path).suffix, {}), _curve(256)

    def job() -> int:
        image, target = Image.open(io.BytesIO(data)), io.BytesIO()
        edited = image.point(curve * len(image.getbands()))
        edited.save(target, image.format, **options)
        return len(target.getvalue())

    return job


def opencv(path: str) -> Job:
    """Prepare OpenCV."""
    import numpy as np

    cv2: Any = importlib.import_module("cv2")
    data, kind = np.fromfile(path, np.uint8), Path(path).suffix
    curve, deep = np.array(_curve(256), np.uint8), np.array(_curve(65536), np.uint16)

    def job() -> int:
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        edited = cv2.LUT(image, curve) if image.dtype == np.uint8 else deep[image]
        return len(cv2.imencode(kind, edited, OPENCV[kind])[1])

    return job


def pyvips(path: str, options: str = "") -> Job:
    """Prepare libvips with the curve as a lookup table, its fastest way."""
    vips: Any = importlib.import_module("pyvips")
    data, kind = Path(path).read_bytes(), Path(path).suffix
    sample = vips.Image.new_from_buffer(data, "").format
    levels = array("B", _curve(256)) if sample == "uchar" else array("H", _curve(65536))
    curve = vips.Image.new_from_memory(levels.tobytes(), len(levels), 1, 1, sample)

    def job() -> int:
        image = vips.Image.new_from_buffer(data, "", access="sequential").maplut(curve)
        return len(image.write_to_buffer(kind + (options or VIPS[kind])))

    return job


def filters(path: str) -> Job:
    """Prepare libvips so that it tries all PNG filters on each row."""
    return pyvips(path, "[compression=6,filter=all]")


def magick(path: str) -> Job:
    """Prepare ImageMagick, which keeps the source's quality."""
    program = shutil.which("magick") or shutil.which("convert") or "true"
    if b"ImageMagick" not in subprocess.run([program, "-version"], capture_output=True).stdout:
        sys.exit("no magick or convert of ImageMagick is installed")
    command = [program, path, "-gamma", str(GAMMA), f"{Path(path).suffix[1:]}:-"]
    return lambda: len(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _curve(levels: int) -> List[int]:
    """Return the lookup table of gamma for so many levels."""
    top = levels - 1
    return [round(top * (level / top) ** (1 / GAMMA)) for level in range(levels)]
