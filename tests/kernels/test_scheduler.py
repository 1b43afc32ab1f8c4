"""Parallel loops: each task runs once, in runs of neighbours, and errors are returned."""

import ctypes
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fovea.kernels import activation, runtime, scheduler

TASK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    activation.relu(np.zeros((1, 4), np.float32))  # the runtime comes with the first kernel
    yield
    runtime.set_threads(None)


def share(task, count, threads=None, first=0):
    """The code that a loop of `count` tasks from `first` on returns."""
    if threads:
        runtime.set_threads(threads)
    kinds = (ctypes.c_void_p, TASK, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
    loop = runtime.function(scheduler.PARALLEL_FOR, ctypes.c_int, *kinds)
    return loop(None, TASK(lambda _, number, __: task(number) or 0), first, count, None)


@given(first=st.integers(-5, 5), count=st.integers(0, 40), threads=st.sampled_from([1, 2, 3, 5, 64, 65, 200]))
@settings(deadline=None)
def test_each_task_is_done_once(first, count, threads):
    done = []
    assert share(done.append, count, threads, first) == 0
    assert sorted(done) == list(range(first, first + count))


def test_each_thread_begins_a_run_of_its_own_and_who_asks_has_the_first():
    began, both = {}, threading.Barrier(2, timeout=60)

    def task(number):
        if threading.get_ident() not in began:
            began[threading.get_ident()] = number
            both.wait()

    assert share(task, 10, threads=2) == 0
    assert began.pop(threading.get_ident()) == 0
    assert [*began.values()] == [5]


def test_who_is_done_with_its_own_run_helps_with_the_others():
    left, done = threading.Event(), []

    def task(number):
        if number == 5:  # the other thread's first, which takes as long as all the rest
            assert left.wait(60)
        done.append(number)
        if len(done) == 9:
            left.set()

    assert share(task, 10, threads=2) == 0
    assert sorted(done) == list(range(10))
    assert done[-1] == 5


def test_loops_lie_within_loops():
    done = []

    def row(y):
        assert share(lambda x: done.append((y, x)), 3) == 0

    assert share(row, 4, threads=2) == 0
    assert sorted(done) == [(y, x) for y in range(4) for x in range(3)]


@pytest.mark.parametrize("threads", [1, 2, 100])
def test_a_task_that_fails_ends_the_loop_with_its_code(threads):
    assert share(lambda number: 7 if number == 2 else 0, 150, threads) == 7
