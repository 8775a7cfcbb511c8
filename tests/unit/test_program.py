"""However a program ends, one plain line says so, and only our own faults are called that."""

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT

CASES = {
    "raise OSError(36, 'x', 'long.jpg')": ("cannot use long.jpg: File name too long", 1),
    "open('/nonexistent/x')": ("cannot use /nonexistent/x: No such file or directory", 1),
    "raise OSError(28, 'x')": ("cannot use standard output: No space left on device", 1),
    'raise RuntimeError("can\'t start new thread")': ("the system allows no more threads", 1),
    "raise MemoryError": ("there is not enough memory", 1),
    "import nonesuch": ("nonesuch is not installed: run `", 1),
    "raise KeyError('a')": ("a fault of this program: KeyError('a') (--verbose shows where)", 1),
    "raise KeyboardInterrupt": ("", 130),
    "os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)": ("", 130),
    "os.kill(os.getpid(), signal.SIGHUP); time.sleep(9)": ("", 130),
    "raise BrokenPipeError(32, 'x')": ("", 0),
    "warnings.warn('odd')": ("", 0),
    "logging.getLogger('other').error('x', exc_info=True)": ("", 0),
    "sys.stderr.close(); program.logger.error('x')": ("", 0),
}
TEXT = """
import logging, os, signal, sys, threading, time, warnings
sys.argv = ["program.py", *sys.argv[2:]]
from messaging.console import program
def main(arguments):
    {}
    return 0
program.run(main)
"""


def run(text: str, *arguments: str) -> Any:
    """Run a program with that code."""
    return subprocess.run(
        [sys.executable, "-c", TEXT.format(text), "", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        start_new_session=True,
    )


@pytest.mark.parametrize("text", CASES)
def test_an_end_is_told_in_one_line(text: str) -> None:
    """The exit code and the line fit the cause, and nothing else is printed."""
    line, code = CASES[text]
    done = run(text)

    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == bool(line), done.stderr
    assert done.stderr.startswith(f"program.py: {line}" if line else "")


def test_verbose_shows_all() -> None:
    """--verbose shows a fault's traceback, and libraries' logs and warnings."""
    assert "Traceback" in run("raise KeyError('a')", "--verbose").stderr
    assert "odd" in run("warnings.warn('odd')", "--verbose").stderr
    assert "other" in run("logging.getLogger('x').error('other')", "--verbose").stderr


def test_a_dying_thread_shows_no_traceback() -> None:
    """An exception in a thread is reported like one in the program."""
    text = "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()"

    assert "Traceback" not in run(text).stderr
    assert "a fault of this program: ZeroDivisionError" in run(text).stderr


def test_a_second_signal_disturbs_no_cleaning_up() -> None:
    """A closing terminal sends SIGHUP twice; the clean-up is completed all the same."""
    text = """
    try:
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(9)
    finally:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
        print("cleaned up")
"""
    done = run(text)

    assert (done.stdout, done.stderr, done.returncode) == ("cleaned up\n", "", 130)


def test_cleaning_up_has_an_end() -> None:
    """A clean-up that hangs is abandoned after two seconds."""
    text = """
    try:
        raise SystemExit(os.kill(os.getpid(), signal.SIGINT))
    finally:
        threading.Event().wait(20)
"""
    assert run(text).returncode == 130


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_fault(closed: str) -> None:
    """Closed output streams are no error, and closed input is at its end."""
    text = TEXT.format("print(repr(sys.stdin.read()), file=sys.stderr)")
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, text],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0
    assert done.stderr in ("''\n", "")


@pytest.mark.parametrize(
    ("to", "why"), [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")]
)
def test_what_cannot_be_printed_is_told(to: str, why: str) -> None:
    """A result that cannot be printed is an error of one line."""
    text = TEXT.format("print('result')")
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {to}', sys.executable, text],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr == f"program.py: cannot use standard output: {why}\n"


@pytest.mark.parametrize(
    "program", ["calculation/client.py", "image/worker.py", "scripts/manage.py"]
)
def test_without_boto3_one_line_says_how_to_install_it(program: str) -> None:
    """Without boto3, which -S hides, one line says how to install it."""
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-S", program], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"boto3 is not installed: run `{sys.executable} -m pip install -r ")
