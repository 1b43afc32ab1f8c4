"""The progress bar and its picture: in a terminal that can show them, and nowhere else."""

import io

import numpy as np
import pytest
from rich.console import Console

from fovea.apps import counter, preview
from fovea.apps.counter import Counter

RED_OVER_BLUE = np.repeat(np.array([[[255, 0, 0]], [[0, 0, 255]]], np.uint8), 16, 0).repeat(64, 1)


def console(width=80, height=24, **how):
    how = {"force_terminal": True, "color_system": "truecolor", "no_color": False, "_environ": {}} | how
    return Console(file=io.StringIO(), width=width, height=height, **how)


def lines(picture, console):
    console.print(preview.blocks(picture, console), end="")
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((32, 64), (80, 24), (80, 20)),
        ((32, 64), (40, 24), (40, 10)),
        ((32, 64), (200, 100), (96, 24)),
        ((64, 32), (80, 24), (20, 20)),
        ((30, 2), (80, 24), None),  # too narrow to show anything
        ((32, 64), (80, 4), None),
        ((32, 64), (6, 24), None),
    ],
)
def test_a_picture_fits_its_terminal_and_keeps_its_proportions(shape, size, expected):
    picture = np.zeros((*shape, 3), np.uint8)
    if expected is None:
        assert preview.blocks(picture, console(*size)) is None
    else:
        found = lines(picture, console(*size))
        assert {line.count("▀") for line in found} == {expected[0]}
        assert len(found) == expected[1]


def test_a_character_is_two_pixels():
    picture = np.repeat(np.array([[[255, 0, 0]], [[0, 0, 255]]], np.uint8), 8, 1)
    (line,) = lines(picture, console(8, 24))
    assert line == 8 * "\x1b[38;2;255;0;0;48;2;0;0;255m▀\x1b[0m"


@pytest.mark.parametrize(
    ("how", "shows"),
    [
        ({}, True),
        ({"color_system": "256"}, True),
        ({"color_system": "standard"}, False),
        ({"color_system": None}, False),
        ({"no_color": True}, False),
        ({"force_terminal": False}, False),
        ({"_environ": {"TERM": "dumb"}}, False),
    ],
)
def test_a_terminal_without_colours_shows_none(how, shows, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    assert preview.can_show(console(**how)) == shows
    monkeypatch.setenv("CI", "true")
    assert not preview.can_show(console(**how))


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown(monkeypatch):
    """A function that counts with a picture and returns the text on standard error."""
    monkeypatch.setattr(counter, "PATIENCE", 0)
    monkeypatch.delenv("CI", raising=False)
    for name, value in (("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("COLUMNS", "80")):
        monkeypatch.setenv(name, value)

    def shown(stream, picture):
        monkeypatch.setattr("sys.stderr", stream)
        with Counter("painting") as count:
            count.picture = picture
            count(1, 10)
        return stream.getvalue()

    return shown


def test_the_picture_is_above_the_bar_and_both_are_erased(shown, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = shown(Terminal(), lambda: RED_OVER_BLUE)
    assert text.index("▀") < text.rindex("painting")
    below = text[text.rindex("painting") :]
    assert below.count("\x1b[1A\x1b[2K") >= text.count("\n") // 2  # up, and cleared, line by line
    assert text.endswith("\x1b[2K")


def test_without_a_terminal_nothing_is_written_and_no_picture_made(shown):
    assert shown(io.StringIO(), lambda: pytest.fail("a picture was made")) == ""


def test_without_colours_there_is_a_bar_alone(shown, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown(Terminal(), lambda: pytest.fail("a picture was made"))
    assert "painting" in text
    assert "▀" not in text
