"""The server as people start it: a port, browsers that come and go, and its end."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from time import perf_counter, sleep

import pytest

from fovea.errors import FoveaError
from fovea.web import patience, serve, start
from fovea.web.app import make
from tests import tiny
from tests.web.conftest import question

FOVEA = [sys.executable, "-m", "fovea"]


@contextmanager
def served(run, *more):
    """`fovea look` in a process of its own: yields it and its port; it must end cleanly after Ctrl-C."""
    environment = os.environ | {"FOVEA_ENGINE": "reference"}
    process = subprocess.Popen(
        [*FOVEA, "look", str(run), "--port", "0", *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:"), line + process.stderr.read()
        yield process, int(line.split("/")[2].split(":")[1])
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "ended\n", "")
    finally:
        process.kill()
        process.wait()


def ask(port, path, body=None):
    """Status and content."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json"}
    connection.request("POST" if body else "GET", path, body and json.dumps(body), headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, content


@pytest.fixture(scope="module")
def server(run):
    with served(run) as (_, port):
        yield port


@pytest.fixture(autouse=True)
def reference(monkeypatch):
    """The server has its own engine; a fixture of one test must not be asked for by a module's."""


def test_the_address_that_is_printed_shows_the_page(server):
    status, content = ask(server, "/")
    assert status == 200
    assert b"<title>Fovea</title>" in content


def test_only_this_machine_is_listened_to():
    listener = serve.listen("127.0.0.1", 0)
    assert not serve.is_open_to_others(listener)
    assert serve.address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}/"
    listener.close()
    listener = serve.listen("0.0.0.0", 0)
    assert serve.is_open_to_others(listener)
    listener.close()


def test_a_port_in_use(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [*FOVEA, "look", str(run), "--port", port], capture_output=True, text=True, timeout=60
        )
    assert ended.returncode == 1
    assert ended.stderr == (
        f"fovea: port {port}: expected a free port, got one in use: "
        "choose another with --port, or any with --port 0\n"
    )


@pytest.mark.parametrize(("host", "port", "words"), [
    ("192.0.2.1", 0, "address of this machine"), ("no.such.host.invalid", 0, "address of this machine"),
    ("127.0.0.1", 70000, "from 0 to 65535"),
])  # fmt: skip
def test_where_one_cannot_listen(host, port, words):
    with pytest.raises(FoveaError, match=words):
        serve.listen(host, port)


def test_without_the_libraries_it_says_which_extra_has_them(monkeypatch):
    monkeypatch.setattr(start, "find_spec", lambda name: None if name == "starlette" else object())
    with pytest.raises(FoveaError, match=r"pip install 'fovea-cnn\[web\]', or in a clone"):
        start.look("lenet5", None, None, host="127.0.0.1", port=0, open_browser=False, say=print)


@pytest.mark.parametrize("sent", [
    b"", b"GET", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"POST /api/overview HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nhalf of it",
    b"POST /api/picture HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    b"\x00\xff\x00 nonsense\r\n\r\n",
])  # fmt: skip
def test_a_browser_that_disconnects(server, sent):
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server)) as gone:
            gone.sendall(sent)
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # without a goodbye
    assert ask(server, "/api/model")[0] == 200


def test_two_browsers_at_once_do_not_disturb_each_other(server):
    pictures = tiny.pictures(2)[0]
    questions = [question(picture, changes={"conv1": {"0": {"bias": bias}}})
                 for picture, bias in zip(pictures, (3, -3), strict=True)]  # fmt: skip
    alone = [ask(server, "/api/overview", q)[1] for q in questions]
    assert alone[0] != alone[1]
    start = threading.Barrier(2)

    def browser(i):
        start.wait()
        return {ask(server, "/api/overview", questions[i])[1] for _ in range(20)}

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(browser, range(2))) == [{alone[0]}, {alone[1]}]


def test_a_run_folder_that_disappears(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "gone")
    with served(copy) as (_, port):
        shutil.rmtree(copy)
        status, content = ask(port, "/api/training")
        assert status == 200
        assert b"no longer exists" in content
        picture = tiny.pictures(1)[0][0]
        assert ask(port, "/api/overview", question(picture))[0] == 200  # the page goes on with what it has
        status, content = ask(port, "/api/overview", question(picture, weights="run"))
        assert status == 400
        assert b"no longer exists" in content
        assert str(copy).encode() not in content


def test_a_run_that_has_only_begun_is_shown_with_its_first_weights(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "begun")
    for name in ("best.safetensors", "metrics.json", "results.csv"):
        (copy / name).unlink()
    with served(copy) as (_, port):
        assert ask(port, "/api/model")[0] == 200


def test_a_built_in_architecture_is_shown_untrained_with_drawn_pictures_on_request(tmp_path):
    with served("lenet5", "--data", "digits") as (_, port):
        status, content = ask(port, "/api/model")
        assert status == 200
        assert b"61706" in content


@pytest.fixture
def impatient(look, monkeypatch):
    """The port of a page that waits for half a second."""
    monkeypatch.setattr(patience, "SECONDS", 0.5)
    monkeypatch.setattr(patience, "_EVERY", 0.05)
    listener = serve.listen("127.0.0.1", 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # little lies between it and its clients
    server = serve.server(make(look), lambda: None)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.mark.parametrize("sent", [
    b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n",
    b"POST /api/picture HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc",
    b"POST /api/picture HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    b"GET /static/base.css HTTP/1.1\r\nHost: localhost\r\n\r\nGET /",
])  # fmt: skip
def test_a_client_that_drips_is_cut_off(impatient, sent):
    began = perf_counter()
    with socket.create_connection(("127.0.0.1", impatient), timeout=5) as client:
        client.sendall(sent)
        client.settimeout(0.1)
        while perf_counter() - began < 5:
            try:
                client.sendall(b"x")
                if not client.recv(1 << 16):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    assert perf_counter() - began < 3


def test_a_client_that_does_not_read_is_cut_off(impatient):
    began = perf_counter()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(0.2)
        client.connect(("127.0.0.1", impatient))
        with suppress(ConnectionError):
            while perf_counter() - began < 20:
                with suppress(TimeoutError):
                    client.sendall(b"GET /static/base.css HTTP/1.1\r\nHost: localhost\r\n\r\n")
                sleep(0.01)
    assert perf_counter() - began < 15


def test_a_browser_that_asks_again_and_again_is_not(impatient):
    connection = http.client.HTTPConnection("127.0.0.1", impatient, timeout=5)
    for _ in range(8):
        connection.request("GET", "/api/model")
        assert connection.getresponse().read()
        sleep(0.2)
    connection.close()


def test_there_are_not_more_connections_than_enough(impatient, monkeypatch):
    monkeypatch.setattr(patience, "MOST", 2)
    kept = [socket.create_connection(("127.0.0.1", impatient), timeout=5) for _ in range(2)]
    sleep(0.2)
    third = socket.create_connection(("127.0.0.1", impatient), timeout=5)
    with third, suppress(ConnectionResetError):
        assert third.recv(1) == b""
    for connection in kept:
        connection.close()
