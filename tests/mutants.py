"""Breaks messaging in small ways, one at a time, and shows which breaks no unit test notices.

    .venv/3.11/bin/python -m tests.mutants 20
    .venv/3.11/bin/python -m tests.mutants 50 --seed 3 messaging/worker messaging/flow

Each mutant is made in a copy of the checkout. What survives is shown as file, line and change: some
are equivalent, which only a person can tell.
"""

from __future__ import annotations

import argparse
import ast
import copy
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Type

from tests.conftest import ROOT

SECONDS = 120  # limit for the unit tests; a mutant that hangs counts as noticed
TESTS = ["awaited", "batcher", "destinations", "envelope", "handling", "intake", "leases"]
TESTS += ["patience", "queues", "replies", "settlement", "threads", "names", "outbox"]
TESTS += ["advice", "asking", "connection", "program", "recent", "requester", "settling"]
TESTS += ["shared_replies", "worker"]
SWAPS: Dict[Type[ast.AST], Type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}


class Mutant(NamedTuple):
    """A file with one change."""

    path: Path
    line: int
    change: str
    text: str


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield each variant of a file that differs from it in one place."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for number, original in enumerate(ast.walk(tree)):
        before = ast.unparse(original) if isinstance(original, (ast.expr, ast.stmt)) else ""
        if _change(copy.deepcopy(original)):
            mutated = copy.deepcopy(tree)
            node = next(node for at, node in enumerate(ast.walk(mutated)) if at == number)
            _change(node)
            line = getattr(node, "lineno", 0)
            yield Mutant(path, line, f"{before} -> {ast.unparse(node)}", ast.unparse(mutated))


def _change(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        swapped: Any = SWAPS[type(node.ops[0])]
        node.ops[0] = swapped()
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        node.value = not node.value
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        node.value = node.value + 1
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.UnaryOp):
        node.value = node.value.operand
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        node.value = ast.Constant(None)
    else:
        return False
    return True


def survives(mutant: Mutant, folder: Path) -> bool:
    """Return whether the unit tests pass although the file was changed."""
    place = folder / mutant.path.relative_to(ROOT)
    right = place.read_text(encoding="utf-8")
    place.write_text(mutant.text, encoding="utf-8")
    tests = [f"tests/unit/test_{name}.py" for name in TESTS]
    tests = [test for test in tests if (folder / test).exists()]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider"]
    try:
        ran = subprocess.run(
            [*command, *tests],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
        )
        return ran.returncode == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        place.write_text(right, encoding="utf-8")


def main(arguments: Optional[List[str]] = None) -> int:
    """Try mutants; print those that survive, and their number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=20, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(%(default)s)")
    parser.add_argument("paths", nargs="*", default=["messaging"], help="files or folders")
    options = parser.parse_intermixed_args(arguments)
    files = [
        file
        for path in options.paths
        for file in ([ROOT / path] if path.endswith(".py") else sorted((ROOT / path).rglob("*.py")))
    ]
    every = [mutant for file in files for mutant in mutants(file)]
    chosen = random.Random(options.seed).sample(every, min(options.count, len(every)))
    left = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "checkout"
        ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__")
        shutil.copytree(ROOT, folder, ignore=ignored)
        for mutant in chosen:
            if survives(mutant, folder):
                left += 1
                print(f"{mutant.path.relative_to(ROOT)}:{mutant.line}: {mutant.change}", flush=True)
    print(f"{len(chosen) - left} of {len(chosen)} were noticed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
