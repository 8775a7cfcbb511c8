"""Copies of the workers' journal that outlive their instance."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, Place

JOURNALCTL = """#!/bin/sh
echo "$*"
"""


def test_the_last_words_are_kept(place: Place, tmp_path: Path) -> None:
    """Told to end, it writes its part's workers' log lines to the bucket, and exits with 0."""
    place.s3.create_bucket(Bucket=place.settings.bucket)
    (tmp_path / "journalctl").write_text(JOURNALCTL)
    (tmp_path / "journalctl").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    # Blocked here, the signal stays pending until the program waits for it.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    keeping = subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "ec2" / "keep_journal.py"), "image"],
        env={**place.environment, "PATH": path, "PYTHONPATH": str(ROOT)},
    )
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    keeping.terminate()

    assert keeping.wait(60) == 0
    (key,) = place.keys("logs/image/journal/")
    assert key.endswith(".txt")
    kept = place.read(key)
    assert "--unit=image-worker@*" in kept
