"""The parts know of each other what they should, and load no more than they need."""

import ast
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, Set

import pytest

from tests.conftest import ROOT

PARTS = {"calculation", "image"}
MODULES = sorted(
    path
    for folder in ("messaging", *PARTS)
    for path in (ROOT / folder).glob("*.py")
    if path.name != "__init__.py"
)
ALLOWED = {
    "messaging": {"boto3", "botocore", "tqdm", "messaging", "mypy_boto3_s3", "mypy_boto3_sqs"},
    "program": {"messaging", "numpy", "PIL", "tqdm"},
    "pure": {"numpy", "PIL"},
}
FOREIGN = {"boto3", "botocore", "tqdm", "numpy", "PIL", "messaging", "scripts", "tests", *PARTS}


def imports(path: Path) -> Iterator[str]:
    """Give the top-level names that a module imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).split(".")[0]


def allowed(path: Path) -> Set[str]:
    """Give the names that a module may import beside the standard library."""
    folder = path.parent.name
    if folder == "messaging":
        return ALLOWED["messaging"]
    kind = "program" if path.stem in ("client", "session", "worker") else "pure"
    return ALLOWED[kind] | {folder}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_imports_go_one_way(path: Path) -> None:
    """messaging knows no part, the parts not each other, the pure modules no AWS."""
    used = {name for name in imports(path) if name in FOREIGN or name.startswith("mypy")}

    assert used <= allowed(path)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_module_is_long_or_named_like_a_standard_one(path: Path) -> None:
    """A file holds one noun, in at most 250 lines, under a name of its own."""
    standard = getattr(sys, "stdlib_module_names", {"statistics", "queue", "logging", "signal"})

    assert len(path.read_text(encoding="utf-8").splitlines()) <= 250
    assert path.stem not in standard


def test_modules_and_functions_are_short() -> None:
    """Half of the modules have at most 100 lines, nine functions in ten at most 30."""
    folders = ("messaging", *PARTS, "scripts", "tests")
    modules = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    texts = [text for text in (path.read_text(encoding="utf-8") for path in modules) if text]
    functions = [
        int(node.end_lineno or 0) - node.lineno + 1
        for text in texts
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    ]

    assert statistics.median(len(text.splitlines()) for text in texts) <= 100
    assert sum(lines <= 30 for lines in functions) / len(functions) >= 0.9


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import messaging", ["boto3", "numpy", "PIL"]),
        ("import calculation.client, calculation.worker", ["boto3", "numpy", "PIL"]),
        ("import image.client, image.worker", ["boto3", "numpy", "PIL"]),
    ],
)
def test_imports_load_no_more_than_needed(code: str, absent: List[str]) -> None:
    """What takes long to load is loaded when it is needed."""
    program = f"import sys; {code}; print(*(set({absent}) & set(sys.modules)))"

    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )

    assert loaded.stdout.strip() == b""
