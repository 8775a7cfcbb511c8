"""The benchmarks run, report their results in each form, and lose nothing when something fails."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List
from xml.etree import ElementTree

import pytest

from scripts import bench
from scripts.benchmarks import environment, report
from scripts.benchmarks.contest import compare, parts
from scripts.benchmarks.process import Measured, measure
from scripts.benchmarks.table import Cell, Sample, Table
from tests.conftest import ROOT

SUBJECTS = ["summary", "image", "requests", "throughput", "latency", "memory"]
SHORT = SUBJECTS[:1]


@pytest.fixture
def every_benchmark(request: pytest.FixtureRequest) -> bool:
    """Whether all benchmarks run, however long they take."""
    return bool(request.config.getoption("--bench"))


def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run bench.py to its end."""
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "bench.py"), *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_gives_tables_as_json(subject: str, every_benchmark: bool) -> None:
    """Each table has a title and rows, and each row as many cells as there are columns."""
    if subject not in SHORT and not every_benchmark:
        pytest.skip("takes half a minute: with --bench only")
    tables = json.loads(run(subject, "--quick", "--json").stdout)

    assert tables
    for table in tables:
        assert table["title"]
        assert table["rows"]
        assert len({len(row) for row in table["rows"]}) == 1


def test_tables_are_aligned_for_people() -> None:
    """A table has a title, a header, a rule, and rows no wider than the rule."""
    lines = run("summary", "--quick").stdout.splitlines()

    assert "integers" in lines[0]
    assert set(lines[2]) == {"-", " "}
    assert lines[3].startswith("numpy ")
    assert max(map(len, lines[1:6])) <= len(lines[2])


def test_the_report_is_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page has a section per subject, which says how it was measured."""
    monkeypatch.setattr(report, "measure", lambda *_: [Table("new", ("",), [["row"]])])
    page = tmp_path / "page.md"

    assert bench.main(["report", "--quick", "--output", str(page)]) == 0

    parts = page.read_text().split("\n## ")[1:]
    assert len(parts) == len(SUBJECTS)
    for subject, part in zip(SUBJECTS, parts):
        assert f"`python3 scripts/bench.py {subject}`, on 20" in part


def test_a_part_of_the_report_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sections of subjects that are not measured again stay as they are, in place."""
    monkeypatch.setattr(report, "measure", lambda *_: [Table("new", ("",), [["row"]])])
    page = tmp_path / "page.md"
    page.write_text(
        "# Old\n\n## Latency\n\nold latency\n\n## Lists: parsing and summarising\n\nold\n"
    )

    assert bench.main(["report", "--quick", "--only", "summary", "--output", str(page)]) == 0

    head, lists, latency = page.read_text().split("\n## ")
    assert "Written by" in head
    assert "old" not in lists
    assert "**new**" in lists
    assert latency == "Latency\n\nold latency\n\n"


def test_the_throughput_is_drawn_beside_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each contender that was measured is a curve with its name, the fastest on top."""
    rows: List[List[Cell]] = [
        ["slow", *map(_sample, (10, 1))],
        ["fast", *map(_sample, (900, 700))],
        ["none", "-", "-"],
    ]
    measured = Table("lists", ("", "0 ms", "15 ms"), rows)
    monkeypatch.setattr(report, "measure", lambda *_: [measured])

    page = tmp_path / "page.md"
    assert bench.main(["report", "--quick", "--only", "throughput", "--output", str(page)]) == 0

    picture = ElementTree.parse(tmp_path / "throughput.svg")
    curves = [
        each.attrib["points"].split() for each in picture.iter() if each.tag[-8:] == "polyline"
    ]
    ends = [float(points[-1].split(",")[1]) for points in curves]
    assert {each.text for each in picture.iter()} >= {"slow", "fast", "0 ms", "15 ms", "1,000"}
    assert [len(points) for points in curves] == [2, 2]
    assert ends == sorted(ends)


def _sample(value: float) -> Sample:
    return Sample((value,))


def test_a_subject_that_cannot_be_measured_is_told(tmp_path: Path) -> None:
    """Its section holds the reason, the others are on the page, and the exit code is 1."""
    page = tmp_path / "page.md"
    chosen = "--only", "latency", "summary"

    done = run("report", "--quick", *chosen, "--output", str(page), LOCAL_AWS="nonsense")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "LOCAL_AWS is 'nonsense'" in page.read_text().split("\n## Latency")[1]
    assert "| numpy |" in page.read_text()


def test_ctrl_c_keeps_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After Ctrl-C the tables that were finished are printed."""

    def interrupted(*_: object) -> Iterator[Table]:
        yield Table("first", ("", "n"), [["a", Sample((1, 2))]])
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "measure", interrupted)

    assert bench.main(["summary", "--quick", "--json"]) == 130
    assert [table["title"] for table in json.loads(capsys.readouterr().out)] == ["first"]


def test_a_contender_that_fails_is_left_out() -> None:
    """A contender that fails, even in its second round, has no row; a ratio to it is a dash."""
    rounds = iter((4, None))

    def tires() -> Measured:
        points = next(rounds)
        if points is None:
            raise RuntimeError("it is tired")
        return Measured(value=[points])

    contenders = {"steady": lambda: Measured(value=[2]), "tires": tires}
    (table,) = compare("a race", contenders, parts("points", beside=True), 2, "tires")

    assert table.to_text().splitlines()[3:] == [
        "steady  2.00 (2.00-2.00)               -",
        "tires is left out: it is tired",
    ]
    assert list(table.to_json()["rows"][0]) == ["", "points", "points / tires"]


def test_ctrl_c_in_a_race_keeps_the_rounds() -> None:
    """The table shows what was measured before Ctrl-C, and only then does the program end."""
    rounds = iter((4, None))

    def is_stopped() -> Measured:
        points = next(rounds)
        if points is None:
            raise KeyboardInterrupt
        return Measured(value=[points])

    contenders = {"a": is_stopped, "b": lambda: Measured(value=[2])}
    tables = compare("a race", contenders, parts("points"), 5)

    assert [str(cell) for _, cell in next(tables).rows] == ["4.00", "2.00"]
    with pytest.raises(KeyboardInterrupt):
        next(tables)


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("editors:magick", "no magick or convert of ImageMagick is installed"),
        ("editors:nobody", "has no attribute 'nobody'"),
        ("nothing:at_all", "No module named 'scripts.benchmarks.nothing'"),
    ],
)
def test_a_job_that_fails_gives_a_reason(job: str, reason: str, tmp_path: Path) -> None:
    """A failed job has a reason of one line; another `convert` than ImageMagick's is a failure."""
    other = tmp_path / "convert"
    other.write_text("#!/bin/sh\necho convert 1.0: turns miles into leagues\n")
    other.chmod(0o755)

    with pytest.raises(RuntimeError) as caught:
        measure(f"scripts.benchmarks.{job}", "picture.png", environment={"PATH": str(tmp_path)})

    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("subject", [*SUBJECTS, "report", ""])
def test_help_does_nothing_else(subject: str) -> None:
    """--help works with any Python, without packages, and installs and starts nothing."""
    command = [sys.executable, "-S", str(ROOT / "scripts" / "bench.py"), *subject.split()]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=10)

    assert done.returncode == 0
    assert done.stdout.startswith("usage: bench.py")
    assert all(f"\n  {each} " in done.stdout for each in SUBJECTS)
    assert not done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "nonsense",
        "image --only image",
        "image --output page.md",
        "report --json",
        "report --only nonsense",
        "report --output nowhere/page.md",
        "report --output .",
        "summary --rounds 0",
        "summary --rounds -1",
        "summary --rounds many",
        "summary --rounds 2 --quick",
    ],
)
def test_what_contradicts_itself_is_refused(
    arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Contradictory options end with 2 before anything is installed or measured."""
    monkeypatch.delattr(environment, "enter")
    monkeypatch.delattr(report, "measure")

    with pytest.raises(SystemExit) as caught:
        bench.main(arguments.split())

    assert caught.value.code == 2
    assert "usage: " in capsys.readouterr().err
