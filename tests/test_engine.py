"""The choice of engine: by block, by environment, by what is installed."""

import subprocess
import sys
import threading
from importlib import import_module
from inspect import signature
from types import SimpleNamespace

import numpy as np
import pytest

import fovea
from fovea import engine, functional, reference
from fovea.errors import EngineError
from tests.cases import halide


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch):
    monkeypatch.delenv("FOVEA_ENGINE", raising=False)


@pytest.fixture
def without_halide(monkeypatch):
    """As on a machine that has no wheel of Halide."""
    monkeypatch.setitem(sys.modules, "halide", None)
    engine.available.cache_clear()
    yield
    engine.available.cache_clear()


@halide
def test_halide_computes_where_it_is_installed():
    assert engine.current() == "halide"


def test_the_reference_computes_where_halide_is_absent(without_halide):
    assert not engine.available()
    assert engine.current() == "reference"
    assert functional.relu(np.array([-1.0, 1.0])).tolist() == [0, 1]


@pytest.mark.parametrize("ask", ["block", "environment"])
def test_asking_for_halide_where_it_is_absent_is_an_error(without_halide, monkeypatch, ask):
    monkeypatch.setenv("FOVEA_ENGINE", "halide" if ask == "environment" else "")
    absent = pytest.raises(EngineError, match="expected halide and llvmlite to be installed")
    with absent, fovea.engine("halide" if ask == "block" else engine.current()):
        pass


def test_a_block_chooses_and_gives_back():
    before = engine.current()
    with fovea.engine("reference"):
        assert engine.current() == "reference"
    assert engine.current() == before
    with pytest.raises(KeyError), fovea.engine("reference"):
        raise KeyError
    assert engine.current() == before


@halide
def test_blocks_nest_and_outrank_the_environment(monkeypatch):
    monkeypatch.setenv("FOVEA_ENGINE", "reference")
    assert engine.current() == "reference"
    with fovea.engine("halide"):
        with fovea.engine("reference"):
            assert engine.current() == "reference"
        assert engine.current() == "halide"


@halide
def test_a_block_holds_for_its_own_thread_only():
    seen = []
    with fovea.engine("reference"):
        thread = threading.Thread(target=lambda: seen.append(engine.current()))
        thread.start()
        thread.join()
    assert seen == ["halide"]


def test_an_unknown_engine_is_named(monkeypatch):
    names = 'expected one of "halide", "reference"'
    with pytest.raises(EngineError, match=f"engine: {names}, got 'cuda'"), fovea.engine("cuda"):
        pass
    monkeypatch.setenv("FOVEA_ENGINE", "Halide")
    with pytest.raises(EngineError, match=f"FOVEA_ENGINE: {names}, got 'Halide'"):
        engine.current()


def test_an_operation_runs_on_the_engine_current_at_the_call(monkeypatch):
    called = []
    for name in ("reference", "halide"):
        stand_in = SimpleNamespace(relu=lambda Z, name=name: called.append(name))
        monkeypatch.setattr(functional, f"_{name}", lambda stem, stand_in=stand_in: stand_in)
    monkeypatch.setattr(fovea.engine, "current", lambda: "halide")
    functional.relu(np.ones(1))
    monkeypatch.setattr(fovea.engine, "current", lambda: "reference")
    functional.relu(np.ones(1))
    assert called == ["halide", "reference"]


@pytest.mark.parametrize("first", ["import fovea.functional", "from fovea import engine", "import fovea"])
def test_it_is_a_function_whoever_imported_it_first(first):
    program = f"{first}; import fovea\nwith fovea.engine('reference'): print(fovea.engine.current())"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "reference\n"


def test_neither_the_package_nor_the_operations_load_halide():
    program = "import sys, fovea; fovea.functional.conv2d; print({'halide', 'llvmlite'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


def arguments(function):
    return [(p.name, p.kind, p.default) for p in signature(function).parameters.values()]


@pytest.mark.parametrize("name", reference.__all__)
def test_functional_offers_what_the_reference_has_with_the_same_signature(name):
    assert signature(getattr(functional, name)) == signature(getattr(reference, name))


@halide
@pytest.mark.parametrize("name", reference.__all__)
def test_the_kernels_take_what_the_reference_takes(name):
    stem = getattr(reference, name).__module__.rpartition(".")[2]
    kernel = getattr(import_module(f"fovea.kernels.{stem}"), name)
    assert arguments(kernel) == arguments(getattr(reference, name))
