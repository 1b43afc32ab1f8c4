"""Start-up times: importing, predicting with cached kernels, compiling kernels.

    python -m benchmarks.startup [--json FILE]

Every number is from processes of its own. `fovea predict` counts the whole process, from the shell and back,
with everything in the caches, that of Python's bytecode too, which an installed package has. Compilation
starts from an empty cache each time, in two processes, and counts what `stages.Plan` takes: all kernels for a
step of training, and for predicting a single picture.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_IMPORT = "import time; start = time.perf_counter(); import fovea; print(time.perf_counter() - start)"
_MODEL = """
import numpy as np, fovea
from fovea import images
fovea.models.lenet5().save("model.safetensors")
images.write("picture.png", np.zeros((28, 28, 1), np.uint8))
"""
_PREDICT = ("-m", "fovea", "predict", "model.safetensors", "picture.png")
_COMPILE = """
import time, fovea
from fovea.stages import Plan
{network}
start = time.perf_counter()
Plan(network, {batch_size}, training=True)
print(time.perf_counter() - start)
"""
LENET = "network = fovea.models.lenet5()"
PLAIN20 = "from benchmarks.networks import plain20; network = plain20()"

_TIMES, _COMPILATIONS = 7, 3  # of which the median counts


def importing() -> list[float]:
    """Seconds that `import fovea` takes, several times."""
    with tempfile.TemporaryDirectory() as place:
        return [float(_run(place, "-c", _IMPORT)) for _ in range(_TIMES)]


def predicting() -> list[float]:
    """Seconds that `fovea predict` takes for one picture once it has been run before, several times."""
    with tempfile.TemporaryDirectory() as place:
        _run(place, "-c", _MODEL)
        _run(place, *_PREDICT)
        return [_wall(lambda: _run(place, *_PREDICT)) for _ in range(_TIMES)]


def compiling(network: str, batch_size: int) -> list[float]:
    """Seconds that it takes, several times, to compile the kernels of `network`, a line of Python."""
    program, seconds = _COMPILE.format(network=network, batch_size=batch_size), []
    for _ in range(_COMPILATIONS):
        with tempfile.TemporaryDirectory() as place:
            seconds.append(float(_run(place, "-c", program)))
    return seconds


# what → how it is measured, and the seconds that it should take at most
FACTS: dict[str, tuple[Callable[[], list[float]], float]] = {
    "import fovea": (importing, 0.15),
    "fovea predict, one picture": (predicting, 0.6),
    "first compilation: training LeNet-5": (lambda: compiling(LENET, 64), 5.0),
    "first compilation: training 20 layers": (lambda: compiling(PLAIN20, 128), 20.0),
}


def _run(place: str, *arguments: str) -> str:
    """Standard output of Python in `place`, with a cache there."""
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    own = {"FOVEA_CACHE": str(Path(place, "cache")), "FOVEA_THREADS": "2", "PYTHONPATH": paths}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    how = {
        "cwd": place,
        "env": {**environment, **own},
        "stdout": subprocess.PIPE,
        "text": True,
        "check": True,
    }
    return subprocess.run([sys.executable, *arguments], **how).stdout


def _wall(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="How long Fovea takes to start.")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there too")
    options = parser.parse_args()
    rows = []
    for what, (measure, most) in FACTS.items():
        seconds = statistics.median(measure())
        print(f"{what:<40} {seconds:7.3f} s   of at most {most:g} s{'' if seconds < most else '  (!)'}")
        rows.append({"what": what, "seconds": seconds, "most": most})
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
