"""A run, watched while it trains, and when it is gone."""

import re
import shutil
import threading
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

import fovea
from fovea.training import progress
from fovea.training.run_folder import Folder
from tests.browser.conftest import drawn, served, settled


class Paused(progress.Progress):
    """Waits after every epoch until it is let on."""

    def __init__(self):
        self.begun, self.on, self.done = threading.Event(), threading.Semaphore(0), 0

    def begin(self, task, at, epochs, steps):
        self.begun.set()

    def epoch(self, at):
        self.done += 1
        self.on.acquire(timeout=60)

    def let_on(self):
        self.on.release(5)


class Slow(progress.Progress):
    """Takes its time for every step, and crawls on from a third of the first epoch until it has been looked
    at, and of the last one until it is let on: however slow the page is, it finds an epoch half done."""

    def __init__(self):
        self.begun, self.looked, self.on, self.steps = *(threading.Event() for _ in range(3)), 0

    def begin(self, task, at, epochs, steps):
        self.steps = steps
        self.begun.set()

    def step(self, at):
        self.on.wait(0.025)
        awaited = {1: self.looked, 3: self.on}.get(at.epoch)
        if awaited and 3 * at.step >= self.steps:
            awaited.wait(0.5)

    def let_on(self):
        self.looked.set()
        self.on.set()


@contextmanager
def training_in(folder, progress):
    """LeNet-5 learns the drawn digits, in a thread."""
    digits = fovea.data.load("digits")
    network = fovea.models.lenet5(digits.shape, digits.classes)
    thread = threading.Thread(
        target=fovea.train, args=(network, digits),
        kwargs={"epochs": 3, "out": folder, "arguments": {"data": "digits"}, "progress": progress},
    )  # fmt: skip
    thread.start()
    try:
        assert progress.begun.wait(60)
        yield
    finally:
        progress.let_on()
        thread.join(60)


@pytest.fixture
def live(tmp_path):
    """A training that goes on in a thread, and its folder."""
    progress = Paused()
    with training_in(tmp_path / "live", progress):
        yield tmp_path / "live", progress.on


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
        expect(page.locator(".chart .line:not(.within)")).to_have_count(4)
        assert all(a != b for a, b in zip(filters, drawn(page, ".filters .maps canvas"), strict=True))

        page.get_by_label("use the latest weights").check()
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
        page.close()  # it would go on asking


def test_loss_and_filters_move_within_an_epoch(opened, shot, tmp_path):
    progress, folder = Slow(), tmp_path / "digits"
    with training_in(folder, progress), served(folder) as (address, _):
        page = opened(address, viewport={"width": 1280, "height": 640})
        page.get_by_role("tab", name="Training").click()
        status, fine = page.locator("#training .status"), page.locator(".chart .within").first
        expect(status).to_contain_text(re.compile(r"Running: epoch 1 of 3, \d+% of it done"), timeout=30_000)
        assert not Folder(folder).results.exists()
        course, filters = fine.get_attribute("d"), drawn(page, ".filters .maps canvas")
        expect(fine).not_to_have_attribute("d", course)
        assert fine.get_attribute("d").startswith(course[:6])
        assert all(a != b for a, b in zip(filters, drawn(page, ".filters .maps canvas"), strict=True))
        progress.looked.set()
        expect(status).to_contain_text(re.compile(r"epoch 3 of 3, [3-9]\d% of it done"), timeout=60_000)
        shot(page, "training")
        progress.let_on()
        expect(status).to_contain_text("Finished: epoch 3 of 3", timeout=30_000)
        page.close()


def test_a_finished_run(page):
    page.get_by_role("tab", name="Training").click()
    expect(page.locator("#training .status")).to_contain_text("Finished: epoch 3 of 3")
    expect(page.locator(".chart").first).to_have_attribute("aria-label", re.compile("validation"))


def test_a_folder_that_disappears_is_told_so_and_the_page_goes_on(run, tmp_path, opened):
    copy = shutil.copytree(run, tmp_path / "copy")
    with served(copy) as (address, _):
        page = opened(address)
        page.get_by_role("tab", name="Training").click()
        expect(page.locator("#training .status")).to_contain_text("Finished")
        shutil.rmtree(copy)
        expect(page.locator("#training .status")).to_contain_text("no longer exists")
        page.get_by_role("tab", name="Network").click()
        before = drawn(page, ".layer canvas:first-child")
        page.locator(".thumbs button").nth(5).click()
        settled(page)
        assert drawn(page, ".layer canvas:first-child") != before
        page.close()
