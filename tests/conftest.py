"""What every test runs under. Nothing of it touches what the user keeps: the cache is the tests' own.

With FOVEA_NO_SKIPS=1 a skipped test is a failed one: so nothing stays untested where everything is installed.
"""

import os
import sys
from pathlib import Path

import pytest

# Read when NumPy and PyTorch are first imported. Their threads wait for work by spinning: beside Halide's and
# other workers', they cost far more time than they save.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Kernels that check the buffers they are given: a mistake is an error then, not damage done elsewhere.
os.environ.setdefault("FOVEA_KERNEL_CHECKS", "1")
os.environ["MPLBACKEND"] = "Agg"
if "FOVEA_DATA" in os.environ:  # tests change the working directory
    os.environ["FOVEA_DATA"] = str(Path(os.environ["FOVEA_DATA"]).resolve())

NO_SKIPS = os.environ.get("FOVEA_NO_SKIPS", "0") != "0"


def pytest_configure(config: pytest.Config) -> None:
    """Kernels stay compiled from one run to the next; `pytest --cache-clear` removes them."""
    if getattr(config, "cache", None) is not None:  # pytest may run without its cache
        os.environ["FOVEA_CACHE"] = str(config.cache.mkdir("fovea"))
    if hasattr(
        config, "workerinput"
    ):  # other workers have the other cores: compiling needs no more processes
        from fovea.kernels import compiler

        compiler._IN_PROCESS = sys.maxsize


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    """A test marked `alone` starts when the tests of other workers have ended, and they wait for its end."""
    if not hasattr(item.config, "workerinput"):  # one process runs one test at a time
        return (yield)
    import fcntl

    run = Path(item.config.option.basetemp).parent  # the workers have one each, side by side
    lock = fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH
    with (run / "door").open("w") as door, (run / "room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)  # kept while waiting for the room, so that no other test overtakes
        fcntl.flock(room, lock)
        fcntl.flock(door, fcntl.LOCK_UN)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return _failed_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return _failed_if_skipped((yield))


def _failed_if_skipped(report):
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"{reason}: FOVEA_NO_SKIPS forbids it"
    return report


@pytest.fixture
def call(capsys):
    """call(*arguments) → (exit code, standard output, standard error)."""
    from fovea import cli

    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        return ended.value.code, *capsys.readouterr()

    return call
