"""Runs a Python program that ends when local_aws.py, within which it runs, does: even by SIGKILL.

usage: tether.py PROGRAM [ARGUMENT ...]
"""

import os
import runpy
import sys
import threading
from typing import Sequence

# In the environment: the end of a pipe to read from, whose other end local_aws.py alone holds.
NAME = "LOCAL_AWS_TETHER"


def hold(end: int) -> None:
    """Wait until the other end is closed, and end this process at once."""
    while os.read(end, 1):
        pass
    os._exit(1)


def main(words: Sequence[str]) -> None:
    """Run the program as Python itself would."""
    if not words or words[0].startswith("-"):
        print(__doc__)
        raise SystemExit(0 if words and words[0] in ("-h", "--help") else 2)
    end = os.environ.pop(NAME, "")
    if end:
        threading.Thread(target=hold, args=[int(end)], daemon=True).start()
    sys.argv[:] = words
    runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
