"""Where pictures come from: files, dropped or chosen, and one's own hand."""

import base64

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import drawn, settled
from tests.web.conftest import png


@pytest.fixture
def seven():
    """uint8 (60, 60), a 7 in white on black"""
    picture = np.zeros((60, 60), np.uint8)
    picture[12:18, 14:46] = 255
    for row in range(18, 50):
        column = 42 - (row - 18) // 2
        picture[row, column - 3 : column + 3] = 255
    return picture


def test_a_file_is_chosen(page, seven):
    page.get_by_role("tab", name="File").click()
    page.locator("#file").set_input_files(
        {"name": "seven.png", "mimeType": "image/png", "buffer": png(seven)}
    )
    settled(page)
    expect(page.locator(".verdict b")).to_have_text("7")


def test_a_file_is_dropped_anywhere(page, seven):
    before = drawn(page, "#sight .stage canvas:first-child")
    content = base64.b64encode(png(seven)).decode()
    page.evaluate(
        """content => {
            const bytes = Uint8Array.from(atob(content), one => one.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], "seven.png", { type: "image/png" }));
            const how = { dataTransfer, bubbles: true, cancelable: true };
            for (const type of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(type, how));
        }""",
        content,
    )
    page.wait_for_function(
        "before => document.querySelector('#sight .stage canvas').toDataURL() !== before", arg=before[0]
    )


def test_a_file_that_is_no_picture_is_told_so_and_changes_nothing(opened):
    page = opened()
    before = drawn(page, "#sight .stage canvas:first-child")
    page.get_by_role("tab", name="File").click()
    page.locator("#file").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(page.locator("#alert")).to_contain_text("expected a picture")
    assert drawn(page, "#sight .stage canvas:first-child") == before
    page.get_by_role("tab", name="Data set").click()
    page.locator(".thumbs button").nth(2).click()
    expect(page.locator("#alert")).to_be_hidden()
    assert all("400" in text for text in opened.wrong)  # the browser's own note of the reply
    opened.wrong.clear()


def test_a_file_that_is_too_large_is_not_even_sent(page):
    page.get_by_role("tab", name="File").click()
    page.evaluate(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(25 * 2 ** 20)], "large.png"));
            const input = document.querySelector("#file");
            input.files = transfer.files;
            input.dispatchEvent(new Event("change"));
        }"""
    )
    expect(page.locator("#alert")).to_contain_text("25 megabytes")


BLANK = """() => {
    const [one, blank] = [document.querySelector("#sight .stage canvas"), document.createElement("canvas")];
    [blank.width, blank.height] = [one.width, one.height];
    blank.getContext("2d").fillRect(0, 0, one.width, one.height);
    return one.toDataURL() === blank.toDataURL();
}"""
STROKES = [(0.3, 0.2), (0.7, 0.2), (0.7, 0.22), (0.55, 0.5), (0.42, 0.85)]


def test_a_seven_is_drawn_with_the_mouse(page, shot):
    page.get_by_role("tab", name="Draw").click()
    box = page.locator(".sketch").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in STROKES]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()
    settled(page)
    expect(page.locator(".verdict b")).to_have_text("7")
    shot(page.locator("#sight"), "draw")
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function(BLANK)


def test_a_line_is_drawn_with_a_finger(opened):
    page = opened(viewport={"width": 380, "height": 800}, has_touch=True, is_mobile=True)
    page.get_by_role("tab", name="Draw").tap()
    board = page.locator(".sketch")
    board.scroll_into_view_if_needed()
    before = drawn(page, ".sketch")
    box = board.bounding_box()
    client = page.context.new_cdp_session(page)

    def where(t):
        return [{"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] * t}]

    client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": where(0.2)})
    for t in (0.4, 0.6, 0.8):
        client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": where(t)})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    settled(page)
    assert drawn(page, ".sketch") != before
    expect(page.locator(".verdict b")).to_have_text("1")


def test_a_line_is_drawn_with_keys(page):
    page.get_by_role("tab", name="Draw").click()
    page.locator(".sketch").focus()
    before = drawn(page, ".sketch")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Space")
    for _ in range(8):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Space")
    settled(page)
    assert drawn(page, ".sketch") != before
    expect(page.locator(".verdict b")).to_have_text("1")
    page.keyboard.press("Delete")
    assert drawn(page, ".sketch") == before
