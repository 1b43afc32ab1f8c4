"""Objects on disk: reused, compiled again when damaged, and never mistaken for another kernel's."""

import ctypes
import errno
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from fovea.errors import EngineError
from fovea.files import caching
from fovea.kernels import buffers, compiler, kernel_cache, specification, targets, tiles
from fovea.kernels.call import run
from fovea.kernels.specification import specify


def relu_of(vector):
    return specify("elementwise.activate", ["Z"], ["A"], activation="relu", vector=vector)


SPECIFICATION = relu_of(4)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A cache of its own, and a process that has loaded nothing from it."""
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path))
    monkeypatch.setattr(kernel_cache, "_loaded", {})
    monkeypatch.setattr(caching, "_failed", set())
    monkeypatch.setattr(caching, "_reported", set())
    monkeypatch.setattr(compiler, "_IN_PROCESS", 2)  # whatever conftest.py makes of it
    return tmp_path / "kernels"


def relu(kernel):
    Z, A = buffers.zeros((1, 100)), buffers.zeros((1, 100))
    Z[0] = np.linspace(-1, 1, 100)
    kernel(*(ctypes.byref(buffers.Buffer.of(a)) for a in (Z, A)))
    assert np.array_equal(A, np.maximum(Z, 0))


def test_a_kernel_is_compiled_once(empty_cache, monkeypatch):
    relu(kernel_cache.get(SPECIFICATION))
    monkeypatch.setattr(kernel_cache, "_loaded", {})
    monkeypatch.setattr(compiler, "emit", lambda missing: pytest.fail(f"compiled again: {missing}"))
    relu(kernel_cache.get(SPECIFICATION))


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign"])
def test_a_damaged_object_is_made_anew(empty_cache, monkeypatch, damage):
    kernel_cache.get(SPECIFICATION)
    path = empty_cache / SPECIFICATION.key
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes({"cut": whole[:-7], "flipped": flipped, "empty": b"", "foreign": b"PK\x03\x04"}[damage])
    monkeypatch.setattr(kernel_cache, "_loaded", {})
    relu(kernel_cache.get(SPECIFICATION))
    assert kernel_cache._read(SPECIFICATION) is not None


@pytest.mark.parametrize("which", [SPECIFICATION, specify("runtime")], ids=["kernel", "runtime"])
@pytest.mark.parametrize("content", ["another's", "not to be linked"])
def test_a_wrong_object_is_made_anew(empty_cache, which, content):
    other = relu_of(8)
    for own in (SPECIFICATION, specify("runtime"), other):
        ((_, data),) = compiler.emit([own])
        kernel_cache._write(own, data)
    wrong = {
        "another's": kernel_cache._read(other),
        "not to be linked": kernel_cache._symbol(which).encode(),
    }[content]
    kernel_cache._write(which, wrong)
    program = (
        "from fovea.kernels import kernel_cache\n"
        "from fovea.kernels.specification import specify\n"
        f"kernel_cache.get(specify(*{SPECIFICATION[:3]!r}, **{dict(SPECIFICATION.arguments)!r}))\n"
        "print('linked')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "linked\n", done.stderr
    assert kernel_cache._read(which) not in (None, wrong)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_a_cache_that_cannot_be_written_to_costs_a_line(empty_cache, monkeypatch, caplog, number):
    def refuse(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fovea.files.whole.os.fsync", refuse)
    monkeypatch.setattr(caching, "_temporary", lambda: empty_cache.parent / "elsewhere")
    relu(kernel_cache.get(SPECIFICATION))
    (line,) = caplog.messages
    assert os.strerror(number) in line
    assert "FOVEA_CACHE" in line
    assert list(empty_cache.iterdir()) == []


def test_a_file_in_the_caches_place_has_a_temporary_cache_serve(tmp_path, monkeypatch, caplog):
    (tmp_path / "cache").write_text("mine")
    monkeypatch.setenv("FOVEA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(caching, "_temporary", lambda: tmp_path / "elsewhere")
    monkeypatch.setattr(kernel_cache, "_loaded", {})
    relu(kernel_cache.get(SPECIFICATION))
    assert str(tmp_path / "elsewhere") in caplog.text
    monkeypatch.setattr(kernel_cache, "_loaded", {})
    monkeypatch.setattr(compiler, "emit", lambda missing: pytest.fail(f"compiled again: {missing}"))
    relu(kernel_cache.get(SPECIFICATION))
    assert len(caplog.messages) == 1
    assert (tmp_path / "cache").read_text() == "mine"


def test_workers_compile_for_the_target_that_is_asked(empty_cache):
    with targets.trying(targets.table()[targets.available()[-1]]):  # the least
        wanted = [relu_of(v) for v in (2, 4, 8)]
        kernels = kernel_cache.obtain(wanted)
    for kernel in kernels:
        relu(kernel)
    assert {s.target for s in wanted} == {targets.available()[-1]}


def test_a_worker_of_other_sources_is_found_out(empty_cache, monkeypatch):
    start = subprocess.Popen
    other = {**os.environ, "FOVEA_KERNEL_CHECKS": str(1 - specification.checks())}
    monkeypatch.setattr(compiler.subprocess, "Popen", lambda command, **how: start(command, env=other, **how))
    with pytest.raises(EngineError, match="start again"):
        kernel_cache.obtain([relu_of(v) for v in (2, 4, 8)])


@pytest.mark.parametrize(
    ("reads", "writes"), [(["Z", "b"], ["A"]), (["A_prev"], ["A"]), ([], ["A"]), (["Z"], ["A", "saved"])]
)
def test_arguments_that_a_pipeline_does_not_name_are_refused(empty_cache, reads, writes):
    wrong = specify("elementwise.activate", reads, writes, activation="relu", vector=4)
    with pytest.raises(EngineError, match=r'kernel "elementwise.activate": expected Z → A, got '):
        kernel_cache.get(wrong)
    assert not (empty_cache / wrong.key).exists()


def test_inputs_may_come_in_any_order(empty_cache):
    dA, kept, dZ = buffers.zeros((1, 100)), buffers.zeros((1, 100)), buffers.zeros((1, 100))
    dA[...], kept[...] = 3, np.linspace(-1, 1, 100)
    arrays = {"dA": dA, "kept": kept}
    for order in (("dA", "kept"), ("kept", "dA")):
        how = {"activation": "relu", "vector": tiles.vector()}
        run("elementwise.activate_backward", {name: arrays[name] for name in order}, {"dZ": dZ}, **how)
        assert np.array_equal(dZ, np.where(kept > 0, dA, 0))


def test_the_key_depends_on_all_that_the_code_depends_on(monkeypatch):
    key = specification._key.__wrapped__
    keys = {
        key(SPECIFICATION),
        key(relu_of(8)),
        key(specify("elementwise.sgd", vector=4)),
    }
    environment = specification.environment()
    for i in range(len(environment)):
        other = (*environment[:i], environment[i] + "'", *environment[i + 1 :])
        monkeypatch.setattr(specification, "environment", lambda other=other: other)
        keys.add(key(SPECIFICATION))
    assert len(keys) == 3 + len(environment)


def test_the_source_of_every_pipeline_is_in_the_key(tmp_path, monkeypatch):
    before = specification._source()
    package = tmp_path / "fovea"
    for path in specification.sources():
        copy = package / path.relative_to(specification.PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(specification, "PACKAGE", package)
    assert specification._source() == before
    for path in specification.sources():
        source = path.read_bytes()
        path.write_bytes(source + b"#")
        assert specification._source() != before, path
        path.write_bytes(source)


def test_several_missing_kernels_are_shared_out_and_reported(empty_cache):
    wanted = [relu_of(v) for v in (2, 4, 8, 16)]
    heard = []
    kernels = kernel_cache.obtain([*wanted, wanted[0]], lambda *what: heard.append(what))
    assert [k.specification for k in kernels] == [*wanted, wanted[0]]
    assert [done for done, _, _ in heard] == list(range(1, heard[-1][1] + 1))
    assert {what for _, _, what in heard} <= {"elementwise.activate", "runtime"}
    for kernel in kernels:
        relu(kernel)


def test_a_compiler_that_fails_is_quoted(empty_cache):
    none_such = [relu_of(v) for v in (2, 4)] + [specify("elementwise.none_such")]
    with pytest.raises(EngineError, match=r"(?s)elementwise.none_such.*no attribute 'none_such'"):
        kernel_cache.obtain(none_such)


def test_a_worker_that_dies_is_reported(empty_cache, monkeypatch):
    start = subprocess.Popen
    dead = [sys.executable, "-c", "raise SystemExit('out of memory')"]
    monkeypatch.setattr(compiler.subprocess, "Popen", lambda command, **how: start(dead, **how))
    with pytest.raises(EngineError, match="the compiler stopped: out of memory"):
        kernel_cache.obtain([relu_of(v) for v in (2, 4, 8)])


def test_threads_that_ask_at_once_get_the_same_kernel(empty_cache):
    got = []
    threads = [threading.Thread(target=lambda: got.append(kernel_cache.get(SPECIFICATION))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    for kernel in got:
        relu(kernel)


def test_a_warm_start_imports_no_halide(tmp_path):
    script = (
        "import sys, numpy as np, fovea\n"
        "fovea.functional.relu(np.ones(3, np.float32))\n"
        "print('halide' in sys.modules)\n"
    )
    command = [sys.executable, "-W", "error", "-c", script]
    environment = {"FOVEA_CACHE": str(tmp_path), "PATH": ""}
    answers = [
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
        for _ in range(2)
    ]
    assert answers == ["True", "False"]


def test_ctrl_c_is_the_caller_s_to_handle(tmp_path):
    """A terminal sends SIGINT to the compilers too, and a painting finishes its step first."""
    script = (
        "import os, signal, sys; from fovea.kernels import compiler; compiler.main();"
        "signal.raise_signal(signal.SIGINT); sys.exit(7)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 7
