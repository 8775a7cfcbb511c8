"""Settings: what a program was told by its options and the environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .errors import ConfigurationError


@dataclass(frozen=True)
class Settings:
    """What a program was told by its options and the environment.

    None leaves the choice to boto3, or for the bucket to the default name. Raises
    ConfigurationError if the input queue is the output queue.
    """

    input_queue: str
    output_queue: str
    bucket: Optional[str] = None
    profile: Optional[str] = None
    region: Optional[str] = None
    endpoint_url: Optional[str] = None

    def __post_init__(self) -> None:
        if self.input_queue == self.output_queue:
            raise ConfigurationError(
                f"{self.input_queue} cannot be both the input and the output queue: a worker "
                "would read its own answers"
            )
