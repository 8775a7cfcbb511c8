"""Copies the journal of one part's workers to the bucket, where it outlives the instance.

Every five minutes, and once more on SIGTERM, the newest lines replace the object
`logs/PART/journal/HOST-BOOT.txt`.

usage: keep_journal.py PART
"""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from messaging import Connection, Settings

SECONDS = 300
JOURNAL = ["journalctl", "--boot", "--quiet", "--no-pager", "--output=short-iso", "--lines=20000"]


def journal(part: str) -> str:
    """Return the newest lines that the workers logged."""
    asked = [*JOURNAL, f"--unit={part}-worker@*"]
    return subprocess.run(asked, stdout=subprocess.PIPE, check=True).stdout.decode(errors="replace")


def keep(part: str, text: str) -> None:
    """Write the lines to the bucket that the workers use."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    connection = Connection(Settings("input", "output", os.environ.get(f"{part.upper()}_BUCKET")))
    account = connection.client("sts").get_caller_identity()["Account"]
    key = f"logs/{part}/journal/{socket.gethostname()}-{boot}.txt"
    connection.storage(account).put_log(key, text)


def main(part: str) -> None:
    """Copy the journal until SIGTERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    kept, told = "", None
    while told is None:
        told = signal.sigtimedwait({signal.SIGTERM}, SECONDS)
        said = journal(part)
        if said != kept:
            try:
                keep(part, said)
                kept = said
            except (BotoCoreError, ClientError) as error:
                print(f"Cannot copy the journal: {error}. Retrying in {SECONDS} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
