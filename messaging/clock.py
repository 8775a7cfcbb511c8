"""The clock for leases, waits and ages: it keeps counting while the machine sleeps."""

import time

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; time.monotonic() stops during suspend


def now() -> float:
    """Return seconds since a point that is fixed for the life of this process."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)
