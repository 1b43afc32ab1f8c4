"""Paint: a photograph, a style, sliders that answer at once, and a painting in detail that becomes."""

import os
import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from fovea import images
from tests.browser.conftest import drawn, settled
from tests.web.conftest import png

DATA = os.environ.get("FOVEA_DATA")


@pytest.fixture(scope="module")
def photo():
    """A file: a photograph of a chess board where there are some, else coloured squares."""
    if DATA is None:
        squares = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
        return png(np.repeat(np.repeat(squares, 8, 0), 8, 1))
    with tarfile.open(f"{DATA}/chess.tar.gz") as archive:
        name = min(name for name in archive.getnames() if name.endswith(".jpg"))
        picture = images.read(BytesIO(archive.extractfile(name).read()), (192, 256), 3)
    return png(picture)


@pytest.fixture(scope="module")
def painting():
    """A file to take the style from: stripes, or a painting."""
    if DATA is not None:
        return Path(DATA, "style", "udnie.jpg").read_bytes()
    y, x = np.mgrid[:96, :96]
    return png(np.stack([250 * ((x + 2 * y) // 9 % 2), 120 + 0 * x, 2 * y], 2).astype(np.uint8))


def choose(page, which, content):
    page.locator(f"#{which}-file").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": content}
    )


@pytest.fixture
def page(opened, photo):
    """The view, with a photograph and its first painting."""
    page = opened()
    page.get_by_role("tab", name="Paint").click()
    choose(page, "photo", photo)
    expect(page.locator(".thumbs.styles button")).to_have_count(26, timeout=20_000)
    expect(page.get_by_role("button", name="Save")).to_be_visible(timeout=20_000)
    settled(page)
    return page


def test_every_trained_style_is_shown_and_chosen(page, shot):
    before = drawn(page, ".painting")
    page.locator(".thumbs.styles button").nth(19).click()
    settled(page)
    assert drawn(page, ".painting") != before
    shot(page, "paint")
    page.keyboard.press("ArrowLeft")  # a listbox of four columns
    expect(page.locator(".thumbs.styles [aria-selected=true]")).to_have_attribute("data-number", "19")


def test_the_sliders_answer_at_once(page):
    for name in ("strength", "colour", "scale"):
        before = drawn(page, ".painting")
        page.locator(f"#paint-{name}").fill("0.5")
        settled(page)
        assert drawn(page, ".painting") != before, name
    expect(page.locator("label[for=paint-strength] output")).to_have_text("50%")


def test_a_picture_s_style_at_once_and_in_detail(page, painting, shot):
    expect(page.get_by_role("button", name="Paint in detail")).to_be_disabled()
    page.get_by_role("tab", name="A picture").click()
    before = drawn(page, ".painting")
    choose(page, "style", painting)
    page.wait_for_function(
        "before => document.querySelector('.painting').toDataURL() !== before", arg=before[0], timeout=20_000
    )
    settled(page)
    before = drawn(page, ".painting")
    page.get_by_role("button", name="Paint in detail").click()
    page.wait_for_function(
        "before => document.querySelector('.painting').toDataURL() !== before", arg=before[0], timeout=120_000
    )
    expect(page.locator("#painting .note[role=status]")).to_contain_text("loss", timeout=20_000)
    shot(page, "paint-detail")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Paint in detail")).to_be_enabled(timeout=60_000)


def test_a_part_is_painted_within_a_mask(page, shot):
    whole = drawn(page, ".painting")
    page.locator("#painting summary", has_text="Paint only a part").click()
    width, height = (
        page.locator(".painting").evaluate(f"canvas => canvas.{side}") for side in ("width", "height")
    )
    mask = np.zeros((height, width), np.uint8)
    mask[:, : width // 2] = 255
    choose(page, "mask", png(mask))
    settled(page)
    part = drawn(page, ".painting")
    assert part != whole
    page.locator("#painting details details summary").click()
    board = page.locator("#painting details .sketch")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.6 * box["height"], steps=5)
    page.mouse.up()
    settled(page)
    by_hand = drawn(page, ".painting")
    assert by_hand not in (part, whole)
    shot(page, "paint-mask")
    page.locator("#painting details").get_by_role("button", name="Clear").click()  # nothing drawn is no mask
    settled(page)
    assert drawn(page, ".painting") == whole
    choose(page, "mask", png(mask))
    settled(page)
    assert drawn(page, ".painting") == part
    page.get_by_role("button", name="Paint all").click()
    settled(page)
    assert drawn(page, ".painting") == whole


def test_a_mask_of_another_size_is_refused(page, opened):
    page.locator("#painting summary", has_text="Paint only a part").click()
    choose(page, "mask", png(np.full((40, 30), 255, np.uint8)))
    expect(page.locator("#alert")).to_contain_text("expected a mask of")
    opened.wrong.clear()


def test_a_drawing_is_a_photograph_too(page):
    before = drawn(page, "#painting .slot canvas >> nth=0")
    page.locator("#painting summary").first.click()
    page.get_by_role("radio", name="crimson").first.click()
    box = page.locator("#painting .sketch").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 100, steps=5)
    page.mouse.up()
    settled(page)
    assert drawn(page, "#painting .slot canvas >> nth=0") != before


def test_the_painting_is_saved(page, tmp_path):
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save").click()
    saved.value.save_as(tmp_path / "painting.png")
    assert images.read(tmp_path / "painting.png").shape[2] == 3


def test_a_file_that_is_no_picture_is_refused(opened):
    page = opened()
    page.get_by_role("tab", name="Paint").click()
    choose(page, "photo", b"no picture")
    expect(page.locator("#alert")).to_contain_text("expected a picture")
    opened.wrong.clear()  # the browser reports the refusal


@pytest.mark.parametrize("width", [390, 1100])
def test_it_fits_narrow_screens(opened, width):
    page = opened(viewport={"width": width, "height": 800})
    page.get_by_role("tab", name="Paint").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
