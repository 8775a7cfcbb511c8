"""What requests cost on a server that answers at once; AWS's habits make no figure exact."""

import json
from typing import Any

import pytest

from scripts.local_aws import LocalAws
from tests.conftest import UNLIKE_AWS, Place
from tests.gateway import Gateway


@pytest.mark.parametrize(("side", "floor", "most"), [("worker", 0.3, 0.36), ("client", 0.2, 0.36)])
def test_a_thousand_lists_cost_few_requests(
    counted: Place,
    gateway: Gateway,
    aws: LocalAws,
    tmp_path: Any,
    side: str,
    floor: float,
    most: float,
) -> None:
    """With one list per message both sides make 0.72 SQS and 0.12 S3 requests per list at most."""
    if (aws.kind, "load") in UNLIKE_AWS:
        pytest.skip(UNLIKE_AWS[aws.kind, "load"])
    count = 1000
    counted.worker(url="" if side == "worker" else aws.url)
    gateway.counts.clear()
    file = tmp_path / "lists.txt"
    file.write_text("".join(f"{number},1,2\n" for number in range(count)))

    url = counted.url if side == "client" else aws.url
    environment = {"AWS_ENDPOINT_URL": url}
    done = counted.client(
        "--file", str(file), "--json", environment=environment, module="tests.singly"
    )

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == count
    print(f"{count} lists, the {side}'s side: {dict(gateway.counts)}")
    assert floor <= gateway.of_service("sqs") / count <= most
    assert gateway.of_service("s3") / count <= 0.12


def test_ten_thousand_lists_that_share_messages_cost_next_to_nothing(
    counted: Place, gateway: Gateway, tmp_path: Any
) -> None:
    """Both sides make 0.01 SQS and 0.005 S3 requests per list at most."""
    count = 10_000
    counted.worker()
    gateway.counts.clear()
    file = tmp_path / "lists.txt"
    file.write_text("".join(f"{number},-17,100000,42\n" for number in range(count)))

    done = counted.client("--file", str(file), "--json")

    assert [json.loads(line)["median"] for line in done.stdout.splitlines()][100] == 71
    assert len(done.stdout.splitlines()) == count
    print(f"{count} lists together: {dict(gateway.counts)}")
    assert gateway.of_service("sqs") / count <= 0.01
    assert gateway.of_service("s3") / count <= 0.005
