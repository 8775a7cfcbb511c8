"""Jobs on images: decode, apply gamma 2.2, encode as it was, done by us and by others."""

from __future__ import annotations

import importlib
import io
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable

from scripts.benchmarks.pictures import QUALITY

Job = Callable[[], object]
GAMMA = 2.2
POOL = 256  # megabytes, as the image worker has it
PNG_LEVEL = 6
CURVE = [round(255 * (level / 255) ** (1 / GAMMA)) for level in range(256)]


def ours(path: str) -> Job:
    """Prepare what the worker does."""
    process = _process(path, "gamma")
    return lambda: len(process())


def sauvola(path: str, window: int) -> Job:
    """Prepare the operation alone, on a decoded image."""
    from PIL import Image

    from image.operations.table import prepare

    edit = prepare("sauvola", {"window": window})
    image = Image.open(path)
    image.load()
    return lambda: edit.effect([image])(image.copy()).size


def stall(path: str) -> Job:
    """Prepare what the worker does beside a thread that ticks; gives its longest pause."""
    process = _process(path, "gamma")
    process()

    def job() -> float:
        ticks = [time.perf_counter()]
        over = threading.Event()

        def tick() -> None:
            while not over.wait(0.001):
                ticks.append(time.perf_counter())

        thread = threading.Thread(target=tick)
        thread.start()
        process()
        over.set()
        thread.join()
        ticks.append(time.perf_counter())
        return max(later - earlier for earlier, later in zip(ticks, ticks[1:]))

    return job


def lanes(path: str, count: int, images: int) -> Job:
    """Prepare threads that process so many images each."""
    process = _process(path, "gamma")
    process()

    def lane() -> None:
        for _ in range(images):
            process()

    def job() -> None:
        threads = [threading.Thread(target=lane) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return job


def floor(path: str) -> Job:
    """Prepare Pillow as it comes: decode and encode, nothing between."""
    return _pillow(path, lambda image: image)


def pillow(path: str) -> Job:
    """Prepare Pillow's own way to apply a curve."""
    return _pillow(path, lambda image: image.point(CURVE * len(image.getbands())))


def opencv(path: str) -> Job:
    """Prepare OpenCV."""
    import numpy as np

    cv2: Any = importlib.import_module("cv2")
    data, curve = np.fromfile(path, np.uint8), np.array(CURVE, np.uint8)
    kind = Path(path).suffix
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    if kind == ".png":
        options = [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL]

    def job() -> int:
        image = cv2.LUT(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), curve)
        return len(cv2.imencode(kind, image, options)[1])

    return job


def pyvips(path: str) -> Job:
    """Prepare libvips, with the curve as a table, which is its fastest way."""
    vips: Any = importlib.import_module("pyvips")
    data, kind = Path(path).read_bytes(), Path(path).suffix
    curve = vips.Image.new_from_memory(bytes(CURVE), 256, 1, 1, "uchar")
    options = {"Q": QUALITY, "subsample_mode": "on"}
    if kind == ".png":
        options = {"compression": PNG_LEVEL}

    def job() -> int:
        image = vips.Image.new_from_buffer(data, "", access="sequential")
        return len(image.maplut(curve).write_to_buffer(kind, **options))

    return job


def magick(path: str) -> Job:
    """Prepare ImageMagick, which keeps the quality of its source."""
    program = shutil.which("magick") or shutil.which("convert") or "convert"
    command = [program, path, "-gamma", str(GAMMA), f"{Path(path).suffix[1:]}:-"]
    return lambda: len(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _process(path: str, operation: str) -> Callable[[], bytes]:
    from image.formats import codec
    from image.operations.table import prepare

    codec.reuse_memory(POOL)
    data, edit = Path(path).read_bytes(), prepare(operation, {"gamma": GAMMA})
    return lambda: codec.process(data, edit).data


def _pillow(path: str, change: Callable[[Any], Any]) -> Job:
    from PIL import Image, JpegImagePlugin

    data = Path(path).read_bytes()

    def job() -> int:
        image: Any = Image.open(io.BytesIO(data))
        options: Any = {}
        if image.format == "JPEG":
            sampling = JpegImagePlugin.get_sampling(image)
            options = {"qtables": image.quantization, "subsampling": sampling}
        target = io.BytesIO()
        change(image).save(target, image.format, **options)
        return len(target.getvalue())

    return job
