"""Padding, stride and pooling on a small grid that moves step by step."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import number, settled


@pytest.fixture
def steps(page):
    page.get_by_role("tab", name="Step by step").click()
    settled(page)
    return page


def cells(page, part):
    texts = page.locator(f"[data-part={part}] td").evaluate_all(
        "all => all.map(one => one.querySelector('input')?.value ?? one.textContent)"
    )
    return [number(text) if text not in ("", "·") else None for text in texts]


def slide(page, name, value):
    page.get_by_role("slider", name=name).fill(str(value))
    settled(page)


def frame(page, part="picture"):
    """Where the window stands, in cells (row, column)."""
    place = page.locator(f"[data-part={part}] .window").evaluate(
        "one => [parseFloat(one.style.top), parseFloat(one.style.left)]"
    )
    cell = (
        page.locator(f"[data-part={part}] td")
        .nth(0)
        .evaluate("one => [one.offsetHeight + 1, one.offsetWidth + 1]")
    )
    return tuple(round(p / c) for p, c in zip(place, cell, strict=True))


def test_a_convolution_is_done_step_by_step(steps, shot):
    page = steps
    page.wait_for_function("() => document.querySelector('[data-part=picture] .window').offsetWidth > 100")
    expect(page.locator(".formula")).to_contain_text("⌊(6 + 0 − 3) / 1⌋ + 1 = 4")
    assert cells(page, "output") == [0, *[None] * 15]
    for _ in range(5):
        page.get_by_label("Step forward").click()
    assert cells(page, "output")[:7] == [0, 30, 30, 0, 0, 30, None]
    assert frame(page) == (1, 1)
    expect(page.locator(".board + .total")).to_have_text("10 + 10 + 10 = 30")
    page.mouse.move(0, 0)
    shot(page, "steps", clip={"x": 122, "y": 50, "width": 1196, "height": 600})
    page.get_by_label("Step back").click()
    assert frame(page) == (1, 0)
    page.get_by_label("First step").click()
    assert frame(page) == (0, 0)


def test_it_plays_and_pauses(steps):
    page = steps
    page.get_by_label("Speed").select_option("fast")
    page.get_by_label("Play").click()
    expect(page.locator(".player .where")).to_have_text(re.compile(r"^[3-9] of 16"))
    page.get_by_label("Pause").click()
    where = page.locator(".player .where").inner_text()
    page.wait_for_timeout(600)
    assert page.locator(".player .where").inner_text() == where
    page.get_by_role("slider", name="Step").fill("15")
    expect(page.locator(".player .where")).to_have_text("16 of 16")


def test_keys_play_and_step(steps):
    page = steps
    page.get_by_label("Step forward").focus()
    page.locator("#main").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".player .where")).to_have_text("3 of 16")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".player .where")).to_have_text("2 of 16")
    page.keyboard.press("Space")
    expect(page.get_by_label("Pause")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_label("Play")).to_be_visible()


def test_padding_keeps_the_size_and_uses_corners_more(steps):
    page = steps
    page.get_by_label("how many windows use each pixel").check()
    assert cells(page, "picture")[0] == 1
    slide(page, "Padding p", 1)
    expect(page.locator(".formula b")).to_have_text("6")
    assert cells(page, "picture")[9] == 4  # the corner, behind a frame of padding
    assert len(cells(page, "picture")) == 64


def test_a_stride_skips(steps):
    page = steps
    slide(page, "Stride s", 3)
    expect(page.locator(".formula b")).to_have_text("2")
    page.get_by_label("Step forward").click()
    assert frame(page) == (0, 3)


def test_pooling_takes_the_largest_and_gives_its_gradient_there(steps):
    page = steps
    page.get_by_role("radio", name="Max pooling").click()
    page.get_by_role("combobox", name="Input").select_option("numbers")
    slide(page, "Window f", 2)
    slide(page, "Stride s", 2)
    expect(page.locator(".board + .total")).to_have_text("the largest of 0, 1, 6, 7 is 7")
    expect(page.locator("[data-part=picture] .winner")).to_have_text("7")
    expect(page.locator("[data-part=filter]")).to_have_count(0)
    page.get_by_role("radio", name="Backward").click()
    assert [value for value in cells(page, "dA") if value] == [1]
    page.get_by_role("radio", name="Average pooling").click()
    settled(page)
    assert cells(page, "dA")[:2] == [0.25, 0.25]


def test_backward_adds_up(steps, shot):
    page = steps
    slide(page, "Padding p", 1)
    page.get_by_role("radio", name="Backward").click()
    page.get_by_role("slider", name="Step").fill("35")
    expect(page.locator(".board + .total b")).to_have_text("72")  # db: 36 positions of 1, 2 and 3
    assert sum(cells(page, "dZ")) == 72
    page.get_by_role("slider", name="Step").fill("8")
    assert frame(page, "dA") == (1, 2)
    page.mouse.move(0, 0)
    shot(page, "steps-backward", clip={"x": 122, "y": 50, "width": 1196, "height": 800})


def test_a_filter_is_typed_or_chosen(steps):
    page = steps
    page.get_by_role("combobox", name="Filter").select_option("sobel-vertical")
    settled(page)
    assert cells(page, "filter") == [-1, 0, 1, -2, 0, 2, -1, 0, 1]
    page.locator("#steps").get_by_label("Weight at row 1, column 1").fill("7")
    settled(page)
    assert cells(page, "filter")[4] == 7
    assert cells(page, "products")[4] == 70


def test_what_does_not_fit_is_told_so(opened):
    page = opened()
    page.get_by_role("tab", name="Step by step").click()
    slide(page, "Window f", 7)
    expect(page.locator("#steps .note")).to_contain_text("expected an input of at least 7×7")
    slide(page, "Picture n", 9)
    expect(page.locator("#steps .note")).to_be_empty()
    expect(page.locator(".formula b")).to_have_text("3")
    assert all("400" in text for text in opened.wrong)
    opened.wrong.clear()
