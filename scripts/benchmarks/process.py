"""Measures jobs, each in a fresh process, so that none profits or suffers from another.

A job is named `module:function`. The function gets the arguments and prepares what is not to be
measured; what it returns is called and measured.
"""

import importlib
import json
import random
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence, Union

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST = 1800  # seconds after which a job is killed and counts as failed
Job = Callable[[], object]


@dataclass(frozen=True)
class Measured:
    """The figures that a process reported.

    Attributes:
        seconds, cpu: of each repetition; `cpu` includes all threads and children
        peak: peak memory in bytes, of the process or its largest child
        value: what the job returned the last time
        worker_peak: the same for the worker, if the job had one
    """

    seconds: Sequence[float] = ()
    cpu: Sequence[float] = ()
    peak: int = 0
    value: Any = None
    worker_peak: int = 0


def measure(
    job: str, *arguments: Any, environment: Optional[Mapping[str, str]] = None, **how: float
) -> Measured:
    """Measure a job; raises RuntimeError with one line if it fails, or TimeoutExpired.

    It runs `warm` times, then is measured `repeats` times, each after a random pause of up to
    `pause` seconds, so that it does not fall into step with a server.
    """
    command = [sys.executable, "-m", __name__, job, json.dumps(arguments), json.dumps(how)]
    options: Any = {"cwd": ROOT, "env": environment, "timeout": LONGEST}
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, **options)
    if done.returncode:
        raise RuntimeError(last_line(done.stderr))
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def last_line(said: bytes) -> str:
    """Return the last line of a program's output, where a traceback has its reason."""
    return (said.decode(errors="replace").strip().splitlines() or ["it ended without a word"])[-1]


def peak(process: Union[int, str] = "self") -> int:
    """Return the peak memory of a process in bytes; ru_maxrss would include its parent's."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:", 1)[1].split()[0]) * 1024


def find(name: str) -> Any:
    """Import and return the function named `module:function`."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main(target: str, arguments: str, how: str) -> None:
    """Prepare and measure a job, and print the figures as JSON."""
    job = find(target)(*json.loads(arguments))
    wall, busy, value = [], [], None
    options = {"repeats": 1, "warm": 0, "pause": 0, **json.loads(how)}
    for _ in range(options["warm"]):
        job()
    for _ in range(options["repeats"]):
        time.sleep(random.uniform(0, options["pause"]))
        started, used = time.perf_counter(), _cpu()
        value = job()
        wall.append(time.perf_counter() - started)
        busy.append(_cpu() - used)
    most = max(peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
    print(json.dumps({"seconds": wall, "cpu": busy, "peak": most, "value": value}))


if __name__ == "__main__":
    main(*sys.argv[1:])
