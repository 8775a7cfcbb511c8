"""The packages import what they may, stay small, and load no more than they need."""

import ast
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple

import pytest

from tests.conftest import ROOT

PRODUCT = ("messaging", "calculation", "image")
MODULES = sorted(path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py"))
FOLDERS = sorted({path.parent for path in MODULES})
FOREIGN = {"boto3", "botocore", "mypy_boto3_s3", "mypy_boto3_sqs", "tqdm", "numpy", "PIL"}
AWS = {"boto3", "botocore", "mypy_boto3_s3", "mypy_boto3_sqs"}
GROUND = ("messaging.errors", "messaging.clock", "messaging.settings")
LOWER = (*GROUND, "messaging.wire", "messaging.aws", "messaging.flow")
CORE = ("messaging/flow", "messaging/requester", "messaging/worker")
# Most lines of code in some folders, so that growth is a decision.
MOST: Dict[Tuple[str, ...], int] = {CORE: 1_191, ("messaging",): 3_075, ("image",): 2_516}
# What each package may import besides the standard library and itself.
ALLOWED: Dict[str, Set[str]] = {
    "messaging": {*GROUND, "messaging.wire", "messaging.aws"}
    | {"messaging.requester", "messaging.worker"},
    "messaging.wire": {*GROUND, *AWS},
    "messaging.aws": {*GROUND, "messaging.wire", *AWS},
    "messaging.flow": {*GROUND},
    "messaging.requester": {*LOWER, *AWS},
    "messaging.worker": {*LOWER, *AWS},
    "messaging.console": {*LOWER, "messaging", "messaging.requester", "messaging.worker", "tqdm"},
    "calculation": {"numpy"},
    "image": {"image.formats", "image.operations", "numpy", "PIL", "tqdm"},
    "image.formats": {
        "image.formats.jpeg",
        "image.formats.png",
        "image.formats.tiff",
        "image.operations",
        "numpy",
        "PIL",
    },
    "image.formats.jpeg": {"image.formats", "image.operations", "numpy", "PIL"},
    "image.formats.png": {"image.formats", "image.operations", "numpy", "PIL"},
    "image.formats.tiff": {"image.formats", "image.operations", "numpy", "PIL"},
    "image.operations": {"numpy", "PIL"},
}
# In the programs' packages only these files may reach AWS and the user, through messaging.
PROGRAMS = {"client", "worker", "session", "transfer"}


def imports(path: Path) -> Iterator[Tuple[str, List[str]]]:
    """Return the full names of all modules and names that a file imports."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            yield name, [alias.name for alias in node.names]


def room(module: str, names: List[str]) -> Set[str]:
    """Return the packages of an import: ours, or third parties'."""
    found = set()
    for name in names or [""]:
        path = ROOT.joinpath(*module.split("."), *([name] if name else []))
        parts = path.relative_to(ROOT).parts
        if parts[0] not in PRODUCT:
            found.add(parts[0])
        elif path.is_dir():
            found.add(".".join(parts))
        elif ROOT.joinpath(*module.split(".")).is_dir():
            is_module = path.with_suffix(".py").is_file()
            found.add(module if not (is_module and module == "messaging") else ".".join(parts))
        else:
            found.add(module if module in GROUND else module.rpartition(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    """No package imports one above or beside it, and pure ones do not reach AWS."""
    here = ".".join(path.relative_to(ROOT).parent.parts)
    used = set().union(*(room(*each) for each in imports(path)))
    known = {name for name in used if name in FOREIGN or name.split(".")[0] in PRODUCT}
    allowed = ALLOWED[here] | {here}
    if here in ("calculation", "image") and path.stem in PROGRAMS:
        allowed |= {"messaging", "messaging.console"}

    assert known <= allowed
    assert not used & {"scripts", "tests"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_long_or_named_like_a_standard_one(path: Path) -> None:
    """A module has at most 200 lines, and no standard module's name."""
    standard = getattr(sys, "stdlib_module_names", {"statistics", "queue", "logging", "signal"})

    assert len(path.read_text(encoding="utf-8").splitlines()) <= 200
    assert path.stem not in standard


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_folder_is_crowded_or_unexplained(folder: Path) -> None:
    """A package has at most 12 modules, and a first sentence that says what lives in it."""
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]

    assert len(modules) <= 12
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))


def code_lines(path: Path) -> int:
    """Return how many lines are neither blank, nor comment, nor docstring."""
    text = path.read_text(encoding="utf-8")
    documents: Set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(
            node
        ):
            documents |= set(range(node.body[0].lineno, int(node.body[0].end_lineno or 0) + 1))
    lines = enumerate(map(str.strip, text.splitlines()), 1)
    return sum(bool(line) and line[0] != "#" and at not in documents for at, line in lines)


@pytest.mark.parametrize("folders", MOST, ids=" ".join)
def test_folders_grow_by_decision_only(folders: Tuple[str, ...]) -> None:
    """The code of a folder has no more lines than was decided."""
    paths = [path for each in folders for path in (ROOT / each).rglob("*.py")]

    assert sum(map(code_lines, paths)) <= MOST[folders]


def test_modules_and_functions_are_short() -> None:
    """Half of the modules have at most 100 lines, nine functions in ten at most 30."""
    folders = (*PRODUCT, "scripts", "tests")
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
    """What is slow to load is loaded only when needed."""
    program = f"import sys; {code}; print(*(set({absent}) & set(sys.modules)))"

    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )

    assert loaded.stdout.strip() == b""


def test_locks_are_where_the_design_allows_them() -> None:
    """Few modules use locks; elsewhere, state is a thread's own or changes atomically."""
    locks = re.compile(r"threading\.(Lock|RLock|Condition|Semaphore)\(")
    found = {
        str(path.relative_to(ROOT / "messaging"))
        for path in MODULES
        if "messaging" in path.parts and locks.search(path.read_text(encoding="utf-8"))
    }

    assert found == {
        "aws/connection.py",
        "flow/batcher.py",
        "flow/intake.py",
        "requester/replies.py",
        "requester/requester.py",
        "worker/leases.py",
    }


def test_each_guarantee_names_tests_that_exist() -> None:
    """Each test in the table "Proofs" of messaging/README.md is in the suite."""
    page = (ROOT / "messaging" / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    files = (ROOT / "tests").rglob("test_*.py")
    defined = {
        name for path in files for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))
    }

    assert len(named) > 50
    assert named <= defined
