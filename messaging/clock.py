"""The clock for leases, waits and ages, which keeps counting while the machine sleeps; backoff."""

import time

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; time.monotonic() stops during suspend


def now() -> float:
    """Return seconds since a point that is fixed for the life of this process."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)


def backoff(failures: int, longest: float, share: float) -> float:
    """Return how long to wait after failures: a share of 1, 2, 4 … `longest` seconds.

    Args:
        share: from 0 to 1; if it is random, this is AWS's "full jitter"
    """
    return share * min(longest, 2.0 ** min(failures - 1, 10))
