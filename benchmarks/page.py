"""The response times of the page of `fovea look` for LeNet-5, over HTTP; promised are 50 ms.

    python -m benchmarks.page [--turns N] [--json FILE]

Each question comes with a filter that no question had before: the network runs, and nothing is remembered.
The browser's part, from a key to the last layer's new pixels, is measured in tests/browser.
"""

import argparse
import base64
import http.client
import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import numpy as np

from benchmarks.harness import Row, installed, report

PROMISED = 50.0  # ms
QUESTIONS = {
    "overview": {},
    "layer": {"layer": "conv2", "view": "value"},
    "trace": {"layer": "conv2", "view": "value", "at": [5, 5, 0]},
    "gradient": {"layer": "conv1", "view": "weights", "at": [2, 2, 0], "label": 3},
    "attention": {"how": "gradcam", "label": 3},
}
_ASKED = {"gradient": "trace"}


def main() -> None:
    parser = argparse.ArgumentParser(description="How long the page waits for answers.")
    parser.add_argument("--turns", type=int, default=50)
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    options = parser.parse_args()
    if installed("starlette", "uvicorn"):
        with _server() as port:
            report([_measure(port, name, options.turns) for name in QUESTIONS], options.json)


@contextmanager
def _server() -> Iterator[int]:
    """The page of an untrained LeNet-5, in a thread; yields its port."""
    import uvicorn

    from fovea.apps.look.session import Look
    from fovea.web.app import make
    from fovea.web.serve import listen

    look = Look("lenet5")
    look.warm()
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(make(look), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


def _measure(port: int, name: str, turns: int) -> Row:
    """The median of the answers' times to one question, in ms."""
    rng = np.random.default_rng(0)
    picture = base64.b64encode(rng.integers(0, 256, 28 * 28, np.uint8).tobytes()).decode()
    times = []
    for turn in range(turns + 3):
        body = {"picture": picture, "changes": {"conv1": {"0": {"bias": next(_BIASES) / 1e4}}}}
        connection = http.client.HTTPConnection("127.0.0.1", port)
        start = time.perf_counter()
        connection.request("POST", f"/api/{_ASKED.get(name, name)}", json.dumps(body | QUESTIONS[name]))
        response = connection.getresponse()
        content = response.read()
        elapsed = 1000 * (time.perf_counter() - start)
        connection.close()
        assert response.status == 200, content
        if turn >= 3:
            times.append(elapsed)
    low, middle, high = statistics.quantiles(times, n=4)
    return Row(
        "lenet5 page", name, middle, PROMISED, "promised", "ms", PROMISED / middle, (high - low) / middle
    )


_BIASES = count(1)

if __name__ == "__main__":
    main()
