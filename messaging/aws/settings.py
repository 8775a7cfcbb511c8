"""Settings: what a program was told, by its options and the environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Settings:
    """What a program was told by its options and the environment.

    None leaves a thing to boto3, or for the bucket to the default name.
    """

    input_queue: str
    output_queue: str
    bucket: Optional[str] = None
    profile: Optional[str] = None
    region: Optional[str] = None
    endpoint_url: Optional[str] = None
