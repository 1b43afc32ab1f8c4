"""ARCHITECTURE.md is true: its tree lists the files that there are, and its order is the import linter's."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
WHOLE = ("src/fovea", "benchmarks")  # of tests, the folders only


def listed() -> dict[str, str]:
    """Each path of the tree → what its line says; folders end in a slash."""
    found, parents = {}, []
    for line in TEXT.split("```")[1].strip().splitlines():
        indent, name, words = re.fullmatch(r"( *)(\S+) *(.*)", line).groups()
        parents[len(indent) // 2 :] = [name]
        found["".join(parents)] = words
    return found


def test_the_tree_has_every_file_and_no_other():
    folders = {f"{p.relative_to(ROOT)}/" for p in (ROOT / "tests").iterdir() if p.is_dir()}
    there = {"src/fovea/", "tests/", "benchmarks/", "docs/", "typings/", *folders}
    for name in WHOLE:
        for path in (ROOT / name).rglob("*"):
            there.add(f"{path.relative_to(ROOT)}{'/' if path.is_dir() else ''}")
    there = {path for path in there if "__pycache__" not in path}
    assert set(listed()) == there


def test_every_file_has_a_line():
    assert not [path for path, words in listed().items() if not words and not path.endswith("/")]


def test_the_order_is_what_the_import_linter_checks():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(c for c in contracts if c["containers"] == ["fovea"])["layers"]
    block = re.search(r"none beside it\.\n\n(( {4}.+\n)+)", TEXT).group(1)
    assert [line.split() for line in block.splitlines()] == [layer.split(" | ") for layer in layers]
