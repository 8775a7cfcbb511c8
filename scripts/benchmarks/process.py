"""Measures jobs in processes of their own, where no other has warmed or filled the memory.

A job is named `module:function`; the function is called with the arguments and prepares what is
not to be measured. What it returns is called and measured.
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
LONGEST = 1800  # seconds, after which a job is given up
Job = Callable[[], object]


@dataclass(frozen=True)
class Measured:
    """What a process reported.

    Attributes:
        seconds, cpu: of each repetition; `cpu` with all threads and children
        peak: bytes of memory at most, of the process or its largest child
        value: what the job returned the last time
        worker_peak: the same of another process, if one worked for the job
    """

    seconds: Sequence[float] = ()
    cpu: Sequence[float] = ()
    peak: int = 0
    value: Any = None
    worker_peak: int = 0


def measure(
    job: str, *arguments: Any, environment: Optional[Mapping[str, str]] = None, **how: float
) -> Measured:
    """Measure a job; raises RuntimeError with a line if it fails or does not end.

    It is done `warm` times, then measured `repeats` times after up to `pause` seconds each, so that
    no rhythm of a server meets the same point each time.
    """
    command = [sys.executable, "-m", __name__, job, json.dumps(arguments), json.dumps(how)]
    options: Any = {"cwd": ROOT, "env": environment, "timeout": LONGEST}
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, **options)
    if done.returncode:
        raise RuntimeError(last_line(done.stderr))
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def last_line(said: bytes) -> str:
    """Give what a program said last, where a traceback has its reason."""
    return (said.decode(errors="replace").strip().splitlines() or ["it ended without a word"])[-1]


def peak(process: Union[int, str] = "self") -> int:
    """Give the peak memory of a process in bytes; ru_maxrss would count what its parent held."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:", 1)[1].split()[0]) * 1024


def find(name: str) -> Any:
    """Give the function of a name as `module:function`."""
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main(target: str, arguments: str, how: str) -> None:
    """Prepare, measure, report."""
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
