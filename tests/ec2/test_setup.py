"""The setup script, run for real on a booted Debian 12."""

import json
import re
import time
from functools import partial
from pathlib import Path
from typing import Dict, Iterator, List

import pytest

from tests.conftest import ROOT, Place, wait_until

from .conftest import Boot
from .machine import Machine

ONE, TWO = "calculation-worker@1.service", "calculation-worker@2.service"
KEYS = "[Service]\nEnvironment=AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n"
METADATA = Path(__file__).with_name("metadata.py")


def words(place: Place) -> List[str]:
    """Return the options that name a test's queues, bucket and region."""
    names = place.settings
    queues = ["--input-queue", names.input_queue, "--output-queue", names.output_queue]
    return [*queues, "--bucket", str(names.bucket), "--region", "us-east-1"]


@pytest.fixture(scope="module")
def bare(boot: Boot) -> Machine:
    """A machine on which nothing is set up."""
    return boot()


@pytest.fixture(scope="module")
def machine(boot: Boot, shared: Place) -> Machine:
    """A machine with two calculation workers."""
    made = boot()
    made.write(f"/etc/systemd/system/{ONE.replace('1', '')}.d/keys.conf", KEYS)
    setup(made, shared)
    return made


def setup(machine: Machine, place: Place, workers: int = 2) -> str:
    """Set up calculation workers; return the script's output."""
    arguments = ["calculation", "--workers", str(workers), *words(place)]
    return machine.setup(*arguments, "--endpoint-url", place.url).stdout


def state(machine: Machine) -> Dict[str, object]:
    """Return all that a setup could change."""
    return {
        "processes": [machine.pid(ONE), machine.pid(TWO)],
        "files": machine.ask("find", "/opt", "/etc", "-printf", r"%p:%T@:%l\n"),
    }


def owned_by_worker(machine: Machine, path: str) -> bool:
    """Return whether a file or process belongs to the system user."""
    return machine.ask("stat", "--format=%U", path) == "calculation-worker"


def test_workers_run_as_the_system_user(machine: Machine) -> None:
    """Each worker runs as a user without rights or login, and its code belongs to root."""
    for unit in (ONE, TWO):
        process = f"/proc/{machine.pid(unit)}"
        # systemd counts a service as started before it switches to its user.
        wait_until(partial(owned_by_worker, machine, process))

    assert (
        machine.ask("find", "/opt", "!", "-user", "root", "-o", "-perm", "/022", "!", "-type", "l")
        == ""
    )
    assert machine.ask("getent", "passwd", "calculation-worker").endswith("nologin")


def test_a_list_from_outside_is_answered(machine: Machine, shared: Place) -> None:
    """A client on another system is answered through AWS."""
    answer = shared.client("--json", "3,1,2")

    assert json.loads(answer.stdout)["median"] == 2, answer.stderr


def test_the_environment_holds_no_secret(machine: Machine) -> None:
    """The workers' environment file names places, and holds no keys."""
    names = [
        line.split("=")[0] for line in machine.ask("cat", "/etc/calculation-worker.env").split()
    ]

    queues = ["CALCULATION_INPUT_QUEUE", "CALCULATION_OUTPUT_QUEUE", "CALCULATION_BUCKET"]
    assert names == ["AWS_DEFAULT_REGION", *queues, "AWS_ENDPOINT_URL"]


def test_again_changes_nothing(machine: Machine, shared: Place) -> None:
    """A second run with the same options writes no file and restarts no worker."""
    before = state(machine)

    said = setup(machine, shared)

    assert state(machine) == before
    assert "write" not in said


def test_stopping_drains_in_the_middle_of_work(machine: Machine, shared: Place) -> None:
    """Stopped while hundreds of lists wait, each worker exits with 0; none is lost or doubled."""
    inbox, outbox = shared.inbox(), shared.outbox()

    def results() -> int:
        return sum(log.count("result ") for log in shared.logs())

    machine.run("systemctl", "stop", "calculation-worker.target", ONE, TWO)
    before = results()
    inbox.send([{"MessageBody": f"{n},{n + 2}"} for n in range(600)])
    machine.run("systemctl", "start", "calculation-worker.target")
    wait_until(lambda: results() > before)

    began = time.monotonic()
    machine.run("systemctl", "stop", "calculation-worker.target", ONE, TWO)
    took = time.monotonic() - began
    waiting = shared.messages(inbox)
    ended = [
        machine.property(unit, name) for unit in (ONE, TWO) for name in ("Result", "ExecMainStatus")
    ]
    machine.run("systemctl", "start", "calculation-worker.target")
    answers: List[str] = []
    while len(answers) < 600:
        answers += [each.body for each in wait_until(lambda: outbox.take(1))]

    assert ended == ["success", "0", "success", "0"]
    assert took < 30
    assert (waiting.visible > 0, waiting.hidden) == (True, 0)
    assert sorted(json.loads(each)["mean"] for each in answers) == [n + 1 for n in range(600)]
    assert results() - before == 600


def test_a_killed_worker_comes_back(machine: Machine) -> None:
    """systemd restarts a worker that was killed."""
    before = machine.pid(ONE)

    machine.run("sh", "-c", f"kill -KILL {before}")

    wait_until(lambda: machine.pid(ONE) not in (0, before))


def test_another_number_starts_or_drains_the_difference(machine: Machine, shared: Place) -> None:
    """--workers 1 drains the second worker, 2 starts it again, and the first keeps running."""
    first = machine.pid(ONE)

    setup(machine, shared, workers=1)
    alone = [machine.pid(ONE), machine.pid(TWO), machine.property(TWO, "ExecMainStatus")]
    enabled = machine.ask("systemctl", "is-enabled", ONE, TWO).split()
    setup(machine, shared, workers=2)

    assert alone == [first, 0, "0"]
    assert enabled == ["enabled", "disabled"]
    assert machine.pid(ONE) == first
    assert machine.pid(TWO) > 0


def test_the_target_carries_all_workers(machine: Machine) -> None:
    """Stopping and starting the target, which a boot also starts, affects each worker."""
    machine.run("systemctl", "stop", "calculation-worker.target")
    wait_until(lambda: machine.pid(ONE) == machine.pid(TWO) == 0)
    machine.run("systemctl", "start", "calculation-worker.target")

    assert machine.pid(ONE) > 0
    assert machine.pid(TWO) > 0
    assert machine.ask("systemctl", "is-enabled", "calculation-worker.target") == "enabled"


def test_new_code_is_swapped_whole(machine: Machine, shared: Place, code: Path) -> None:
    """Changed code replaces the old release, which is removed, and the workers restart."""
    before, processes = machine.ask("readlink", "/opt/calculation-worker/current"), state(machine)

    with (code / "calculation" / "worker.py").open("a") as file:
        file.write("# changed\n")
    setup(machine, shared)

    after = machine.ask("readlink", "/opt/calculation-worker/current")
    assert after != before
    assert set(machine.ask("ls", "/opt/calculation-worker").split()) == {
        Path(after).name,
        "current",
    }
    assert state(machine)["processes"] != processes["processes"]
    assert shared.client("4,5").returncode == 0


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("calculation/worker.py", "raise SystemExit(1)\n"),
        ("scripts/ec2/constraints.txt", "boto3==1.0\n"),
    ],
)
def test_broken_code_changes_nothing(
    machine: Machine, shared: Place, code: Path, file: str, text: str
) -> None:
    """If the code does not start, or packages are missing, the old workers keep running."""
    before, kept = state(machine), (code / file).read_text()

    (code / file).write_text(text + kept)
    refused = machine.setup("calculation", "--workers", "2", *words(shared), check=False)
    (code / file).write_text(kept)

    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1, refused.stderr
    assert "failed" in refused.stderr
    assert state(machine)["processes"] == before["processes"]
    assert len(machine.ask("ls", "/opt/calculation-worker").split()) == 2


def test_the_sandbox_is_tight(machine: Machine) -> None:
    """systemd rates the unit's exposure below 2.0, where lower is better."""
    said = machine.ask("systemd-analyze", "security", "--no-pager", ONE)

    found = re.search(r"exposure level .*: ([0-9.]+)", said)
    assert found
    assert float(found[1]) <= 2.0, said


def test_a_worker_can_write_nowhere_and_gain_nothing(machine: Machine) -> None:
    """A worker can write only to its private temporary folder, and cannot gain a capability."""
    pid = str(machine.pid(ONE))
    status = dict(
        line.split(":\t") for line in machine.ask("cat", f"/proc/{pid}/status").splitlines()
    )
    ids = ["--reuid=calculation-worker", "--regid=calculation-worker", "--clear-groups"]
    places = (
        "/ /etc /opt /opt/calculation-worker/current /usr /var /var/lib /run /home /root /dev /boot"
    )
    probe = (
        f'for place in {places}; do touch "$place/probe" 2>/dev/null && echo "$place"; done; true'
    )

    wrote = machine.run(
        "nsenter", "-m", "-t", pid, "setpriv", *ids, "sh", "-c", probe
    ).stdout.split()

    assert wrote == []
    assert {status[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_the_region_is_the_instances_own(machine: Machine, shared: Place) -> None:
    """Without --region the script asks the instance metadata, with a token as IMDSv2 requires."""
    machine.write("/root/metadata.py", METADATA.read_text())
    inside = """ip link set lo up
    ip address add 169.254.169.254/32 dev lo
    python3 /root/metadata.py "$@"
    """
    kept = machine.ask("cat", "/etc/calculation-worker.env")

    within = ["unshare", "--net", "sh", "-c", inside, "metadata"]
    here = ["--endpoint-url", shared.url]
    machine.setup("calculation", "--workers", "2", *words(shared)[:-2], *here, within=within)
    found = machine.ask("head", "-n", "1", "/etc/calculation-worker.env")
    setup(machine, shared)

    assert found == "AWS_DEFAULT_REGION=eu-north-1"
    assert machine.ask("cat", "/etc/calculation-worker.env") == kept


def test_images_too(machine: Machine, shared: Place, tmp_path: Path) -> None:
    """An image worker runs beside calculation workers, in the same sandbox, and answers."""
    unit = "image-worker@1.service"
    machine.write("/etc/systemd/system/image-worker@.service.d/keys.conf", KEYS)
    names = {
        "IMAGE_INPUT_QUEUE": f"image-{shared.settings.input_queue}",
        "IMAGE_OUTPUT_QUEUE": f"image-{shared.settings.output_queue}",
        "IMAGE_BUCKET": str(shared.settings.bucket),
    }
    variables = {"AWS_ENDPOINT_URL": shared.url}
    options = ["--bucket", names["IMAGE_BUCKET"], "--region", "us-east-1"]
    options += ["--input-queue", names["IMAGE_INPUT_QUEUE"]]
    options += ["--output-queue", names["IMAGE_OUTPUT_QUEUE"]]

    machine.setup("image", "--operation", "gamma", *options, variables=variables)
    first = machine.pid(unit)
    machine.setup("image", "--operation", "gamma", *options, variables=variables)
    moon, output = str(ROOT / "image" / "Moon.jpg"), str(tmp_path / "moon.jpg")
    done = shared.client(moon, "--output", output, module="image.client", environment=names)

    assert done.returncode == 0, done.stderr
    assert Path(output).stat().st_size > 10_000
    assert machine.pid(unit) == first > 0
    assert "gamma --concurrency 1" in machine.ask("systemctl", "cat", unit)
    machine.run("systemctl", "stop", "image-worker.target", unit)
    assert machine.property(unit, "ExecMainStatus") == "0"
    machine.setup("image", "--uninstall")
    assert machine.pid(ONE) > 0


def test_uninstalling_leaves_nothing(machine: Machine) -> None:
    """--uninstall leaves no process, file, unit or user of ours, and may run twice."""
    machine.setup("calculation", "--uninstall")
    machine.setup("calculation", "--uninstall")

    assert [path for path in machine.files() if re.search("calculation|image-worker", path)] == []
    assert (
        machine.ask("systemctl", "list-units", "--state=loaded", "--no-legend", "*-worker*") == ""
    )
    assert machine.ask("systemctl", "list-unit-files", "--no-legend", "*-worker*") == ""
    assert machine.ask("getent", "passwd", "calculation-worker") == ""
    assert machine.ask("pgrep", "-f", "worker.py") == ""


@pytest.fixture
def untouched(bare: Machine) -> Iterator[Machine]:
    """A bare machine that a test must leave as it was."""
    before = bare.files()
    yield bare
    assert bare.files() == before


@pytest.mark.parametrize(
    ("within", "sentence"),
    [
        (["unshare", "--net"], "apt-get failed"),
        (["setpriv", "--reuid=nobody", "--clear-groups"], "only root"),
        (
            ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=50m none /opt; "$@"', "-"],
            "600",
        ),
        (["env", "OS_RELEASE=/etc/passwd"], "none of Amazon Linux"),
        (["flock", "/opt"], "another setup is running"),
    ],
)
def test_a_refusal_is_one_line_and_leaves_nothing(
    untouched: Machine, within: List[str], sentence: str
) -> None:
    """Without network, rights, space or a known system it refuses in one line; nothing is left."""
    refused = untouched.setup("calculation", "--region", "us-east-1", check=False, within=within)

    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1, refused.stderr
    assert sentence in refused.stderr
