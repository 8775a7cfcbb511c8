"""Runs a Python program that ends with the process that started it, even if that gets SIGKILL.

usage: tether.py PROGRAM [ARGUMENT ...]
       tether.py -m MODULE [ARGUMENT ...]
"""

import os
import runpy
import sys
import threading
from typing import Sequence

# The variable with the read end of a pipe, whose write end the starter alone holds.
NAME = "LOCAL_AWS_TETHER"


def hold(end: int) -> None:
    """Block until the other end is closed, then exit at once."""
    while os.read(end, 1):
        pass
    os._exit(1)


def main(words: Sequence[str]) -> None:
    """Run the program as the Python interpreter would."""
    is_module = list(words[:1]) == ["-m"]
    words = words[is_module:]
    if not words or words[0].startswith("-"):
        print(__doc__)
        raise SystemExit(0 if words and words[0] in ("-h", "--help") else 2)
    end = os.environ.pop(NAME, "")
    if end:
        threading.Thread(target=hold, args=[int(end)], daemon=True).start()
    sys.argv[:] = words
    if is_module:
        sys.path[0] = os.getcwd()
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
