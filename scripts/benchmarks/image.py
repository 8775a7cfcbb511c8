"""Images: decode, gamma and encode, against other libraries."""

import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Iterator

from scripts.benchmarks import pictures
from scripts.benchmarks.contest import PEAK, SECONDS, Column, Plan, compare
from scripts.benchmarks.process import Measured, measure
from scripts.benchmarks.table import Table

EDITORS = {
    "ours": "image.codec",
    "opencv": "OpenCV",
    "pyvips": "pyvips",
    "magick": "ImageMagick",
    "pillow": "Pillow, point",
    "filters": "pyvips, all filters",
    "two": "image.codec, two at once",
}
COLUMNS = (
    SECONDS,
    Column("CPU seconds", lambda measured: statistics.median(measured.cpu)),
    PEAK,
    Column("MB out", lambda measured: measured.value / 1e6, beside=True),
)
# Megapixels, subject, format, contenders besides the first four, and the baseline.
PICTURES = (
    (12.0, "photo", "jpg", ("pillow", "two"), "pyvips"),
    (50.0, "photo", "jpg", ("pillow",), "pyvips"),
    (3.0, "photo", "png", ("pillow", "filters"), "pyvips"),
    (12.0, "photo", "png", ("pillow", "filters"), "pyvips"),
    (3.0, "screenshot", "png", ("pillow", "filters"), "filters"),
    (3.0, "drawing", "png", ("pillow", "filters"), "filters"),
    (12.0, "16-bit photo", "png", ("filters",), "pyvips"),  # which Pillow cuts to 8 bits
    (3.0, "photo", "webp", ("pillow",), "pyvips"),
    (12.0, "photo", "tif", ("pillow",), "pyvips"),
)


def tables(plan: Plan) -> Iterator[Table]:
    """Measure pictures of several kinds, each after a warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        for full, kind, suffix, others, floor in PICTURES:
            size = plan.pick(full, 0.05)
            path = str(pictures.write(Path(folder, f"picture.{suffix}"), size, kind))
            jobs = (*list(EDITORS)[:4], *others)
            contenders = {EDITORS[job]: partial(_edit, job, path) for job in jobs}
            title = f"{size:g} megapixels, {kind} in {suffix.upper()}: decode, gamma, encode"
            yield from compare(title, contenders, COLUMNS, plan.rounds, EDITORS[floor])


def _edit(job: str, path: str) -> Measured:
    return measure(f"scripts.benchmarks.editors:{job}", path, repeats=3, warm=1)
