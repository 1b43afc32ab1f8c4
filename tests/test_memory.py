"""Memory is bounded by what there is, and running out of it is no fault of the file."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from threading import Lock
from weakref import ref

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from fovea import engine, images, memory, models
from fovea.apps.predict import predict
from fovea.classification.task import Classification
from fovea.data.files import Files
from fovea.errors import DataError, OutOfMemoryError
from fovea.images import decoding
from fovea.layers import Conv2D, Flatten
from fovea.network import Network
from tests import tiny

SIDE = 1500  # pixels of pictures that are worth counting


@pytest.fixture
def photos(tmp_path):
    """Two small pictures and a large one."""
    for name, side in (("a", 8), ("b", SIDE), ("c", 8)):
        images.write(tmp_path / f"{name}.png", np.zeros((side, side, 3), np.uint8))
    return [str(tmp_path / f"{name}.png") for name in "abc"]


def limited(script: str, *arguments: str) -> str:
    answer = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc there")
def test_what_is_available_is_no_more_than_any_limit():
    assert 0 < memory.available() <= memory.machine_memory()
    script = (
        "import resource; from fovea import memory\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30,) * 2); print(memory.available())"
    )
    assert 0 < int(limited(script)) < 1 << 30


def test_the_limits_of_containers_count(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("100000000\n")
    (tmp_path / "memory.current").write_text("90000000\n")
    (tmp_path / "memory.stat").write_text("anon 60000000\nactive_file 5000000\ninactive_file 25000000\n")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "_PLACES", tmp_path / "places")
    (tmp_path / "places").write_text("0::/a/b\n")
    assert memory.machine_memory() == 100_000_000
    assert memory.available() == 40_000_000  # files that are kept in memory would be given up


def test_threads_share_half_of_it_and_one_alone_may_have_all(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 100 << 20)
    budget, lock, used, most = memory.Budget(), Lock(), 0, 0

    def take(count: int) -> None:
        nonlocal used, most
        with budget.taken(count, "a.png", "to decode it"):
            with lock:
                used += count
                most = max(most, used)
            time.sleep(0.002)
            with lock:
                used -= count

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, [20 << 20] * 16))
        assert most == 40 << 20
        list(pool.map(take, [90 << 20] * 3))
    assert most == 90 << 20
    with pytest.raises(OutOfMemoryError, match=r"a\.png: expected 106 MB of memory to decode it, got 105 MB"):
        take(101 << 20)
    take(100 << 20)


def test_a_picture_that_memory_is_short_of_is_not_called_damaged(photos, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1 << 20)
    with pytest.raises(
        OutOfMemoryError, match=r"b\.png: expected .* MB of memory .*: not enough memory"
    ) as found:
        images.read(photos[1])
    assert not isinstance(found.value, DataError)
    files = Files(photos, (8, 8, 1), memory=1 << 20)
    with pytest.raises(OutOfMemoryError):
        files.read(np.arange(3))
    assert files.bad == {}


@pytest.mark.parametrize("error", [MemoryError(), OSError("out of memory when reading image file")])
def test_decoders_that_run_out_of_memory_are_heard(photos, monkeypatch, error):
    def load(self):
        raise error

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(OutOfMemoryError, match=r"a\.png: .*not enough memory"):
        images.read(photos[0])


@pytest.mark.parametrize("whole", [True, False])
def test_pixels_are_free_when_they_are_not_counted_any_more(photos, monkeypatch, whole):
    pictures = []

    class Watched(memory.Budget):
        @contextmanager
        def taken(self, *what):
            try:
                yield
            finally:
                assert [picture() for picture in pictures] == [None]

    def made(image):
        pictures.append(ref(image))
        if not whole:
            raise ValueError("damaged")
        return np.zeros(1)

    monkeypatch.setattr(decoding, "_BUDGET", Watched())
    with nullcontext() if whole else pytest.raises(DataError, match="damaged"):
        decoding.decode(photos[1], made)
    assert len(pictures) == 1


def test_predict_answers_what_it_can_and_then_says_so(photos, monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    monkeypatch.setattr(memory, "available", lambda: 1 << 20)
    entries = []
    with pytest.raises(OutOfMemoryError, match="each of 3 pictures, got too little for 1, such as"):
        entries.extend(predict(tiny.network(), Classification(), photos))
    assert [entry["class"] is None for entry in entries] == [False, True, False]
    assert "not enough memory" in entries[1]["error"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems measure in other units")
@pytest.mark.parametrize(("mode", "most"), [("I;16", 5), ("P", 4), ("RGBA", 10)])
def test_no_picture_is_copied_wide(tmp_path, mode, most):
    """`most` bytes a pixel, with Pillow's own form of the picture, and a margin of one or two."""
    side = 4000
    image = Image.new(mode, (side, side))
    image.save(tmp_path / "a.png", compress_level=1)
    script = (
        "import resource, sys; from fovea import images\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "images.read(sys.argv[1], 8); before = peak(); images.read(sys.argv[2], 8); print(peak() - before)"
    )
    images.write(tmp_path / "small.png", np.zeros((500, 500, 3), np.uint8))
    grown = int(limited(script, str(tmp_path / "small.png"), str(tmp_path / "a.png"))) << 10
    assert grown < most * side * side


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc there")
def test_many_large_pictures_fit_where_one_does(tmp_path):
    Image.new("RGBA", (4500, 4500)).save(tmp_path / "a.png", compress_level=1)  # 162 MB to decode
    script = (
        "import resource, sys; from concurrent.futures import ThreadPoolExecutor\n"
        "from pathlib import Path; from fovea import images\n"
        "own = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "images.read(sys.argv[2], 8)\n"  # whatever is imported late
        "threads = 4 * (72 << 20)\n"  # the stack and heap of each
        "resource.setrlimit(resource.RLIMIT_AS, (own + threads + (200 << 20),) * 2)\n"
        "with ThreadPoolExecutor(4) as pool:\n"
        "    print(len(list(pool.map(lambda file: images.read(file, 8), [sys.argv[1]] * 8))))"
    )
    images.write(tmp_path / "small.png", np.zeros((8, 8), np.uint8))
    assert limited(script, str(tmp_path / "a.png"), str(tmp_path / "small.png")) == "8\n"


@pytest.mark.parametrize("run", [Network.run, Network.forward])
@pytest.mark.parametrize("room", [1 << 30, 1 << 62])
def test_a_layer_whose_output_does_not_fit_is_named(run, room, monkeypatch):
    network = Network([Conv2D(4, 3, padding=10000), Flatten()], (8, 8, 3))
    monkeypatch.setattr(memory, "available", lambda: room)

    def fails(*arguments, **named):
        raise MemoryError

    monkeypatch.setattr(Conv2D, "forward", fails)
    words = 'Conv2D "conv1": expected (6,404 MB of memory for its output|more memory than there is)'
    with engine("reference"), pytest.raises(OutOfMemoryError, match=words):
        run(network, np.zeros((1, 8, 8, 3), np.float32))


@pytest.mark.parametrize(
    ("room", "purpose"), [(7 * 10**9, "for its parameters and"), (20 * 10**9, "to draw its")]
)
def test_a_network_that_does_not_fit_is_refused_before_its_weights_are_drawn(room, purpose, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: room)
    words = rf"Network: expected [\d,]+ MB of memory {purpose}"
    with pytest.raises(OutOfMemoryError, match=words):
        models.build("lenet5", (4000, 4000, 1), 10)
