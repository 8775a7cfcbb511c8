"""The scripts as users call them: their options, and what becomes of the processes they start."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional

import pytest

from scripts import environment, record
from scripts.local_aws import LocalAws
from tests.conftest import ROOT, wait_until

LOCAL_AWS = [sys.executable, str(ROOT / "scripts" / "local_aws.py")]
TETHER = str(ROOT / "scripts" / "tether.py")
Start = Callable[..., "subprocess.Popen[bytes]"]
SLEEPER = "import time; time.sleep(300)\n"
HELPS = ["demo.sh", "test.sh", "setup_ec2.sh", "local_aws.py", "environment.py", "tether.py"]
HELPS += ["record.py"]
# Stands in for Python and pip: creates what passes for a venv, and notes its arguments.
PYTHON = """#!/bin/sh
case "$*" in
"-m venv"*) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python" ;;
esac
echo "$*" >>{steps}
{last}
"""
MAKE = """
import sys
from pathlib import Path
from scripts import environment, record
environment.FOLDERS = Path(sys.argv[1])
environment.make("own", sys.argv[2], ["packages"], "packages")
"""


def run(
    *words: str, variables: Optional[Dict[str, str]] = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, in the checkout."""
    return subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def script(name: str) -> List[str]:
    """Return the words that call a script by its relative path."""
    return ["bash" if name.endswith(".sh") else sys.executable, f"scripts/{name}"]


@pytest.mark.parametrize("name", HELPS)
def test_help_does_nothing_else(name: str, tmp_path: Path) -> None:
    """--help prints how to call a script, even where CDPATH is exported, and does nothing else."""
    variables = {"CDPATH": f"{tmp_path}:{ROOT}", "PYTHON": "/nowhere", "TMPDIR": str(tmp_path)}

    told = run(*script(name), "--help", variables=variables)

    assert (told.returncode, told.stderr) == (0, "")
    assert name in told.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["demo.sh", "both"], 2),
        (["demo.sh", ""], 2),
        (["demo.sh", "calculation", "image"], 2),
        (["local_aws.py"], 2),
        (["local_aws.py", "--port", "80"], 2),
        (["local_aws.py", "no-such-command"], 127),
        (["environment.py"], 2),
        (["environment.py", "missing.txt"], 1),
        (["tether.py", "-x"], 2),
    ],
)
def test_nonsense_is_refused(words: List[str], code: int) -> None:
    """Arguments that make no sense are refused before anything starts, without a traceback."""
    refused = run(*script(words[0]), *words[1:])

    assert refused.returncode == code
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.splitlines()) <= 1


def find_python(folder: Path, wish: str = "", **stubs: str) -> "subprocess.CompletedProcess[str]":
    """Have environment.sh look for a Python among stubs with these names."""
    (folder / "bin").mkdir()
    for name, text in stubs.items():
        path = folder / "bin" / name.replace("_", ".")
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    asked = f". {shlex.quote(str(ROOT / 'scripts' / 'environment.sh'))}; find_python"
    (folder / "bin" / "basename").symlink_to(str(shutil.which("basename")))
    own = {"PATH": str(folder / "bin"), "PYTHON": wish}
    return run(str(shutil.which("bash")), "-c", asked, "demo.sh", variables=own)


GOOD = f'exec {shlex.quote(sys.executable)} "$@"'
LACKING = "import sys; sys.modules['ensurepip'] = None; exec(sys.argv[1])"
SHIM = "echo 'pyenv: python3: command not found' >&2; exit 127"
NO_VENV = f'exec {shlex.quote(sys.executable)} -c "{LACKING}" "$2"'


@pytest.mark.parametrize("bad", [SHIM, NO_VENV, "echo nonsense", "exit 1"])
def test_a_python_that_will_not_do_is_passed_over(bad: str, tmp_path: Path) -> None:
    """A shim that does not run, or a Python without venv, is skipped."""
    found = find_python(tmp_path, python3=bad, python3_9=GOOD)

    assert (found.stdout.strip(), found.stderr) == (sys.executable, "")


@pytest.mark.parametrize(
    ("stubs", "python", "sentence"),
    [
        ({}, "", "there is no python3"),
        ({"python3": GOOD}, "/nowhere", "there is no /nowhere, which PYTHON names"),
        ({"python3": SHIM}, "", "python3 does not run"),
        ({"python3": GOOD, "own": SHIM}, "own", "own does not run"),
        ({"python3": NO_VENV}, "", "python3 cannot make virtual environments: install"),
        ({"python": "echo is Python 2.7"}, "", "python is Python 2.7"),
    ],
)
def test_what_is_wrong_with_python_is_named(
    stubs: Dict[str, str], python: str, sentence: str, tmp_path: Path
) -> None:
    """If no Python is suitable, one line says what is wrong with the first."""
    refused = find_python(tmp_path, python, **stubs)

    assert refused.returncode == 1
    assert f"demo.sh: Python 3.8 or newer is needed, and {sentence}" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stub for Python that notes its arguments in `steps`; environments go under tmp_path."""
    path = tmp_path / "python"
    path.write_text(PYTHON.format(steps=shlex.quote(str(tmp_path / "steps")), last="sleep 0.2"))
    path.chmod(0o755)
    monkeypatch.setattr(environment, "FOLDERS", tmp_path / "checkout" / ".venv")
    (tmp_path / "checkout").mkdir()
    return path


def steps(stub: Path) -> List[str]:
    """Return the commands noted since the last call."""
    noted = stub.with_name("steps")
    done = noted.read_text().splitlines() if noted.exists() else []
    noted.write_text("")
    return done


def test_an_environment_is_made_once(stub: Path) -> None:
    """A ready environment is reused, even if it is read-only or has more packages."""
    environment.make("own", str(stub), ["-r", "a", "-r", "b"], "a\nb\n")
    made = steps(stub)
    (environment.FOLDERS / "own.lock").unlink()
    environment.make("own", str(stub), ["-r", "a"], "a")

    assert made[0].startswith("-m venv ")
    assert made[-1].endswith("-r a -r b")
    assert steps(stub) == []
    assert not (environment.FOLDERS / "own.lock").exists()
    environment.make("own", str(stub), ["-r", "c"], "c")
    assert [step for step in steps(stub) if "venv" in step] == [f"-m venv {made[0].split()[-1]}"]


def test_a_moved_environment_is_made_anew(
    stub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A moved or copied checkout recreates its environment, which names the old place."""
    environment.make("own", str(stub), ["a"], "a")
    steps(stub)
    shutil.copytree(str(tmp_path / "checkout"), str(tmp_path / "copy"))
    monkeypatch.setattr(environment, "FOLDERS", tmp_path / "copy" / ".venv")

    python = environment.make("own", str(stub), ["a"], "a")

    assert steps(stub)[0] == f"-m venv --clear {tmp_path / 'copy' / '.venv' / 'own'}"
    assert python == tmp_path / "copy" / ".venv" / "own" / "bin" / "python"


def test_an_unfinished_environment_is_made_anew(stub: Path) -> None:
    """What an interrupted installation left is cleared."""
    environment.make("own", str(stub), ["a"], "a")
    good = stub.read_text()
    stub.write_text(good.replace("sleep 0.2", "exit 1"))
    with pytest.raises(SystemExit):
        environment.make("own", str(stub), ["b"], "b")
    stub.write_text(good)
    steps(stub)

    environment.make("own", str(stub), ["b"], "b")

    assert steps(stub)[0].startswith("-m venv --clear ")


def test_two_at_once_make_one(stub: Path) -> None:
    """Of several runs in a fresh checkout one creates the environment; the others wait."""
    command = [sys.executable, "-c", MAKE, str(environment.FOLDERS), str(stub)]

    runs = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) for _ in range(3)]

    assert [each.wait(60) for each in runs] == [0, 0, 0]
    assert len([step for step in steps(stub) if step.startswith("-m venv")]) == 1


def test_pip_says_itself_why_it_fails(stub: Path, tmp_path: Path) -> None:
    """pip's own error is shown, and the environment does not count as ready."""
    noted = shlex.quote(str(tmp_path / "steps"))
    stub.write_text(PYTHON.format(steps=noted, last='echo "ERROR: no room" >&2; exit 1'))

    refused = run(sys.executable, "-c", MAKE, str(environment.FOLDERS), str(stub))

    assert refused.returncode == 1
    assert "ERROR: no room" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not list(environment.FOLDERS.glob("*/stamp.txt"))


def test_an_optional_package_may_be_missing(
    stub: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """An optional package that fails costs a line, and the next is installed."""
    failing = 'case "$*" in *bad) exit 1 ;; esac'
    noted = shlex.quote(str(tmp_path / "steps"))
    stub.write_text(PYTHON.format(steps=noted, last=failing))

    environment.make("own", str(stub), ["-r", "a"], "a", ["bad", "good"])

    assert [step.split()[-1] for step in steps(stub)[-3:]] == ["a", "bad", "good"]
    assert "Going on without bad." in capfd.readouterr().err
    environment.make("own", str(stub), ["-r", "a"], "a", ["bad", "good"])
    assert steps(stub) == []


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--output", "picture.svg", "--write"], "argument --write: not allowed with"),
        (["--output", ""], "'' is not a file"),
        (["--output", str(ROOT)], "is not a file"),
        (["--output", "none/picture.svg"], "there is no folder none"),
        (["picture.svg"], "unrecognized arguments: picture.svg"),
    ],
)
def test_a_recording_that_cannot_be_written_is_not_made(
    options: List[str],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """record.py refuses options that make no sense before it starts a server."""
    monkeypatch.delattr(record, "LocalAws")

    with pytest.raises(SystemExit) as refused:
        record.main(options)

    assert line in f"{capsys.readouterr().err}{refused.value}"


def test_a_recording_is_written_only_where_it_is_told_to(
    tmp_path: Path,
    aws: LocalAws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """record.py prints the session; --output writes that file only, --write the tracked one."""
    tracked, own = tmp_path / "tracked.svg", tmp_path / "own.svg"
    monkeypatch.setattr(record, "PICTURE", tracked)
    monkeypatch.setattr(record, "LocalAws", lambda: nullcontext(aws))
    monkeypatch.setattr(record, "play", lambda _: ["$ exit"])
    monkeypatch.setattr(record, "ROOT", tmp_path)  # whose workers end at once: there are none

    record.main([])

    assert capsys.readouterr().out == "$ exit\n"
    assert list(tmp_path.iterdir()) == []
    record.main(["--output", str(own)])
    assert list(tmp_path.iterdir()) == [own]
    record.main(["--write"])
    assert tracked.read_text() == own.read_text()
    assert "<tspan>exit</tspan>" in own.read_text()
    assert capsys.readouterr().out == ""


def test_packages_land_in_the_environment(stub: Path, tmp_path: Path) -> None:
    """A user's own settings for pip do not move packages elsewhere."""
    noted, told = shlex.quote(str(tmp_path / "steps")), "$PIP_TARGET$PIP_PREFIX$PIP_ROOT$PIP_USER"
    stub.write_text(PYTHON.format(steps=noted, last=f'[ "{told}" = 0 ]'))
    own = dict.fromkeys(environment.ELSEWHERE, "1")

    made = run(sys.executable, "-c", MAKE, str(environment.FOLDERS), str(stub), variables=own)

    assert made.returncode == 0, made.stderr


def test_an_installation_leaves_no_temporary_file(stub: Path, tmp_path: Path) -> None:
    """What ensurepip and pip forget to remove is removed with what they worked in."""
    (tmp_path / "temporary").mkdir()
    noted, last = shlex.quote(str(tmp_path / "steps")), 'mktemp "$TMPDIR/left.XXXXXX" >&2'
    stub.write_text(PYTHON.format(steps=noted, last=last))
    variables = {"TMPDIR": str(tmp_path / "temporary")}

    made = run(sys.executable, "-c", MAKE, str(environment.FOLDERS), str(stub), variables=variables)

    assert made.stderr.count("/left.") == 3
    assert list((tmp_path / "temporary").iterdir()) == []
    assert sorted(path.name for path in environment.FOLDERS.iterdir()) == ["own", "own.lock"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts commands with a local AWS, and kills those that are left."""
    started = []

    def start(*command: str) -> "subprocess.Popen[bytes]":
        pipe, words = subprocess.PIPE, [*LOCAL_AWS, *command]
        started.append(subprocess.Popen(words, stdout=pipe, stderr=pipe, start_new_session=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def is_there(process: int) -> bool:
    """Return whether a process is running; a zombie is not."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


def children(process: int) -> List[int]:
    """Return the child processes of a process."""
    listed = Path(f"/proc/{process}/task/{process}/children")
    return [int(word) for word in listed.read_text().split()] if is_there(process) else []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_nothing_outlives(number: signal.Signals, tmp_path: Path, start: Start) -> None:
    """When local_aws.py ends, even by SIGKILL, so do its server and all that its command runs."""
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    tethered = shlex.join([sys.executable, TETHER, str(tmp_path / "sleeper.py")])
    # As in the demo, one program runs in the background and one in the foreground.
    inside = f"{tethered} & echo $$ $!; {tethered}; true"
    whole = start("bash", "-c", inside)
    assert whole.stdout is not None
    processes = [int(word) for word in whole.stdout.readline().split()]
    processes += [*children(whole.pid), *wait_until(lambda: children(processes[0])[1:])]
    assert len(set(processes)) == 4, processes

    whole.send_signal(number)
    whole.wait(30)

    wait_until(lambda: not any(map(is_there, processes)))


def test_a_closed_input_ends_nothing(tmp_path: Path) -> None:
    """With standard input closed, a background program runs as long as local_aws.py does."""
    (tmp_path / "worker.py").write_text("import time; time.sleep(1); print('done')\n")
    inside = shlex.join([sys.executable, TETHER, str(tmp_path / "worker.py")]) + " & wait"

    done = run("bash", "-c", 'exec "$@" <&-', "-", *LOCAL_AWS, "bash", "-c", inside)

    assert (done.stdout, done.stderr) == ("done\n", "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_a_start(number: signal.Signals, start: Start) -> None:
    """Ended while its server starts, local_aws.py leaves no process, and prints nothing."""
    whole = start("sleep", "300")
    servers = wait_until(lambda: [each for each in children(whole.pid) if is_server(each)])

    if number == signal.SIGINT:  # a terminal sends it to all that it runs
        os.killpg(whole.pid, number)
    else:
        whole.send_signal(number)
    _, said = whole.communicate(timeout=30)

    assert said == b""
    wait_until(lambda: not any(map(is_there, servers)))


def is_server(process: int) -> bool:
    """Return whether a process is a local AWS server."""
    return b"aws_server.py" in Path(f"/proc/{process}/cmdline").read_bytes()


def test_no_program_outlives_killed_tests() -> None:
    """A program that a test started ends when pytest is killed."""
    code = """
import os, signal, sys
from tests.conftest import Running
words = [sys.executable, "-m", "timeit", "-n", "1", "import time; time.sleep(300)"]
print(Running(words, dict(os.environ)).process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = run(sys.executable, "-c", code)

    wait_until(lambda: not is_there(int(killed.stdout)))


def test_the_local_server_is_asked_by_no_proxy(tmp_path: Path) -> None:
    """Dead proxies, a broken AWS configuration and other servers' settings do not matter."""
    (tmp_path / "config").write_text("[[broken\n")
    code = "import boto3; print(boto3.client('sqs').list_queues()['ResponseMetadata'])"
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), "http://127.0.0.1:9")
    own = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_PROFILE": "nobody", "no_proxy": ""}
    own.update(USE_SSL="1", SERVICES="ec2", PERSIST_STATE="1", STATE_DIR="/nonexistent")

    done = run(*LOCAL_AWS, sys.executable, "-c", code, variables={**proxies, **own})

    assert done.returncode == 0, done.stderr
    assert "'HTTPStatusCode': 200" in done.stdout


def test_two_servers_never_share_a_port(aws: LocalAws) -> None:
    """A server whose port is taken fails to start."""
    late = LocalAws(aws.kind)

    assert not late.start(int(aws.url.rsplit(":", 1)[1]))
    assert late.process.returncode
