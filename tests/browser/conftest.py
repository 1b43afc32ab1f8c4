"""The page in a real browser: headless Chromium, driven by Playwright; `make browser` runs these.

The network is LeNet-5, trained for a moment on the drawn digits. FOVEA_SHOTS is a folder for pictures of the
page; FOVEA_CHROMIUM the browser, where it is none of the usual names.
"""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

import fovea

FOVEA = [sys.executable, "-m", "fovea"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
expect.set_options(timeout=10_000)


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The folder of a finished run: LeNet-5 and the drawn digits."""
    folder = tmp_path_factory.mktemp("browser") / "digits"
    digits = fovea.data.load("digits")
    network = fovea.models.lenet5(digits.shape, digits.classes)
    fovea.train(network, digits, epochs=3, out=folder, arguments={"data": "digits"})
    return folder


@contextmanager
def served(run, *more):
    """`fovea look` in a process of its own: yields the address and the process."""
    command = [*FOVEA, "look", str(run), "--port", "0", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:"), line + process.stderr.read()
        yield line.split()[0], process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
        assert not err, err


@pytest.fixture(scope="session")
def address(run):
    with served(run) as (address, _):
        yield address


@pytest.fixture(scope="session")
def browser():
    path = os.environ.get("FOVEA_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # where Chromium's own sandbox does not start
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if root else [])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, address):
    """opened(**options) → the page in a browser of its own. No error may be left, and nothing be loaded from
    elsewhere."""
    contexts, wrong = [], []

    def opened(url=address, **options):
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 1000}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console", lambda message: message.type in ("error", "warning") and wrong.append(message.text)
        )
        page.on(
            "request",
            lambda request: request.url.startswith((url, "data:", "blob:")) or wrong.append(request.url),
        )
        page.goto(url)
        expect(page.locator(".verdict b")).not_to_be_empty()
        settled(page)
        return page

    opened.wrong = wrong
    yield opened
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def page(opened):
    return opened()


@pytest.fixture
def shot():
    """shot(page or part of it, name): a picture of it for the documentation, in as few colours as do."""

    def shot(part, name, **how):
        folder = os.environ.get("FOVEA_SHOTS")
        if not folder:
            return
        from PIL import Image

        path = Path(folder, f"look-{name}.png")
        part.screenshot(path=path, animations="disabled", **how)
        with Image.open(path) as image:
            small = image.convert("RGB").quantize(
                256, Image.Quantize.MEDIANCUT, kmeans=3, dither=Image.Dither.NONE
            )
        small.save(path, optimize=True)

    return shot


def layer(page, name):
    """Chooses a layer."""
    page.locator(".layer-name", has=page.locator(f"b:text-is('{name}')")).click()
    expect(page.locator("#detail h2")).to_contain_text(name)


def drawn(page, selector):
    """What canvases show, as texts to compare."""
    return page.locator(selector).evaluate_all("all => all.map(one => one.toDataURL())")


def settled(page):
    """Waits until the last answer has been drawn."""
    for _ in range(2):  # an answer may ask the next question
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        page.wait_for_selector("main:not([aria-busy=true])")


def number(text):
    return float(text.replace("−", "-").replace(",", ""))
