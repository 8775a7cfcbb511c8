"""WebP: stills and animations, lossless or lossy as they came."""

from io import BytesIO
from typing import Any, Callable, Dict, Iterator, List, Tuple

from PIL import Image

from image.formats.frames import edit_frames, load_frames, remark_joined
from image.formats.limits import Limits, open_image
from image.operations.table import Edit

_METADATA = ("icc_profile", "exif", "xmp")
_CHUNKS = b"VP8 ,VP8L,VP8X,ALPH,ANIM,ANMF,ICCP,EXIF,XMP ".split(b",")
_MOST_CHUNKS = 10_000


def process(data: bytes, edit: Edit, limits: Limits, remark: Callable[[str], None]) -> bytes:
    """Apply an edit to a WebP file; keep its frames and their times, ICC, EXIF and XMP."""
    lossless = _remark_losses(data, remark)
    image = open_image(data, "WEBP", limits)
    frames = load_frames(image)
    options = {name: image.info[name] for name in _METADATA if name in image.info}
    if len(frames) > 1:
        options.update(_animation(image, frames))
    result = _encode(edit_frames(edit, frames, remark), lossless, options)
    if len(frames) > 1:
        remark_joined(result, len(frames), remark)
    return result


def _remark_losses(data: bytes, remark: Callable[[str], None]) -> bool:
    """Say what is lost, and whether that is no quality since there are lossless pixels."""
    names = {name for name, _ in _chunks(data, 12)}
    lossless = b"VP8L" in names
    if not lossless:
        remark("The pixels were compressed again at quality 80: WebP does not tell what it was.")
    if not names.issubset(_CHUNKS):
        remark("Chunks of a kind unknown here were left out.")
    return lossless


def _chunks(data: bytes, position: int) -> Iterator[Tuple[bytes, int]]:
    """Give the names and the places of all chunks, those within a frame after it."""
    for _ in range(_MOST_CHUNKS):
        if position + 8 > len(data):
            return
        name = data[position : position + 4]
        yield name, position
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 24 if name == b"ANMF" else 8 + size + size % 2
    raise ValueError(f"it has more than {_MOST_CHUNKS:,} chunks")


def _animation(image: Image.Image, frames: List[Image.Image]) -> Dict[str, Any]:
    return {
        "save_all": True,
        "duration": [frame.info.get("duration", 0) for frame in frames],
        "loop": image.info.get("loop", 0),
        "background": image.info.get("background", (0, 0, 0, 0)),
    }


def _encode(frames: List[Image.Image], lossless: bool, options: Dict[str, Any]) -> bytes:
    buffer = BytesIO()
    if len(frames) > 1:
        options = dict(options, append_images=frames[1:])
    frames[0].save(buffer, "WEBP", lossless=lossless, exact=True, quality=80, method=4, **options)
    return buffer.getvalue()
