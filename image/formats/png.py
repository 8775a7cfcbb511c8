"""PNG: descriptive chunks go from source to result untouched, pixels through Pillow."""

from io import BytesIO
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

from PIL import Image

from image.formats.frames import edit_frames, load_frames, remark_joined
from image.formats.limits import Limits, open_image
from image.operations.table import Edit

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_STRUCTURE = b"IHDR PLTE tRNS IDAT IEND acTL fcTL fdAT".split()
_DESCRIPTION = b"cHRM gAMA sRGB iCCP cICP mDCV cLLI pHYs tEXt zTXt iTXt eXIf tIME sPLT".split()
_MOST_CHUNKS = 100_000
_LARGE = 2_000_000  # from here on compression level 4 saves much time, for 2 % more bytes


class Chunk(NamedTuple):
    """A part of a file: its name, and all its bytes with length and checksum."""

    name: bytes
    raw: bytes

    @property
    def is_kept(self) -> bool:
        """Tell what describes the picture, or is marked as safe to copy, from what may be stale."""
        return self.name in _DESCRIPTION or (
            self.name not in _STRUCTURE and self.name[:1].islower() and self.name[3:].islower()
        )


def process(data: bytes, edit: Edit, limits: Limits, remark: Callable[[str], None]) -> bytes:
    """Apply an edit to a PNG file; keep its mode, frames and descriptive chunks."""
    chunks = list(_chunks(data))
    depth = _depth(chunks)
    picture = b"".join(chunk.raw for chunk in chunks if chunk.name in _STRUCTURE)
    image = open_image(SIGNATURE + picture, "PNG", limits)
    _remark_losses(chunks, data, remark)
    frames = [_with_alpha(frame) for frame in load_frames(image)]
    animation = _animation(image, frames, remark) if len(frames) > 1 else {}
    result = _encode(edit_frames(edit, frames, remark), depth, animation)
    if animation:
        remark_joined(result, len(frames), remark)
    start = len(SIGNATURE) + len(chunks[0].raw)
    return result[:start] + b"".join(each.raw for each in chunks if each.is_kept) + result[start:]


def _chunks(data: bytes) -> Iterator[Chunk]:
    position = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        name = data[position + 4 : position + 8]
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if end > len(data) or len(name) < 4:
            raise ValueError("it ends too early")
        yield Chunk(name, data[position:end])
        if name == b"IEND":
            return
        position = end
    raise ValueError(f"it has more than {_MOST_CHUNKS:,} chunks")


def _depth(chunks: List[Chunk]) -> int:
    """Give the bits of a channel; refuse the sixteen that Pillow would cut to eight."""
    header = chunks[0].raw
    if chunks[0].name != b"IHDR" or len(header) != 25:
        raise ValueError("it does not begin with a header")
    depth, color = header[16], header[17]
    if depth == 16 and (color or any(chunk.name == b"tRNS" for chunk in chunks)):
        raise ValueError("Pillow reads 16 bits for each channel only of opaque grey images")
    return depth


def _remark_losses(chunks: List[Chunk], data: bytes, remark: Callable[[str], None]) -> None:
    left_out = {each.name for each in chunks if not each.is_kept and each.name not in _STRUCTURE}
    if left_out:
        names = ", ".join(sorted(name.decode("ascii", "replace") for name in left_out))
        remark(f"Chunks that belong to the old pixels were left out: {names}.")
    if chunks[0].raw[20]:
        remark("The interlacing was left out.")
    if len(data) > len(SIGNATURE) + sum(len(chunk.raw) for chunk in chunks):
        remark("What follows the end of the picture was left out.")


def _with_alpha(frame: Image.Image) -> Image.Image:
    """Turn a transparent colour into alpha: other colours could become equal to it."""
    if frame.mode == "P" or "transparency" not in frame.info:
        return frame
    return frame.convert("RGBA" if frame.mode == "RGB" else "LA")


def _animation(
    image: Image.Image, frames: List[Image.Image], remark: Callable[[str], None]
) -> Dict[str, Any]:
    """Give the options that keep an animation; its frames are whole, with nothing to blend."""
    still = bool(image.info.get("default_image"))
    durations = [frame.info.get("duration", 0) for frame in frames[still:]]
    if any(duration % 1 for duration in durations):
        remark("The durations of the frames were rounded to milliseconds.")
    return {
        "save_all": True,
        "default_image": still,
        "duration": [round(duration) for duration in durations],
        "loop": image.info.get("loop", 0),
        "disposal": 0,
        "blend": 0,
    }


def _encode(frames: List[Image.Image], depth: int, animation: Dict[str, Any]) -> bytes:
    first, buffer = frames[0], BytesIO()
    options = dict(animation, compress_level=4 if first.width * first.height > _LARGE else 6)
    if first.mode == "P":
        options.update(bits=depth, transparency=first.info.get("transparency"))
    if animation:
        options["append_images"] = frames[1:]
    for frame in frames:
        frame.info = {}  # Pillow would write it a second time
    first.save(buffer, "PNG", **options)
    return buffer.getvalue()
