"""The network at work: pictures, layers, values, filters, the answer."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

import fovea
from tests.browser.conftest import drawn, layer, number, settled


@pytest.fixture(scope="module")
def network(run):
    return fovea.load(run / "best.safetensors")


@pytest.fixture(scope="module")
def picture():
    """What the page shows first."""
    return fovea.data.load("digits").test.read([0])[0][0]


def test_the_network_is_drawn_layer_by_layer(page, network, shot):
    names = page.locator(".layer-name b").all_inner_texts()
    assert names == [layer.name for layer in network.layers]
    maps = page.locator(".layer").first.locator("canvas")
    expect(maps).to_have_count(6)
    assert len(set(drawn(page, ".layer:first-child canvas"))) == 6
    shot(page, "light")


def test_the_answer_is_the_networks(page, network, picture):
    expected = network.predict(picture)[0]
    shown = page.locator(".classes .share").all_inner_texts()
    for text, p in zip(shown, expected, strict=True):
        if text[0] in "<>":
            assert (text[0] == "<") == (p < 0.5)
        else:
            assert number(text.rstrip("%")) == pytest.approx(100 * p, abs=0.06)
    assert page.locator(".verdict b").inner_text() == network.classes[expected.argmax()]


def test_another_picture_of_the_data_set_is_another_picture_in_every_layer(page):
    before = drawn(page, ".layer canvas:first-child")
    page.locator(".thumbs button").nth(3).click()
    settled(page)
    after = drawn(page, ".layer canvas:first-child")
    assert all(a != b for a, b in zip(before, after, strict=True))
    expect(page.locator(".thumbs button").nth(3)).to_have_attribute("aria-selected", "true")


def test_the_data_set_is_looked_through_by_class_and_page(page):
    page.get_by_label("Class", exact=True).select_option("7")
    expect(page.locator(".thumbs button").first).to_have_attribute("title", "7")
    assert set(page.locator(".thumbs button").evaluate_all("all => all.map(one => one.title)")) == {"7"}
    page.get_by_label("Next pictures").click()
    expect(page.locator(".dataset .where")).to_contain_text("25–48 of 200")
    page.get_by_label("Part").select_option("train")
    expect(page.locator(".dataset .where")).to_contain_text("1–24")


def test_a_layer_shows_its_maps_and_filters(page):
    layer(page, "conv2")
    expect(page.locator(".gallery button")).to_have_count(16)
    expect(page.locator(".gallery .filter")).to_have_count(16)
    layer(page, "pool1")
    expect(page.locator(".gallery button")).to_have_count(6)
    expect(page.locator(".gallery .filter")).to_have_count(0)
    layer(page, "dense1")
    expect(page.locator(".gallery")).to_be_hidden()
    expect(page.locator(".terms tr")).to_have_count(13)


def test_a_map_in_the_list_leads_to_that_map(page):
    page.locator(".layer").nth(3).locator("canvas").nth(5).click()
    expect(page.locator("#detail h2")).to_contain_text("conv2")
    expect(page.locator(".gallery button").nth(5)).to_have_attribute("aria-selected", "true")


def cells(page, which):
    texts = (
        page.locator(".arithmetic table")
        .nth(which)
        .locator("td")
        .evaluate_all("all => all.map(one => one.querySelector('input')?.value ?? one.textContent)")
    )
    return np.array([0.0 if text == "·" else number(text) for text in texts])


def test_a_pixel_shows_its_window_times_filter_plus_bias(page, network, picture):
    layer(page, "conv1")
    box = page.locator(".stage.large").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 10.5 / 28, box["y"] + box["height"] * 12.5 / 28)
    expect(page.locator(".pixelmap output")).to_contain_text("row 12, column 10")
    step = fovea.trace(network, picture).forward("conv1", (12, 10, 0))
    expect(page.locator(".rule code")).to_have_text("conv1: Z[12, 10, 0]")
    settled(page)
    np.testing.assert_allclose(cells(page, 0), step.left.values.ravel(), atol=0.0051)
    np.testing.assert_allclose(cells(page, 1), step.right.values.ravel(), atol=0.0051)
    np.testing.assert_allclose(cells(page, 2), step.products.ravel(), atol=0.0051)
    total = page.locator(".arithmetic .total").inner_text()
    assert number(re.search(r"bias (\S+)", total).group(1)) == pytest.approx(step.bias, abs=1e-4)
    assert number(total.rsplit("=", 1)[1]) == pytest.approx(step.value, abs=1e-3)
    expect(page.locator(".frame")).to_be_visible()


def test_a_deep_filter_is_shown_channel_by_channel(page, network, picture):
    layer(page, "conv2")
    chips = page.locator(".chips button")
    expect(chips).to_have_count(6)
    step = fovea.trace(network, picture).forward("conv2", (5, 5, 0))
    sums = [number(text) for text in chips.all_inner_texts()]
    np.testing.assert_allclose(sums, step.products.sum(axis=(0, 1)), atol=0.0051)
    chips.nth(4).click()
    expect(chips.nth(4)).to_have_attribute("aria-selected", "true")
    np.testing.assert_allclose(cells(page, 0), step.left.values[:, :, 4].ravel(), atol=0.0051)


def test_a_pooling_window_shows_its_winner(page, network, picture):
    layer(page, "pool1")
    step = fovea.trace(network, picture).forward("pool1", (7, 7, 0))
    winner = step.winner[0] * 2 + step.winner[1]
    expect(page.locator(".arithmetic td").nth(winner)).to_have_class(re.compile("winner"))


def test_a_changed_number_changes_everything_downstream_and_can_be_taken_back(page):
    layer(page, "conv1")
    before, answer = drawn(page, ".layer canvas:first-child"), page.locator(".classes").inner_text()
    field = page.locator("#detail").get_by_label("Weight at row 2, column 2")
    field.fill("5")
    settled(page)
    after = drawn(page, ".layer canvas:first-child")
    assert all(a != b for a, b in zip(before, after, strict=True))
    expect(page.locator(".layer .changed").first).to_be_visible()
    expect(field).to_be_focused()
    assert field.input_value() == "5"
    page.get_by_role("button", name="Undo", exact=True).click()
    settled(page)
    assert drawn(page, ".layer canvas:first-child") == before
    assert page.locator(".classes").inner_text() == answer


def test_the_bias_can_be_changed(page):
    layer(page, "conv1")
    before = drawn(page, ".layer:first-child canvas:first-child")
    page.locator("#detail").get_by_role("textbox", name="Bias").fill("−2")
    settled(page)
    assert drawn(page, ".layer:first-child canvas:first-child") != before
    expect(page.locator(".arithmetic .total")).to_contain_text("bias −2")


@pytest.mark.parametrize("name", ["sobel-vertical", "scharr-horizontal"])
def test_a_known_filter_is_chosen(page, name, shot):
    layer(page, "conv1")
    before = drawn(page, ".layer canvas:first-child")
    page.get_by_label("Replace the filter with a known one").select_option(name)
    settled(page)
    framed = np.zeros((5, 5))
    framed[1:4, 1:4] = fovea.filters.weights(name, "opencv")
    np.testing.assert_array_equal(cells(page, 1), framed.ravel())
    assert all(a != b for a, b in zip(before, drawn(page, ".layer canvas:first-child"), strict=True))
    if name == "sobel-vertical":
        shot(page, "sobel", clip={"x": 290, "y": 50, "width": 1140, "height": 810})


@pytest.mark.parametrize("text", ["", "x", "1e99", "--1", "NaN"])
def test_what_is_no_number_changes_nothing(page, text):
    layer(page, "conv1")
    before = drawn(page, ".layer canvas:first-child")
    field = page.locator("#detail").get_by_label("Weight at row 0, column 0")
    field.fill(text)
    settled(page)
    expect(field).to_have_attribute("aria-invalid", "true")
    assert drawn(page, ".layer canvas:first-child") == before


def test_where_the_class_is_found_lies_over_the_picture(page):
    page.locator(".thumbs button").nth(2).click()
    light = page.locator(".light")
    expect(light).to_be_hidden()
    page.get_by_role("radio", name="Grad-CAM").click()
    expect(light).to_be_visible()
    expect(page.locator(".found")).to_have_text("Orange: evidence for 7.")
    own = drawn(page, ".light")
    page.locator(".classes button").nth(1).click()
    settled(page)
    assert drawn(page, ".light") != own
    page.get_by_role("radio", name="Saliency").click()
    settled(page)
    assert drawn(page, ".light") != own
    page.get_by_role("radio", name="Picture").click()
    expect(light).to_be_hidden()


@pytest.mark.parametrize(("view", "array"), [("input", "dA_prev"), ("weights", "dW"), ("bias", "db")])
def test_gradients_are_made_up_of_their_products(page, network, picture, view, array, shot):
    layer(page, "conv2")
    page.locator(".classes button").nth(3).click()  # the loss of a wrong answer is large
    page.get_by_role("radio", name=f"Gradient of the {view}").click()
    expect(page.locator(".rule code")).to_contain_text(array)
    expect(page.locator("#detail .note")).to_contain_text("loss of class 3")
    settled(page)
    t = fovea.trace(network, picture, label=3)
    expected = {"input": t.dA_prev("conv2")[7, 7, 0], "weights": t.gradients["conv2.W"][2, 2, 0, 0],
                "bias": t.gradients["conv2.b"][0]}[view]  # fmt: skip
    shown = page.locator(".arithmetic .total b").inner_text()
    digits, _, power = shown.partition("·10")
    power = int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))) if power else 0
    assert number(digits) * 10**power == pytest.approx(float(expected), rel=1e-2, abs=1e-4)
    if view == "input":
        shot(page, "backward", clip={"x": 290, "y": 50, "width": 1140, "height": 810})
