"""Films the page of `fovea look` at work, for the README: docs/look.webp.

    python docs/film.py        (`make film`; needs Chromium, and Playwright from the extra "browser")

LeNet-5 learns the drawn digits for a moment; then a headless browser walks through the page: pixels and the
windows behind them, a learned filter replaced by Sobel's, the gradient of the weights, a digit drawn by hand.
"""

import io
import shutil
import signal
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import fovea

SIZE = {"width": 1440, "height": 940}  # pixels of the page
WIDTH = 1200  # pixels of the film
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Film:
    """Frames of `page`, each shown for some time."""

    def __init__(self, page: Page) -> None:
        self.page, self.frames, self.times = page, [], []

    def shot(self, milliseconds: int) -> None:
        """Show the page as it is, once the last answer has been drawn, for that long."""
        for _ in range(2):  # an answer may ask the next question
            self.page.evaluate(
                "() => new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))"
            )
            self.page.wait_for_selector("main:not([aria-busy=true])")
        with Image.open(io.BytesIO(self.page.screenshot(animations="disabled"))) as image:
            height = round(image.height * WIDTH / image.width)
            self.frames.append(image.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS))
        self.times.append(milliseconds)

    def write(self, path: Path) -> None:
        first, *rest = self.frames
        first.save(path, save_all=True, append_images=rest, duration=self.times, loop=0, quality=70, method=6)


def act(film: Film) -> None:
    """Perform the scenes of the film."""
    page = film.page
    film.shot(1400)
    pixels = page.locator(".stage.large")
    for column in range(6, 22, 2):  # a window moves over the picture
        box = pixels.bounding_box()
        page.mouse.click(box["x"] + box["width"] * (column + 0.5) / 28, box["y"] + box["height"] * 12.5 / 28)
        film.shot(260)
    film.shot(1000)
    page.get_by_label("Replace the filter with a known one").select_option("sobel-vertical")
    film.shot(2200)
    page.get_by_role("button", name="Undo", exact=True).click()
    page.locator(".layer-name", has=page.locator("b:text-is('conv2')")).click()
    film.shot(1400)
    page.get_by_role("radio", name="Gradient of the weights").click()
    film.shot(2000)
    page.get_by_role("radio", name="Grad-CAM").click()
    film.shot(1400)
    page.get_by_role("radio", name="Picture").click()
    page.get_by_role("radio", name="Forward").click()
    page.locator(".layer-name", has=page.locator("b:text-is('conv1')")).click()
    page.get_by_role("tab", name="Draw").click()
    board = page.locator("canvas.sketch").bounding_box()
    path = [(0.28, 0.25), (0.72, 0.25), (0.6, 0.5), (0.48, 0.85)]  # a seven

    def at(x: float, y: float) -> tuple[float, float]:
        return board["x"] + board["width"] * x, board["y"] + board["height"] * y

    page.mouse.move(*at(*path[0]))
    page.mouse.down()
    for (x0, y0), (x1, y1) in pairwise(path):
        for step in (0.25, 0.5, 0.75, 1):
            page.mouse.move(*at(x0 + (x1 - x0) * step, y0 + (y1 - y0) * step))
            film.shot(150)
    page.mouse.up()
    film.shot(2500)


def main() -> None:
    browser_path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with tempfile.TemporaryDirectory() as place:
        run = Path(place, "digits")
        digits = fovea.data.load("digits")
        network = fovea.models.lenet5(digits.shape, digits.classes)
        fovea.train(network, digits, epochs=3, out=run, arguments={"data": "digits"})
        command = [sys.executable, "-m", "fovea", "look", str(run), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                address = server.stdout.readline().split()[0]
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
                    page = browser.new_page(viewport=SIZE)
                    page.goto(address)
                    page.wait_for_selector(".verdict b:not(:empty)")
                    film = Film(page)
                    act(film)
                    film.write(Path(__file__).with_name("look.webp"))
                    browser.close()
            finally:
                server.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
