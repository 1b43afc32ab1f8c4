"""ARCHITECTURE.md is up to date: its tree and its order of imports are what `make architecture` writes."""

import re

from docs import architecture

TEXT = architecture.PAGE.read_text(encoding="utf-8")


def test_the_tree_and_the_order_are_the_codes():
    assert architecture.written(TEXT) == TEXT, "run make architecture"


def test_it_is_short_enough_to_read():
    assert len(TEXT.splitlines()) < 250


def test_files_that_it_names_exist():
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", TEXT)
    assert named
    assert not [name for name in named if not (architecture.ROOT / "src" / "fovea" / name).is_file()]
