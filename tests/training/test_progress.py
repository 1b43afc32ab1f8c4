import pytest

from fovea.apps.counter import Counter
from fovea.apps.learn_filter import progress as filter_progress
from fovea.classification.task import Classification
from fovea.training import progress
from fovea.training.position import Position

TASK = Classification()
MEASURES = TASK.panels()
ROW = {
    "epoch": 3, "train_loss": 0.12345, "train_top1": 1.0, "val_loss": 0.2, "val_top1": 0.9876,
    "val_top5": 1.0,     "pictures_per_second": 123_456,
}  # fmt: skip


def test_an_epochs_line_fits_a_terminal():
    assert len(progress.summary({**ROW, "epoch": 100}, 100, MEASURES)) <= 84
    assert progress.summary(ROW, 10, MEASURES) == (
        "epoch  3/10  train 100.00% loss 0.123  val 98.76% loss 0.200  123,456 pictures/s"
    )
    assert "val" not in progress.summary({**ROW, "val_top1": None, "val_loss": None}, 10, MEASURES)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (61, "1:01"), (3599.6, "1:00:00"), (7262, "2:01:02")]
)
def test_times_are_printed_as_on_a_clock(seconds, text):
    assert progress.clock(seconds) == text


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test turns."""
    now = [100.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: now[0])
    return now


def run(shown, clock, steps, seconds_a_step):
    at = Position()
    shown.begin(TASK, at, epochs=2, steps=steps)
    for _ in range(steps):
        clock[0] += seconds_a_step
        at.add(loss=0.5, sums={"top1": 48}, counted=64)
        shown.step(at)
    at.close({**ROW, "epoch": 1}, TASK)
    shown.epoch(at)
    shown.end()


def test_quick_epochs_have_a_line_each(clock, capsys):
    run(progress.Lines(), clock, steps=100, seconds_a_step=0.01)
    assert capsys.readouterr().out == progress.summary({**ROW, "epoch": 1}, 2, MEASURES) + "\n"


def test_long_epochs_have_lines_on_the_way(clock, capsys):
    run(progress.Lines(), clock, steps=100, seconds_a_step=1.0)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[1] == "epoch 1/2 at 33%  train 75.00% loss 0.500  64 pictures/s  2:47 left"


def test_the_time_left_is_printed_early(clock, capsys):
    run(progress.Lines(), clock, steps=1000, seconds_a_step=0.02)
    first, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("epoch 1/2 at 15%")  # after three of the forty seconds of all of it
    assert first.endswith("0:37 left")


def test_work_before_the_epochs_tells_the_time_of_both(clock, capsys):
    lines = progress.Lines()
    lines.begin(TASK, Position(), epochs=8, steps=10)
    lines.ahead(7, 100.0)
    for done in (0, 10, 20, 30):
        lines.working("features of train", done, 100)
        clock[0] += 2.0
    assert capsys.readouterr().out.splitlines() == [
        "after the fit, 7 epochs in about 1:40",
        "features of train: 20 of 100 pictures  0:16 left, 1:56 with all epochs",
    ]


def test_a_bar_leaves_the_lines_of_the_epochs(clock, capsys):
    run(progress.Bar(), clock, steps=100, seconds_a_step=0.1)
    assert progress.summary({**ROW, "epoch": 1}, 2, MEASURES) in capsys.readouterr().out


def test_what_is_counted_elsewhere_than_in_a_terminal_draws_nothing(capsys):
    with Counter("reading") as counter:
        counter(1, 2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "shown", [progress.Bar, progress.Lines, filter_progress.Table, filter_progress.Lines]
)
def test_a_note_is_text_whatever_the_terminal_makes_of_its_signs(shown, capsys):
    shown().note("[bold]a[/bold] :smile: \x1b[31m 12 'b'\n" + 100 * "c")
    assert capsys.readouterr().out == r"[bold]a[/bold] :smile: \x1b[31m 12 'b'\n" + 100 * "c" + "\n"
