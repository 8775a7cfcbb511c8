"""Images: decode, gamma and encode, beside what else could do it."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Tuple

from scripts.benchmarks import pictures
from scripts.benchmarks.plan import Plan, tell
from scripts.benchmarks.process import Child, Measured, compare, cpu, measure, peak, seconds
from scripts.benchmarks.sample import Sample
from scripts.benchmarks.table import Cell, Table

JOBS = "scripts.benchmarks.image_jobs"
FLOOR = "Pillow's decode + encode"
OURS = "image.codec"


def tables(plan: Plan) -> List[Table]:
    """Measure a picture of a camera, a larger one, and the operation that looks around."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        camera = pictures.write(folder / "camera.jpg", plan.pick(12, 0.2))
        return [
            _beside(camera, plan),
            _beside(pictures.write(folder / "camera.png", plan.pick(3, 0.1)), plan),
            _threads(camera, folder, plan),
            _memory(folder, plan),
            _windows(camera, plan),
        ]


def _beside(path: Path, plan: Plan) -> Table:
    tell(f"image: {path.suffix[1:].upper()} beside others")
    jobs = {FLOOR: "floor", OURS: "ours", "Pillow, point": "pillow"}
    if not plan.quick:
        jobs.update(_peers())
    commands = {name: (f"{JOBS}:{job}", str(path)) for name, job in jobs.items()}
    results = compare(commands, plan.rounds, repeats=plan.pick(5, 1), warm=1)
    rows = [_row(name, results) for name in results]
    return Table(
        f"{_megapixels(path):.1f}-megapixel {path.suffix[1:].upper()}: decode, gamma, encode",
        ("", "seconds", "beside the floor", "CPU seconds", "CPU beside", "peak MB", "MB out"),
        rows,
        ("Each in a process of its own, after one image to warm up.",),
    )


def _row(name: str, results: Dict[str, List[Measured]]) -> Tuple[Cell, ...]:
    mine, floor = results[name], results[FLOOR]
    took, used = seconds(mine), cpu(mine)
    ratios = took.beside(seconds(floor)), used.beside(cpu(floor))
    return name, took, ratios[0], used, ratios[1], peak(mine).median / 1e6, mine[0].value / 1e6


def _peers() -> Dict[str, str]:
    found = {}
    for name, module, job in (("OpenCV", "cv2", "opencv"), ("pyvips", "pyvips", "pyvips")):
        if importlib.util.find_spec(module):
            found[name] = job
    if shutil.which("magick") or shutil.which("convert"):
        found["ImageMagick"] = "magick"
    return found


def _threads(camera: Path, folder: Path, plan: Plan) -> Table:
    """Measure how long other threads wait, and what a second lane gives."""
    tell("image: threads")
    progressive = pictures.write(folder / "late.jpg", plan.pick(12, 0.2), progressive=True)
    rows: List[Tuple[Cell, ...]] = []
    for name, path in (("baseline", camera), ("progressive", progressive)):
        stalls = [measure(f"{JOBS}:stall", str(path)).value * 1000 for _ in range(plan.rounds)]
        rows.append((f"longest stall of another thread, {name}, ms", Sample.of(stalls)))
    images = plan.pick(8, 2)
    scaling = [_scaling(camera, images) for _ in range(plan.rounds)]
    rows.append(("two lanes, images a second beside one", Sample.of(each[0] for each in scaling)))
    rows.append(("two processes beside one", Sample.of(each[1] for each in scaling)))
    return Table("Threads of one worker", ("", "value"), rows)


def _scaling(path: Path, images: int) -> Tuple[float, float]:
    one = measure(f"{JOBS}:lanes", str(path), 1, images).seconds[0]
    lanes = measure(f"{JOBS}:lanes", str(path), 2, images).seconds[0]
    children = [Child(f"{JOBS}:lanes", (str(path), 1, images)) for _ in range(2)]
    for child in children:
        child.go()
    processes = max(child.result().seconds[0] for child in children)
    return 2 * one / lanes, 2 * one / processes


def _memory(folder: Path, plan: Plan) -> Table:
    tell("image: memory")
    path = pictures.write(folder / "large.jpg", plan.pick(50, 0.5))
    decoded = _megapixels(path) * 3  # megabytes
    jobs = {FLOOR: (f"{JOBS}:floor", str(path)), OURS: (f"{JOBS}:ours", str(path))}
    results = compare(jobs, plan.rounds)
    rows: List[Tuple[Cell, ...]] = []
    for name, result in results.items():
        peaks = peak(result).map(lambda value: value / 1e6)
        rows.append((name, peaks, peaks.map(lambda value: value / decoded)))
    title = f"{_megapixels(path):.1f}-megapixel JPEG, {decoded:.1f} MB decoded"
    return Table(title, ("", "peak MB", "peak / decoded"), rows)


def _windows(camera: Path, plan: Plan) -> Table:
    tell("image: sauvola")
    jobs: Dict[str, Tuple[Any, ...]] = {
        f"window {window}": (f"{JOBS}:sauvola", str(camera), window) for window in (15, 255)
    }
    results = compare(jobs, plan.rounds, repeats=plan.pick(3, 1), warm=1)
    small = seconds(results["window 15"])
    rows = [(name, seconds(each), seconds(each).beside(small)) for name, each in results.items()]
    title = f"sauvola on {_megapixels(camera):.1f} megapixels, decoding left out"
    return Table(title, ("", "seconds", "beside window 15"), rows)


def _megapixels(path: Path) -> float:
    from PIL import Image

    with Image.open(path) as image:
        return float(image.width * image.height / 1e6)
