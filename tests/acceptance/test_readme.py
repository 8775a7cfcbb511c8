"""Each command of README.md, the handbook and --help runs, and prints what is shown."""

import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import pytest
from botocore.exceptions import EndpointConnectionError

from messaging.aws.advice import explain
from scripts import bench, record
from scripts.local_aws import LocalAws
from tests.acceptance.readme import agree, commands, handbook, masked, sections, spans, text
from tests.acceptance.shell import checkout, run
from tests.conftest import ROOT, Place, Running
from tests.gateway import Gateway

pytestmark = pytest.mark.xdist_group("readme")  # the tests share workers
COMMANDS = {**commands(handbook()), **commands(text())}
# Commands that cannot run here, by prefix, with the reason; what is checked instead is below.
NOT_RUN = {
    "bash scripts/test.sh": "runs this test, and would do so for ever; its options are checked",
    "python3 scripts/bench.py": "installs peers and takes minutes; its words are checked",
    "python3 scripts/record.py --write": "writes into the checkout; what it does is compared below",
    "python3 calculation/worker.py &": "would go on after its shell; it runs in the foreground too",
    "python3 image/worker.py gamma &": "likewise",
    "python3 -m venv": "is how the Python came about that runs this",
    ". .venv": "enters what the line before would have made",
    "pip install": "asks the network; the file it names is checked",
}
# Programs that are replaced by a stub, with the reason.
STUBS = {
    "sudo": 'case "$2" in *setup_ec2.sh) exec "$@" --dry-run ;; *) echo "$@" ;; esac',  # no root
    "aws": 'echo "$@"',  # no account
    "git": 'mkdir -p REPOSITORY; echo "$@"',  # no network
    "journalctl": 'echo "$@"',  # no systemd
    "systemctl": 'echo "systemd 252 $@"',  # no systemd
}
TROUBLE = "## When something goes wrong"
HELPS = {
    "calculation": ["python3 client.py", "python3 worker.py"],
    "image": ["python3 client.py", "python3 worker.py gamma"],
    ".": ["python3 scripts/manage.py", "bash scripts/setup_ec2.sh", "python3 scripts/bench.py"],
}


@pytest.fixture(scope="module")
def variables(aws: LocalAws) -> Iterator[Dict[str, str]]:
    """The environment of a user's shell, while a worker of each part is running."""
    kept = {name: value for name, value in aws.environment.items() if name[:6] != "PYTHON"}
    made = {**kept, "PYTHON": sys.executable, "PYTHONUNBUFFERED": "1"}
    running = [
        Running([sys.executable, "-m", *words.split()], made)
        for words in ("calculation.worker", "image.worker gamma")
    ]
    for each in running:
        each.wait_for(" reads ")
    yield made
    for each in running:
        each.process.kill()
        each.process.wait()


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder for the checkouts that commands may write to."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def faults(shown: Dict[str, str], scratch: Path, part: str, variables: Dict[str, str]) -> List[str]:
    """Run commands in parallel, each in a checkout of its own; return what was wrong."""

    def one(item: Tuple[int, str]) -> str:
        number, command = item
        folder = scratch / f"{part.strip('.')}{number}"
        fault = run(
            command, folder / part, {**variables, **checkout(folder, STUBS)}, shown[command]
        )
        return fault and f"$ {command}\n{fault}"

    wanted = [each for each in shown if not each.startswith(tuple(NOT_RUN))]
    with ThreadPoolExecutor(4) as pool:
        return list(filter(None, pool.map(one, enumerate(wanted))))


def test_commands_say_what_is_shown(variables: Dict[str, str], scratch: Path) -> None:
    """Each command of both pages succeeds, or runs until stopped, and prints what is shown."""
    assert len(COMMANDS) > 40
    assert not faults(COMMANDS, scratch, ".", variables)


def examples(program: str, folder: Path) -> List[str]:
    """Return the examples in the --help of a program."""
    told = subprocess.run(
        [*shlex.split(program.replace("python3", shlex.quote(sys.executable))), "--help"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    found = re.findall(r"^  ((?:python3|bash|sudo bash) .*?)(?: {3}.*)?$", told, re.MULTILINE)
    assert found, told
    return list(found)


@pytest.mark.parametrize("part", HELPS)
def test_examples_of_each_help_run(part: str, variables: Dict[str, str], scratch: Path) -> None:
    """Each example of a --help succeeds, or runs until stopped."""
    found = [each for program in HELPS[part] for each in examples(program, ROOT / part)]

    assert not faults(dict.fromkeys(found, ""), scratch, part, variables)


def test_a_session_is_as_recorded(variables: Dict[str, str]) -> None:
    """Run again, the session matches the recorded picture, apart from what varies."""
    recorded = record.PICTURE.read_text(encoding="utf-8")

    assert masked(record.draw(record.play(variables))) == masked(recorded)


def test_what_is_not_run_names_what_is_there(pytestconfig: pytest.Config) -> None:
    """Options, files, subjects and parameters of commands that cannot run here exist."""
    template = (ROOT / "scripts" / "stack.yaml").read_text().split("\nConditions:")[0]
    parameters = re.findall(r"^  (\w+):\n    Type: ", template, re.MULTILINE)
    told = {each for each in COMMANDS if each.startswith((*NOT_RUN, *STUBS))}
    for command in told:
        words = shlex.split(command)
        for word in words:
            if "/" in word and "*" not in word and word[:6] in ("script", "tests/"):
                assert (ROOT / word).exists(), command
        if command.startswith("bash scripts/test.sh --"):
            assert pytestconfig.getoption(words[2]) is not None
        elif command.startswith("python3 scripts/bench.py"):
            assert bench._parser().parse_args(words[2:])
        elif command.startswith("aws cloudformation deploy"):
            given = words[words.index("--parameter-overrides") + 1 :]
            assert {each.split("=")[0] for each in given} <= set(parameters)
            needed = re.findall(
                r"^  (\w+):\n    Type: [^\n]*\n(?!(?:    [^\n]*\n)*?    Default:)", template, re.M
            )
            assert set(needed) <= {each.split("=")[0] for each in given}
    named = (re.findall(r"\b([A-Z][a-z]\w*)=", span) for span in spans(handbook()))
    assert {each for found in named for each in found} <= {*parameters}
    assert told


def test_the_lines_that_explain_trouble_are_said(
    variables: Dict[str, str], aws: LocalAws, place: Place, scratch: Path
) -> None:
    """Programs print each error that the handbook explains."""
    quoted = re.findall(r"^\| `([^`]*)` \|", dict(sections(handbook()))[TROUBLE], re.MULTILINE)
    client, worker = (
        "python3 calculation/client.py 3,1,2 --timeout 1",
        "python3 calculation/worker.py",
    )
    with Gateway(aws.url) as gateway, Gateway(aws.url) as soon:
        gateway.refuse("CreateQueue", 403, "AccessDenied")
        soon.refuse("CreateQueue", 400, "QueueDeletedRecently", times=1)
        again = {"AWS_ENDPOINT_URL": soon.url, "CALCULATION_INPUT_QUEUE": "deleted"}
        through = {"AWS_ENDPOINT_URL": gateway.url}
        missing = {"CALCULATION_INPUT_QUEUE": place.settings.input_queue}
        nothing = {"HOME": str(scratch), "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        troubles = [
            (client, missing),
            ("$PYTHON -S calculation/client.py 3,1,2", {}),  # without its packages
            (client, {"AWS_DEFAULT_REGION": ""}),
            (client, nothing),
            (client, through),
            (worker, {**through, "CALCULATION_INPUT_QUEUE": "missing"}),
            (f"{worker} --drain", again),
            ("touch Moonprocessed.jpg; python3 image/client.py Moon.jpg", {}),
        ]

        def said(number: int) -> str:
            command, trouble = troubles[number]
            folder = scratch / str(number)
            own = {**variables, **checkout(folder, STUBS), **trouble}
            kept = {name: value for name, value in own.items() if value}
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=folder,
                env=kept,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )
            return done.stderr

        with ThreadPoolExecutor(4) as pool:
            lines = [
                line for each in pool.map(said, range(len(troubles))) for line in each.split("\n")
            ]

    # Really trying takes many seconds, and another test does.
    lines.append(explain(EndpointConnectionError(endpoint_url="https://sqs.amazonaws.com")))
    for quote in quoted:
        assert any(agree(f"…{quote}", line) for line in lines), (quote, lines)
    assert len(quoted) == len(troubles) + 1
