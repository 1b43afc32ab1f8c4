from math import cos, pi

import pytest

from fovea.errors import FoveaError
from fovea.training import schedules

STEPS = 100
SCHEDULES = list(schedules.SCHEDULES.values())
ids = list(schedules.SCHEDULES)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=ids)
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 1000])
def test_every_rate_lies_between_nothing_and_the_whole(schedule, steps):
    assert all(0 <= schedule(step, steps) <= 1 for step in range(steps))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=ids)
def test_a_rate_depends_on_the_step_alone(schedule):
    assert schedule(37, STEPS) == schedule(37, STEPS)


@pytest.mark.parametrize("schedule", [schedules.step, schedules.cosine], ids=["step", "cosine"])
def test_step_and_cosine_never_rise(schedule):
    values = [schedule(step, STEPS) for step in range(STEPS)]
    assert values == sorted(values, reverse=True)


def test_constant_is_the_whole_rate():
    assert {schedules.constant(step, STEPS) for step in range(STEPS)} == {1.0}


def test_step_goes_down_by_ten_at_a_half_and_at_three_quarters():
    values = [schedules.step(step, STEPS) for step in (0, 49, 50, 74, 75, 99)]
    assert values == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_is_half_a_cosine():
    assert schedules.cosine(0, STEPS) == 1
    assert schedules.cosine(50, STEPS) == pytest.approx(0.5)
    assert schedules.cosine(99, STEPS) == pytest.approx((1 + cos(0.99 * pi)) / 2)


def test_one_cycle_rises_for_three_tenths_and_then_falls():
    values = [schedules.one_cycle(step, STEPS) for step in range(STEPS)]
    assert values[0] == pytest.approx(1 / 25)
    assert max(values) == values[29] == 1
    assert values[:30] == sorted(values[:30])
    assert values[29:] == sorted(values[29:], reverse=True)
    assert values[-1] == pytest.approx(1 / 25e4)


def test_schedules_have_names_that_parse_reads():
    assert [schedules.name(schedules.parse(name)) for name in schedules.SCHEDULES] == ids


def test_another_name_is_an_error_that_lists_those_there_are():
    with pytest.raises(FoveaError, match="one of constant, step, cosine, one-cycle, got 'linear'"):
        schedules.parse("linear")


def peer_rates(make, steps):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = make(torch.optim.lr_scheduler, optimizer)
    for _ in range(steps):
        yield optimizer.param_groups[0]["lr"]
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("steps", [10, 123])
def test_cosine_is_pytorchs(steps):
    theirs = peer_rates(lambda kinds, own: kinds.CosineAnnealingLR(own, T_max=steps), steps)
    assert [schedules.cosine(step, steps) for step in range(steps)] == pytest.approx(list(theirs))


@pytest.mark.parametrize("steps", [10, 123])
def test_one_cycle_is_pytorchs(steps):
    def make(kinds, own):
        return kinds.OneCycleLR(own, max_lr=1.0, total_steps=steps, cycle_momentum=False)

    theirs = list(peer_rates(make, steps - 1))  # it refuses the step after the last
    assert [schedules.one_cycle(step, steps) for step in range(steps - 1)] == pytest.approx(theirs)
