"""The installed size, number of packages and import time of each framework in a fresh environment.

    python -m benchmarks.install [--json FILE] [NAME ...]

Each is installed by pip into an environment of its own, which is deleted afterwards. Sizes are what the
environment grows by, bytecode included. Imports run in processes of their own, with the files in the page
cache; the median of five is printed. Where pip has no CPU build of PyTorch at hand it installs the far larger
one for graphics cards: point PIP_EXTRA_INDEX_URL to PyTorch's own index of CPU builds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FRAMEWORKS = {  # name → what pip installs, and the statement to time
    "Fovea": ((str(ROOT),), "import fovea; fovea.Network, fovea.train"),
    "PyTorch": (("torch==2.13.0", "numpy"), "import torch"),
    "Keras + TensorFlow": (("keras", "tensorflow-cpu"), "import keras"),
    "onnxruntime": (("onnxruntime",), "import onnxruntime"),
    "tinygrad": (("tinygrad", "numpy"), "import tinygrad"),
}
_IMPORTS = 5
_CLOCK = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"


@dataclass(frozen=True)
class Row:
    """The cost of one framework: size in MB (10⁶ bytes), distributions with all dependencies, and
    the import in seconds."""

    name: str
    megabytes: float
    packages: int
    seconds: float


def measure(name: str) -> Row:
    """Install a framework of `FRAMEWORKS` in an environment of its own and look at it."""
    wanted, statement = FRAMEWORKS[name]
    with tempfile.TemporaryDirectory() as place:
        python = str(Path(place, "bin", "python"))
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        empty, before = _size(place), _packages(python)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        grown = _size(place) - empty  # before the imports, which may write caches
        program = [python, "-c", _CLOCK.format(statement)]
        seconds = [float(_output(program).splitlines()[-1]) for _ in range(_IMPORTS + 1)][1:]
        return Row(name, grown / 1e6, _packages(python) - before, statistics.median(seconds))


def _size(place: str) -> int:
    return sum(path.lstat().st_size for path in Path(place).rglob("*") if not path.is_dir())


def _packages(python: str) -> int:
    return len(json.loads(_output([python, "-m", "pip", "list", "--format", "json"])))


def _output(command: list[str]) -> str:
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}  # TensorFlow greets on standard error
    return subprocess.run(command, check=True, text=True, **quiet).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FRAMEWORKS)}; default all")
    parser.add_argument("--json", metavar="FILE")
    asked = parser.parse_args()
    rows = []
    print(f"{'framework':20} {'MB':>7} {'packages':>9} {'import, s':>10}")
    for name in asked.names or FRAMEWORKS:
        rows.append(row := measure(name))
        print(f"{row.name:20} {row.megabytes:7.0f} {row.packages:9} {row.seconds:10.2f}", flush=True)
    if asked.json:
        Path(asked.json).write_text(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main()
