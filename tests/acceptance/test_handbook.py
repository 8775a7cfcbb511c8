"""The rights that the handbook lists suffice for what it lists them for."""

from contextlib import contextmanager
from typing import Iterator, Optional, Set

from tests.acceptance.readme import rights
from tests.conftest import Place
from tests.gateway import Answer, Call, Gateway, error, service_of
from tests.plain import DEAD_LETTER

MANAGE = "scripts.manage"
# Rows of the table of rights that apply to several roles.
FIRST = "first start, `manage.py create`"
SWEEPING = "`manage.py sweep`; a worker, if it shall sweep"
# Actions whose names differ from those of their rights.
NAMES = {
    "PutBucket": "CreateBucket",
    "GetBucket": "ListBucket",
    "HeadBucket": "ListBucket",
    "PostBucket": "DeleteObject",
}


@contextmanager
def allowed(gateway: Gateway, *who: str) -> Iterator[Set[str]]:
    """Refuse what the rights do not cover; the set returned collects those that were used."""
    known, used = rights(*who), set()

    def enforce(call: Call) -> Optional[Answer]:
        service = service_of(call.action)
        if service == "sts":  # needs no right
            return None
        name = NAMES.get(call.action, call.action)
        service = "cloudwatch" if name == "GetMetricStatistics" else service
        right = f"{service}:{name[:-5] if name.endswith('Batch') else name}"
        used.add(right)
        return None if right in known else error(call.action, 403, "AccessDenied")

    gateway.faults.append(enforce)
    yield used
    gateway.faults.remove(enforce)
    assert used <= known


def test_the_rights_for_the_first_start_and_each_command(counted: Place, gateway: Gateway) -> None:
    """A worker's first start and each command of manage.py work with the rights listed for them."""
    for name in ("INPUT_QUEUE", "OUTPUT_QUEUE", "BUCKET"):
        counted.environment[f"IMAGE_{name}"] = f"apart-{name.lower().replace('_', '-')}"
    dead = f"{counted.settings.input_queue}{DEAD_LETTER}"

    def manage(*words: str) -> str:
        done = counted.client(*words, module=MANAGE)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not done.stderr
        return done.stdout

    with allowed(gateway, "worker", SWEEPING, FIRST):
        worker = counted.worker("--drain")
        worker.process.wait(30)
    with allowed(gateway, FIRST):
        manage("create", "calculation")
    counted.inbox().sibling(dead).send([{"MessageBody": "1,2"}])
    with allowed(gateway, "`manage.py status`"):
        assert dead in manage("status", "calculation")
    with allowed(gateway, "`manage.py dead`"):
        assert "1,2" in manage("dead", "calculation")
    with allowed(gateway, "`manage.py redrive`") as used:
        assert "1" in manage("redrive", "calculation")
        assert "sqs:SendMessage" in used
    with allowed(gateway, SWEEPING):
        manage("sweep", "calculation")
    with allowed(gateway, "worker", SWEEPING):
        counted.worker("--drain").process.wait(30)
    with allowed(gateway, "`manage.py delete`"):
        assert str(counted.settings.bucket) in manage("delete", "calculation", "--yes")
