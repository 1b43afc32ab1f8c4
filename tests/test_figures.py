import inspect
import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest

from fovea import images
from fovea.apps.inspect import figures as of_data
from fovea.apps.learn_filter import figures as of_filters
from fovea.classification import figures as of_classifiers
from fovea.classification.task import Classification
from fovea.images import drawing
from fovea.training import figures as of_runs

NAMES = [
    "$20_$50", "$", r"\frac{", "_first", "two\nlines", "\x1b[31mred", "[red]x[/red]", ":smile:", "猫", "😀",
    "שלום", "\u202eevil", "x" * 200, "\udcff", "<b>&", "%s {0}", "../..", "",
]  # fmt: skip

MEASURES = Classification().panels()


def row(epoch, **changes):
    values = {
        "train_loss": 1 / epoch,
        "val_loss": 1.2 / epoch,
        "train_top1": 1 - 0.5 / epoch,
        "val_top1": 0.9,
    }
    return {"epoch": epoch, **values, **changes}


def is_picture(path):
    height, width, channels = images.read(path).shape
    return min(height, width) > 200 and channels == 3


@pytest.mark.parametrize("epochs", [1, 2, 30])
def test_results_draws_any_number_of_epochs(epochs, tmp_path):
    of_runs.results(tmp_path / "results.png", [row(epoch + 1) for epoch in range(epochs)], epochs, MEASURES)
    assert is_picture(tmp_path / "results.png")


def test_results_does_without_a_validation_set(tmp_path):
    of_runs.results(tmp_path / "results.png", [row(1, val_loss=None, val_top1=None)], 1, MEASURES)
    assert is_picture(tmp_path / "results.png")


@pytest.mark.parametrize("count", [2, 10, 120])
def test_a_confusion_matrix_of_any_size_is_drawn(count, tmp_path):
    matrix = np.random.default_rng(0).integers(0, 5, (count, count))
    names = [f"class {i} with a name that is long" for i in range(count)]
    of_classifiers.confusion_matrix(tmp_path / "matrix.png", matrix, names)
    assert is_picture(tmp_path / "matrix.png")


def test_nothing_wrong_and_nothing_there_are_drawn_too(tmp_path):
    for matrix in (np.diag([3, 4]), np.zeros((2, 2), int)):
        of_classifiers.confusion_matrix(tmp_path / "matrix.png", matrix, ["猫", "$x_1$ & \\"])
        assert is_picture(tmp_path / "matrix.png")


@pytest.mark.parametrize(("count", "shape"), [(1, (8, 8, 1)), (7, (30, 20, 3)), (30, (28, 28, 1))])
def test_a_sheet_holds_pictures_of_any_shape(count, shape, tmp_path):
    of_classifiers.mistakes(
        tmp_path / "sheet.png", np.zeros((count, *shape), np.uint8), [("cat", "dog", 0.9)] * count
    )
    assert is_picture(tmp_path / "sheet.png")


def test_a_failure_leaves_no_half_picture(tmp_path):
    with pytest.raises(ZeroDivisionError), drawing.drawn(tmp_path / "a.png", (3, 3)):
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError), drawing.drawn(tmp_path / "none/a.png", (3, 3)):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [1, 2, 10, 15, 120])
def test_a_plane_of_any_number_of_classes_is_drawn_for_light_and_dark(count, tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(3 * count) % count
    names = [f"class {i}" for i in range(count)]
    for dark in (False, True):
        path = tmp_path / f"{dark}.png"
        of_data.draw_plane(path, rng.normal(size=(3 * count, 2)), labels, labels % 2 == 0, names, dark)
        assert is_picture(path)
        assert (images.read(path)[0, 0].mean() < 128) == dark


def test_names_that_would_stand_in_each_other_are_moved_apart():
    places = np.array([[0.0, 0], [0.01, 0.01], [0, 0.02], [0.9, 0.01], [0, 0.9]])
    free = of_data._apart(places, np.ones(2))
    assert np.array_equal(free[[0, 3, 4]], places[[0, 3, 4]])
    assert np.array_equal(free[:, 0], places[:, 0])
    assert (np.diff(free[:3, 1]) >= 0.055 - 1e-12).all()


def test_names_are_text(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "matplotlib.mathtext.MathTextParser.parse", lambda *given: pytest.fail(f"a formula: {given}")
    )
    monkeypatch.setattr(
        "matplotlib.text.Text.draw", lambda text, renderer: drawn.append(text.get_text()), raising=True
    )
    monkeypatch.setitem(matplotlib.rcParams, "text.usetex", True)  # as a user may have chosen for figures
    n = len(NAMES)
    of_classifiers.confusion_matrix(tmp_path / "matrix.png", np.arange(n * n).reshape(n, n), NAMES)
    of_classifiers.mistakes(
        tmp_path / "sheet.png", np.zeros((n, 8, 8, 1), np.uint8), [(name, name, 0.5) for name in NAMES]
    )
    of_data.draw_plane(
        tmp_path / "plane.png", np.zeros((n, 2)), np.arange(n), np.zeros(n, bool), NAMES, dark=True
    )
    rates = np.logspace(-5, 0, 5)
    of_runs.rates(tmp_path / "rates.png", rates, [*rates[:-1], np.inf], 0.01)
    assert len(list(tmp_path.glob("*.png"))) == 4
    shown = "".join(drawn)
    for part in ("$20_$50", "_first", r"\x1b[31mred", ":smile:", r"two\nlines", r"\u202eevil", r"\udcff"):
        assert part in shown, part
    assert "mathdefault" not in shown  # in matplotlib's own powers
    assert not any(char in shown for char in "\x1b\u202e\udcff")


def test_names_of_every_kind_are_drawn(tmp_path):
    n = len(NAMES)
    of_classifiers.confusion_matrix(tmp_path / "matrix.png", np.arange(n * n).reshape(n, n), NAMES)
    assert is_picture(tmp_path / "matrix.png")


def test_a_figure_that_fails_costs_a_line(tmp_path, caplog):
    of_classifiers.confusion_matrix(tmp_path / "none" / "matrix.png", np.eye(2, dtype=int), ["a", "b"])
    of_runs.results(tmp_path / "results.png", [{}], 1, MEASURES)
    first, second = caplog.messages
    assert first.startswith(f"fovea: {tmp_path / 'none' / 'matrix.png'}: not drawn, FileNotFoundError")
    assert "not drawn, KeyError" in second
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("module", "count"), [(of_runs, 2), (of_classifiers, 3), (of_data, 1), (of_filters, 2)]
)
def test_every_figure_may_fail(module, count):
    figures = [
        function
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and next(iter(inspect.signature(function).parameters), "") == "path"
        and name != "drawn"
    ]
    assert len(figures) >= count
    for figure in figures:
        assert hasattr(figure, "__wrapped__"), figure


def test_matplotlib_says_nothing_of_its_own_settings(tmp_path):
    script = """if True:
        from pathlib import Path
        import numpy as np
        from fovea.apps.inspect import figures as of_data
        from fovea.classification import figures as of_classifiers
        two = np.eye(2, dtype=int)
        of_data.draw_plane(Path("a.png"), two, np.arange(2), np.zeros(2, bool), ["a", "b"])
        of_classifiers.confusion_matrix(Path("b.png"), two, ["a", "b"])
    """
    (tmp_path / "file").touch()  # no folder can be made below it
    env = {**os.environ, "MPLCONFIGDIR": str(tmp_path / "file" / "matplotlib")}
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")
    assert is_picture(tmp_path / "a.png")
