"""The benchmarks run, and say what they found in both forms."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.local_aws import LocalAws
from tests.conftest import ROOT

SUBJECTS = ["summary", "memory", "image", "requests", "throughput", "latency", "startup", "scale"]
SHORT = SUBJECTS[:2]


@pytest.fixture
def every_benchmark(request: pytest.FixtureRequest) -> bool:
    """Whether all benchmarks are run, however long they take."""
    return bool(request.config.getoption("--bench"))


def bench(*arguments: str) -> str:
    """Run the tiny form of a benchmark."""
    command = [sys.executable, str(ROOT / "scripts" / "bench.py"), *arguments, "--quick"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=300)
    return done.stdout


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_gives_tables_as_json(subject: str, every_benchmark: bool) -> None:
    """Each table has a title and rows, and each row as many cells as there are columns."""
    if subject not in SHORT and not every_benchmark:
        pytest.skip("takes half a minute: with --bench only")
    tables = json.loads(bench(subject, "--json"))

    assert tables
    for table in tables:
        assert table["title"]
        assert table["rows"]
        assert len({len(row) for row in table["rows"]}) == 1


def test_tables_are_aligned_for_people() -> None:
    """A table has a title, a head, a rule, and rows as wide as the rule allows."""
    lines = bench("summary").splitlines()

    assert "integers" in lines[0]
    assert set(lines[2]) == {"-", " "}
    assert "numpy's floor" in lines[3]
    assert max(map(len, lines[1:6])) <= len(lines[2])


def test_report_is_a_page_with_a_picture(
    tmp_path: Path, aws: LocalAws, every_benchmark: bool
) -> None:
    """The page has a part for each subject, and the picture it shows is there."""
    if not every_benchmark:
        pytest.skip("takes two minutes: with --bench only")
    page = tmp_path / "BENCHMARKS.md"

    bench("report", "--output", str(page))

    assert page.read_text().count("\n## ") == len(SUBJECTS)
    assert "throughput.svg" in page.read_text()
    assert (tmp_path / "throughput.svg").read_text().startswith("<svg")


def test_a_part_of_the_report_is_written_anew(tmp_path: Path) -> None:
    """What is not measured again stays as it is, in its place."""
    page = tmp_path / "BENCHMARKS.md"
    page.write_text(
        "# Old\n\n## Latency\n\nold latency\n\n## Lists: parsing and summarising\n\nold\n"
    )

    bench("report", "--only", "summary", "--output", str(page))

    head, lists, latency = page.read_text().split("\n## ")
    assert "Written by" in head
    assert "old" not in lists
    assert latency == "Latency\n\nold latency\n\n"
