"""Weights are fetched when asked for, checked, and kept whole or not at all; from a server on loopback."""

import hashlib
import shutil
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import fovea
from fovea import images, models, weights
from fovea.errors import DataError, FoveaError
from fovea.files.tensors import read_tensors
from fovea.weights import download
from tests.files import torch_files as make

NAME = "squeezenet1_1"


def tensors_of(name, folder, classes=10):
    """The tensors of an untrained network, by torchvision's names."""
    models.save_torch(models.build(name, classes=classes, weights=None), folder / name)
    return read_tensors(folder / name)[1]


@pytest.fixture(scope="module")
def tensors(tmp_path_factory):
    return tensors_of(NAME, tmp_path_factory.mktemp("tensors"))


@pytest.fixture(scope="module")
def content(tensors):
    return make.saved(tensors)


class Server:
    """Answers every request by `answer(handler)`, and keeps the paths in `asked`."""

    def __init__(self):
        server = self
        self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                server.answer(self)

            def log_message(self, *_):
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.handle_error = lambda request, address: None  # a client that hangs up
        self.url = f"http://127.0.0.1:{self.httpd.server_port}"
        self.thread = threading.Thread(target=self.httpd.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self):
        self.httpd.shutdown()
        self.thread.join()
        self.httpd.server_close()

    def sends(self, content, length=None):
        def answer(handler):
            handler.send_response(200)
            if length != "none":
                handler.send_header("Content-Length", str(len(content) if length is None else length))
            handler.end_headers()
            handler.wfile.write(content)
            handler.close_connection = True

        self.answer = answer

    def redirects(self, *places):
        """Each path to the next place, at last to what was sent before."""
        last = self.answer

        def answer(handler):
            if len(self.asked) > len(places):
                return last(handler)
            handler.send_response(302)
            handler.send_header("Location", places[len(self.asked) - 1])
            handler.send_header("Content-Length", "0")
            return handler.end_headers()

        self.answer = answer


@pytest.fixture
def server(monkeypatch):
    found = Server()
    monkeypatch.setenv("FOVEA_WEIGHTS_URL", found.url)
    yield found
    found.stop()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "_TIMEOUT", 5.0)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def known(monkeypatch, content):
    """The table with the digest of `content`, or of another file."""

    def known(content=content, name=NAME):
        file = f"{name}-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        one = download.Download(file, len(content) / 2**20, 1, 0.5)
        monkeypatch.setattr(download, "DOWNLOADS", {**download.DOWNLOADS, name: one})
        return one

    return known


def fails(call, *words, arguments=(NAME,)):
    code, out, err = call("weights", "get", *arguments)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1, err
    assert all(word in err for word in words), err


def leaves_nothing(cache):
    return not cache.exists() or not list(cache.iterdir())


def test_weights_are_fetched_once_and_kept_as_a_model_file(call, server, known, content, cache, tensors):
    server.sends(content)
    one = known()
    assert download.cached(NAME) is None
    code, out, err = call("weights", "get", NAME)
    assert (code, err) == (0, "")
    path = cache / one.file.replace(".pth", ".safetensors")
    assert out == f"{path}: fetched; now try: fovea predict {path} PICTURE\n"
    assert [file.name for file in cache.iterdir()] == [path.name]
    assert server.asked == [f"/{one.file}"]
    network = fovea.load(path)
    W = tensors["features.0.weight"].transpose(2, 3, 1, 0)
    assert np.array_equal(network.parameters["conv1.W"], W)
    assert network.preprocessing.mean == (0.485, 0.456, 0.406)
    assert "is there already" in call("weights", "get", NAME)[1]
    assert len(server.asked) == 1
    assert "fetched" in call("weights", "get", NAME, "--force")[1]
    assert len(server.asked) == 2


@pytest.mark.parametrize("form", [make.zipped, make.old], ids=["zip", "old"])
def test_fetched_weights_are_found_by_their_name(form, call, server, known, tmp_path, monkeypatch):
    content = make.saved(tensors_of("resnet18", tmp_path, 1000), form)
    server.sends(content)
    known(content, "resnet18")
    images.write(tmp_path / "a.png", np.zeros((32, 32, 3), np.uint8))
    fails_without = call("predict", "resnet18", tmp_path / "a.png")
    assert fails_without[0] == 1
    assert "fovea weights get resnet18 fetches trained weights; or train it first" in fails_without[2]
    assert not weights.are_here("resnet18")
    assert models.build("resnet18", (32, 32, 3)).classes is None
    assert call("weights", "get", "resnet18")[0] == 0
    assert weights.are_here("resnet18")
    network = models.build("resnet18", (32, 32, 3))
    assert network.classes[:2] == ["tench", "goldfish"]
    assert np.array_equal(network.flat, models.build("resnet18", weights=None).flat)
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    code, out, _ = call("predict", "resnet18", tmp_path / "a.png")
    assert code == 0
    assert any(name in out for name in network.classes)
    assert "in the cache" in call("weights")[1]
    assert call("cache")[1].splitlines()[4].split() == ["weights", "46.8", "MB"]


def test_the_list_uses_no_network(call, monkeypatch):
    monkeypatch.setattr(socket, "socket", None)
    code, out, _ = call("weights")
    assert code == 0
    lines = out.splitlines()
    *lines, note = lines
    assert note.startswith(f"{NAME}: the name means the weights in the package")
    assert len(lines) == 1 + len(weights.packaged()) + len(download.DOWNLOADS)
    assert "in the package, features to relu5_1" in next(line for line in lines if line.startswith("vgg19"))
    for name, one in download.DOWNLOADS.items():
        (line,) = (line for line in lines if line.startswith(f"{name} ") and "BSD-3-Clause" in line)
        assert f"https://download.pytorch.org/models/{one.file}" in line
        assert f"fovea weights get {name}" in line


def test_the_table_agrees_with_the_models():
    for name, one in download.DOWNLOADS.items():
        assert one.parameters == models.build(name, weights=None, seed=None).parameter_count
        assert 4 * one.parameters < one.size * 2**20 < 4.1 * one.parameters  # float32, and statistics
        assert one.file.startswith(f"{name}-")
        assert len(one.digest) == 8
        int(one.digest, 16)


# What goes wrong


def test_a_wrong_digest(call, server, known, content, cache):
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    server.sends(bytes(changed))
    one = known()
    fails(call, one.file, f"a file whose SHA-256 begins with {one.digest}", "nothing is kept")
    assert leaves_nothing(cache)


@pytest.mark.parametrize("length", [None, "none"])
def test_a_cut_file(length, call, server, known, content, cache):
    server.sends(content[:-1000], len(content) if length is None else length)
    known()
    words = ["SHA-256"] if length else [f"{len(content):,} bytes, got {len(content) - 1000:,}", "try again"]
    fails(call, *words)
    assert leaves_nothing(cache)


@pytest.mark.parametrize("length", [None, "none"])
def test_a_file_that_is_too_large(length, call, server, known, content, cache):
    server.sends(content + bytes(len(content)), length)
    one = known()
    fails(call, f"at most {one.limit:,} bytes")
    assert leaves_nothing(cache)


def test_a_redirect_is_followed(call, server, known, content):
    server.sends(content)
    server.redirects(f"{server.url}/elsewhere", "/there")
    one = known()
    assert call("weights", "get", NAME)[0] == 0
    assert server.asked == [f"/{one.file}", "/elsewhere", "/there"]


@pytest.mark.parametrize(
    ("place", "text"),
    {
        "http://example.com/a.pth": "expected an address that begins with https://",
        "ftp://example.com/a": "expected an address that begins with https://",
        "file:///etc/passwd": "is not allowed",
    }.items(),
)
def test_a_redirect_to_anything_but_https_is_refused(place, text, call, server, known, content, cache):
    server.sends(content)
    server.redirects(place)
    known()
    fails(call, text, place)
    assert leaves_nothing(cache)


def test_a_redirect_without_end(call, server, known, content):
    server.sends(content)
    server.redirects(*["/again"] * 30)
    known()
    fails(call, "HTTP 302")


@pytest.mark.parametrize(
    "url", ["http://example.com", "file:///etc", "ftp://127.0.0.1", "nothing", "http://["]
)
def test_a_mirror_speaks_https(url, call, monkeypatch):
    monkeypatch.setenv("FOVEA_WEIGHTS_URL", url)
    fails(call, url)


@pytest.mark.parametrize("code", [404, 403, 500, 503])
def test_an_error_of_the_server(code, call, server, known, cache):
    server.answer = lambda handler: handler.send_error(code)
    one = known()
    fails(call, one.file, f"HTTP {code}")
    assert leaves_nothing(cache)


def test_a_server_that_does_not_speak_http(call, server, known, cache):
    server.answer = lambda handler: handler.wfile.write(b"hello\r\n\r\n")
    known()
    fails(call, "expected the weights, got BadStatusLine hello")
    server.answer = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    fails(call, server.url)
    assert leaves_nothing(cache)


def test_a_server_that_does_not_answer(call, server, known, content, monkeypatch, cache):
    monkeypatch.setattr(download, "_TIMEOUT", 0.2)
    ended = threading.Event()
    server.answer = lambda handler: ended.wait(20)
    known()
    try:
        fails(call, "a connection to 127.0.0.1", "timed out", "connect to the internet")
    finally:
        ended.set()
    assert leaves_nothing(cache)


def test_no_network(call, known, monkeypatch, cache):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("FOVEA_WEIGHTS_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        known()
        fails(call, "a connection to 127.0.0.1", "refused", "fovea.load and --weights read it")
    monkeypatch.setattr(socket, "getaddrinfo", unknown_host)
    monkeypatch.delenv("FOVEA_WEIGHTS_URL")
    fails(call, "a connection to download.pytorch.org", "Name or service not known")
    assert leaves_nothing(cache)


def unknown_host(*_, **__):
    raise socket.gaierror(-2, "Name or service not known")


def test_no_room(call, server, known, content, cache, monkeypatch):
    server.sends(content)
    one = known()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10, 5, 5))
    fails(call, f"{2 * one.limit / 1e6:,.0f} MB of free space", "got 0 MB", "FOVEA_CACHE")
    assert server.asked == []
    monkeypatch.undo()


def test_a_disk_that_fills_up_meanwhile(call, server, known, content, cache, monkeypatch):
    server.sends(content)
    known()

    def full(network, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fovea.Network, "save", full)
    fails(call, "No space left on device", "name a folder with room in FOVEA_CACHE")
    assert leaves_nothing(cache)


def test_a_cache_that_cannot_be_written(call, server, known, content, tmp_path, monkeypatch):
    server.sends(content)
    known()
    (tmp_path / "file").touch()
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path / "file"))
    fails(call, str(tmp_path / "file"), "Not a directory", "FOVEA_CACHE")
    assert download.cached(NAME) is None


def test_ctrl_c_leaves_nothing_and_the_old_file_as_it_was(server, known, content, cache):
    server.sends(content)
    known()

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.fetch(NAME, lambda file, path: None, stop)
    assert leaves_nothing(cache)
    path = download.fetch(NAME, lambda file, path: path.write_bytes(b"old"))
    with pytest.raises(KeyboardInterrupt):
        download.fetch(NAME, lambda file, path: path.write_bytes(b"new"), stop)
    assert path.read_bytes() == b"old"
    assert list(cache.iterdir()) == [path]


def test_a_file_with_code_in_it(call, server, known, cache, tmp_path):
    content = make.zipped(make.a_dict({"a": make.called("os.system", make.value(f"touch {tmp_path}/run"))}))
    server.sends(content)
    known(content)
    fails(call, "asks for os.system", "nothing of it was run")
    assert leaves_nothing(cache)
    assert not (tmp_path / "run").exists()


def test_weights_of_another_architecture(call, server, known, content, cache):
    server.sends(content)
    known(content, "resnet18")
    fails(call, "expected weights of resnet18, got weights of squeezenet1_1", arguments=["resnet18"])
    assert leaves_nothing(cache)


@pytest.mark.parametrize("name", ["lenet5", "efficientnet_lite0", "resnet", ""])
def test_weights_that_nobody_has(name, call):
    fails(call, "expected one of squeezenet1_1, mobilenet_v2,", repr(name), arguments=[name])
    with pytest.raises(FoveaError):
        download.fetch(name, lambda file, path: None)


def test_a_damaged_file_in_the_cache_is_named(server, known, content, cache):
    server.sends(content)
    known(content, "resnet18")
    path = download.fetch("resnet18", lambda file, path: path.write_bytes(b"{}"))
    with pytest.raises(DataError, match=path.name):
        models.build("resnet18")


def test_nothing_of_this_is_loaded_at_the_start():
    heavy = "urllib.request", "http.client", "ssl", "zipfile", "pickletools"
    script = f"import sys, fovea.cli; print([name for name in {heavy} if name in sys.modules])"
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "[]\n"
