"""Measures jobs in processes of their own, where no other has warmed or filled the memory.

A job is named `module:function`; the function is called with the arguments and prepares what is
not to be measured. What it returns is called and measured.
"""

from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from scripts.benchmarks.sample import Sample

ROOT = Path(__file__).resolve().parent.parent.parent
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Measured:
    """What a process reported.

    Attributes:
        seconds, cpu: of each repetition; `cpu` with all threads and children
        peak: bytes of memory at most, of the process or its largest child
        value: what the job returned the last time
    """

    seconds: Sequence[float]
    cpu: Sequence[float]
    peak: int
    value: Any


class Child:
    """A process that prepares a job, and measures it when told to."""

    def __init__(
        self,
        job: str,
        arguments: Sequence[Any] = (),
        repeats: int = 1,
        warm: int = 0,
        environment: Optional[Mapping[str, str]] = None,
    ) -> None:
        self._job = job
        command = [sys.executable, "-m", "scripts.benchmarks.process", job]
        self._process = subprocess.Popen(
            [*command, json.dumps(list(arguments)), str(repeats), str(warm)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._ready = self._process.stdout.readline()

    def go(self) -> None:
        """Let it measure."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def result(self) -> Measured:
        """Wait for what it reports."""
        output, _ = self._process.communicate()
        if self._process.returncode or not self._ready:
            raise RuntimeError(f"{self._job} failed: see above")
        return Measured(**json.loads(output))


def measure(job: str, *arguments: Any, **options: Any) -> Measured:
    """Measure a job alone."""
    child = Child(job, arguments, **options)
    child.go()
    return child.result()


def compare(
    jobs: Mapping[str, Tuple[Any, ...]], rounds: int, **options: Any
) -> Dict[str, List[Measured]]:
    """Measure jobs, given with their arguments, in turn, round after round."""
    results: Dict[str, List[Measured]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            results[name].append(measure(*job, **options))
    return results


def seconds(results: Sequence[Measured]) -> Sample:
    """Give the middle time of each round."""
    return Sample.of(Sample.of(result.seconds).median for result in results)


def cpu(results: Sequence[Measured]) -> Sample:
    """Give the middle CPU time of each round."""
    return Sample.of(Sample.of(result.cpu).median for result in results)


def peak(results: Sequence[Measured]) -> Sample:
    """Give the peak memory of each round, in bytes."""
    return Sample.of(result.peak for result in results)


def cpu_seconds() -> float:
    """Give the CPU time of this process and of its children that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak() -> int:
    """Give the peak memory in bytes; Linux's ru_maxrss would count what our parent held."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _PEAK_UNIT
    status = Path("/proc/self/status")
    if not status.exists():
        return max(children, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT)
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return max(children, int(fields["VmHWM"].split()[0]) * 1024)


def _repeat(job: Callable[[], Any], times: int) -> Tuple[List[float], List[float], Any]:
    wall, busy, value = [], [], None
    for _ in range(times):
        started, used = time.perf_counter(), cpu_seconds()
        value = job()
        wall.append(time.perf_counter() - started)
        busy.append(cpu_seconds() - used)
    return wall, busy, value


def main(target: str, arguments: str, repeats: str, warm: str) -> None:
    """Prepare, say so, wait for the word to go, measure, report."""
    module, _, function = target.partition(":")
    job = getattr(importlib.import_module(module), function)(*json.loads(arguments))
    _repeat(job, int(warm))
    print("ready", flush=True)
    sys.stdin.readline()
    wall, busy, value = _repeat(job, int(repeats))
    print(json.dumps({"seconds": wall, "cpu": busy, "peak": _peak(), "value": value}))


if __name__ == "__main__":
    main(*sys.argv[1:])
