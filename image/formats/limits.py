"""Limits: how much an image may ask of the worker, checked before anything is decoded."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The most that is accepted of an image; without `tiff`, TIFF is refused altogether."""

    pixels: int = 100_000_000
    frames: int = 100
    scans: int = 100
    bytes: int = 64_000_000
    tiff: bool = True

    def check_bytes(self, count: int) -> None:
        """Refuse a source that is too long."""
        self._check(count, "bytes", self.bytes)

    def check_frames(self, count: int) -> None:
        """Refuse too many frames."""
        if count > self.frames:
            raise ValueError(f"it has more than {self.frames} frames, which is the limit")

    def check_scans(self, count: int) -> None:
        """Refuse too many passes over the same pixels."""
        self._check(count, "scans", self.scans)

    def check_pixels(self, count: int) -> None:
        """Refuse too many pixels, summed over all frames."""
        self._check(count, "pixels", self.pixels)

    def check_whole(self, count: int) -> None:
        """Refuse too many pixels in one picture that its decoder keeps several times over."""
        self._check(count, "pixels", self.pixels // 2, ", half of what strips are allowed")

    def _check(self, count: int, what: str, most: int, why: str = "") -> None:
        if count > most:
            raise ValueError(f"it has {count:,} {what}, and the limit is {most:,}{why}")


DEFAULT_LIMITS = Limits()
