"""Completion of file names by Tab at a prompt."""

import contextlib
import glob
import os
from typing import Iterator, Optional


@contextlib.contextmanager
def completing_file_names() -> Iterator[None]:
    """Let Tab complete file names, if the platform supports it."""
    try:
        import readline
    except ImportError:  # Windows
        yield
        return

    def complete(text: str, number: int) -> Optional[str]:
        found = sorted(glob.glob(os.path.expanduser(glob.escape(text)) + "*"))
        names = [name + os.sep if os.path.isdir(name) else name for name in found]
        return names[number] if number < len(names) else None

    before = readline.get_completer(), readline.get_completer_delims()
    readline.set_completer(complete)
    readline.set_completer_delims("")
    readline.parse_and_bind(
        "bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete"
    )
    try:
        yield
    finally:
        readline.set_completer(before[0])
        readline.set_completer_delims(before[1])
