"""A run, watched while it trains, and when it is gone."""

import shutil
import threading

import pytest
from playwright.sync_api import expect

import fovea
from fovea import training
from tests.browser.conftest import drawn, served, settled


class Paused(training.Progress):
    """Waits after every epoch until it is let on."""

    def __init__(self):
        self.begun, self.on, self.done = threading.Event(), threading.Semaphore(0), 0

    def begin(self, at, epochs, steps):
        self.begun.set()

    def epoch(self, at):
        self.done += 1
        self.on.acquire(timeout=60)


@pytest.fixture
def live(tmp_path):
    """A training that goes on in a thread, and its folder."""
    digits = fovea.data.load("digits")
    network = fovea.models.lenet5(digits.shape, digits.classes)
    progress, folder = Paused(), tmp_path / "live"
    thread = threading.Thread(
        target=fovea.train, args=(network, digits),
        kwargs={"epochs": 3, "out": folder, "arguments": {"data": "digits"}, "progress": progress},
    )  # fmt: skip
    thread.start()
    assert progress.begun.wait(60)
    yield folder, progress.on
    progress.on.release(5)
    thread.join(60)


def test_loss_accuracy_and_filters_are_shown_live(live, opened):
    folder, on = live
    with served(folder) as (address, _):
        page = opened(address)
        page.get_by_role("tab", name="Training").click()
        expect(page.locator("#training .status")).to_contain_text("Running: epoch 1 of 3", timeout=30_000)
        filters = drawn(page, ".filters .maps canvas")
        assert len(filters) == 6
        on.release()
        expect(page.locator("#training .status")).to_contain_text("epoch 2 of 3", timeout=30_000)
        expect(page.locator(".chart .line")).to_have_count(4)
        assert all(a != b for a, b in zip(filters, drawn(page, ".filters .maps canvas"), strict=True))

        page.get_by_label("let the whole page use the newest weights").check()
        page.get_by_role("tab", name="Network").click()
        settled(page)
        before = drawn(page, ".layer canvas:first-child")
        on.release()
        page.wait_for_function(
            "before => document.querySelector('.layer canvas').toDataURL() !== before",
            arg=before[0],
            timeout=30_000,
        )
        on.release()
        page.get_by_role("tab", name="Training").click()
        expect(page.locator("#training .status")).to_contain_text("Finished: epoch 3 of 3", timeout=30_000)


def test_a_finished_run(page, shot):
    page.set_viewport_size({"width": 1280, "height": 640})
    page.get_by_role("tab", name="Training").click()
    expect(page.locator("#training .status")).to_contain_text("Finished: epoch 3 of 3")
    expect(page.locator(".chart").first).to_have_attribute(
        "aria-label", __import__("re").compile("validation")
    )
    shot(page, "training")


def test_a_folder_that_disappears_is_told_so_and_the_page_goes_on(run, tmp_path, opened):
    copy = shutil.copytree(run, tmp_path / "copy")
    with served(copy) as (address, _):
        page = opened(address)
        page.get_by_role("tab", name="Training").click()
        expect(page.locator("#training .status")).to_contain_text("Finished")
        shutil.rmtree(copy)
        expect(page.locator("#training .status")).to_contain_text("not there any more")
        page.get_by_role("tab", name="Network").click()
        before = drawn(page, ".layer canvas:first-child")
        page.locator(".thumbs button").nth(5).click()
        settled(page)
        assert drawn(page, ".layer canvas:first-child") != before
