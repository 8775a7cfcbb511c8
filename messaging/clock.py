"""The clock of leases, waits and ages: seconds that go on while the machine sleeps."""

import time

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; time.monotonic() stops in a suspend


def now() -> float:
    """Give seconds since a moment that stays the same while this process lives."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)
