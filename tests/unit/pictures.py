"""Pictures for tests: pixels of every mode, and files with all that must be kept."""

import struct
import zlib
from io import BytesIO
from typing import Any, List

import numpy as np
from PIL import Image, ImageCms

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>one</x:xmpmeta>"
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
IPTC = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x0a\x1c\x02\x78\x00\x05hello"


def exif() -> bytes:
    """Return EXIF that rotates an image and has a field in the EXIF directory."""
    fields = Image.Exif()
    fields[0x0112], fields[0x010F] = 6, "Maker"
    fields[0x8769] = {0x9003: "2026:11:23 10:00:00"}
    return bytes(fields.tobytes())


def picture(mode: str, width: int = 48, height: int = 32, seed: int = 1) -> Image.Image:
    """Return a smooth picture with a little noise, in any mode."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 8 + 2, width // 8 + 2, 4)).astype("u1")
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    if mode in ("I;16", "I;16B"):
        kind = ">u2" if mode == "I;16B" else "<u2"
        levels = random.integers(0, 65536, (height, width)).astype(kind)
        return Image.frombytes(mode, (width, height), levels.tobytes())
    if mode == "F":
        return Image.fromarray(random.random((height, width)).astype("f4"))
    if mode in ("LA", "PA"):
        return image.convert("LA").convert(mode)
    if mode == "CMYK":
        return Image.merge(mode, image.split())
    if mode == "P":
        return image.convert("RGB").quantize(16)
    return image if mode == "RGBA" else image.convert("RGB").convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode a picture."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(data: bytes) -> Image.Image:
    """Open an encoded picture."""
    return Image.open(BytesIO(data))


def animation(kind: str, mode: str, **options: Any) -> bytes:
    """Encode four frames that last 100, 200, 300 and 400 ms, repeated three times."""
    frames: List[Image.Image] = [picture(mode, seed=seed) for seed in range(4)]
    durations = [100, 200, 300, 400]
    return encoded(
        frames[0],
        kind,
        save_all=True,
        append_images=frames[1:],
        **{"duration": durations, "loop": 3, **options},
    )


def chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    checksum = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + checksum


def png(width: int, height: int, depth: int, color: int, pixels: bytes, *chunks: bytes) -> bytes:
    """Return a PNG file made by hand."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + body


def segment(marker: int, body: bytes) -> bytes:
    """Return a segment of a JPEG file."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg_with(data: bytes, *segments: bytes) -> bytes:
    """Insert segments into a JPEG file, after its first one."""
    end = 4 + struct.unpack(">H", data[4:6])[0]
    return data[:end] + b"".join(segments) + data[end:]


def with_exif_directory(tiff: bytes) -> bytes:
    """Add an empty EXIF directory to a TIFF file, where Pillow could not write one."""
    start = int.from_bytes(tiff[4:8], "little")
    fields = int.from_bytes(tiff[start : start + 2], "little")
    pointer = struct.pack("<HHII", 34665, 4, 1, len(tiff))
    directory = tiff[start + 2 : start + 2 + 12 * fields] + pointer + bytes(4)
    moved = struct.pack("<I", len(tiff) + 6) + tiff[8:] + bytes(6)
    return tiff[:4] + moved + struct.pack("<H", fields + 1) + directory
