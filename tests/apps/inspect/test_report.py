import re
from html.parser import HTMLParser

import numpy as np

from fovea import images
from fovea.apps.inspect import report
from fovea.apps.inspect.report import Figure, Section

VOID = {"meta", "img", "source"}


class Reader(HTMLParser):
    """Complains of tags that are not closed; keeps what may lead out of the page, and the images."""

    def __init__(self):
        super().__init__()
        self.open, self.links, self.images, self.headings = [], [], [], []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.links += [found[name] for name in ("src", "srcset", "href") if name in found]
        if tag == "img":
            self.images.append(found)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(path) -> tuple[str, Reader]:
    """The page, after it was found to be whole and to need nothing but itself."""
    text, reader = path.read_text(encoding="utf-8"), Reader()
    reader.feed(text)
    assert not reader.open
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in reader.links)
    assert "<script" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text
    assert all(image["alt"] for image in reader.images)
    assert reader.headings[0] == 1
    assert all(b - a <= 1 for a, b in zip(reader.headings, reader.headings[1:], strict=False))
    return text, reader


def test_a_page_holds_its_pictures(tmp_path):
    images.write(tmp_path / "a.png", np.zeros((2, 2), np.uint8))
    light = Figure(tmp_path / "a.png", "a black square", "It is black.", "Square", dark=tmp_path / "a.png")
    inner = Section("Within", ["More."], bars=[("cat", 0.25, True)], figures=[light], legend=True)
    sections = [Section("One", figures=[light], sections=[inner]), Section("Two")]
    report.write(tmp_path / "page.html", "A title", ["Words."], sections, "The end.")
    text, reader = read(tmp_path / "page.html")
    assert [image["alt"] for image in reader.images] == ["a black square"] * 2
    assert "25.0%" in text
    assert text.count('href="#part') == text.count('id="part') == 2
    assert "prefers-color-scheme: dark" in text


def test_names_are_text_and_nothing_else(tmp_path):
    images.write(tmp_path / "a.png", np.zeros((2, 2), np.uint8))
    evil = "<script>alert('&\"')</script>\udcff"
    figure = Figure(tmp_path / "a.png", evil, evil, evil)
    section = Section(evil, [evil], [(evil, 0.5, False)], [figure])
    report.write(tmp_path / "page.html", evil, [evil], [section], evil)
    text, reader = read(tmp_path / "page.html")
    assert reader.images[0]["alt"].startswith("<script>alert('&\"')</script>")
    assert text.count("&lt;script&gt;") >= 8


def test_signs_that_nobody_sees_are_shown(tmp_path):
    report.write(tmp_path / "page.html", "\x1b[31m", ["\u202eabc"], [Section("a\nb")], "\udcff")
    text, _ = read(tmp_path / "page.html")
    assert all(words in text for words in (r"<h1>\x1b[31m</h1>", r"\u202eabc", r"a\nb", r"\udcff"))


def test_a_figure_that_was_not_drawn_leaves_the_page_whole(tmp_path):
    images.write(tmp_path / "a.png", np.zeros((2, 2), np.uint8))
    missing = tmp_path / "missing.png"
    figures = [Figure(missing, "none", ""), Figure(tmp_path / "a.png", "light", "", dark=missing)]
    report.write(tmp_path / "page.html", "A title", [], [Section("One", figures=figures)], "")
    _, reader = read(tmp_path / "page.html")
    assert [image["alt"] for image in reader.images] == ["light"]
