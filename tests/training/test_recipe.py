"""Recipes: what they may hold, and their way through a run's arguments."""

from dataclasses import replace

import pytest
import yaml

from fovea.augment import Augment
from fovea.errors import FoveaError
from fovea.optimizers import SGD, Adam
from fovea.training import schedules
from fovea.training.recipe import NAMES, Recipe

FULL = {
    "epochs": 7, "patience": 3, "batch_size": 32, "optimizer": "sgd,nesterov", "learning_rate": 0.2,
    "schedule": "cosine", "clip": 1.5, "average": 0.99, "augment": "shift=0.2,flip", "seed": 4,
}  # fmt: skip


@pytest.mark.parametrize("choices", [{}, FULL, {"optimizer": "adam"}])
def test_a_recipe_is_read_back_from_the_lines_it_gives(choices):
    lines = yaml.safe_load(yaml.safe_dump(Recipe(**choices).settings()))
    assert Recipe.read(lines | {"data": "photos"}).settings() == Recipe(**choices).settings()
    assert set(lines) == set(NAMES)


def test_what_is_not_chosen_is_as_usual():
    assert Recipe.read({}).settings() == Recipe().settings()
    assert Recipe().rate == SGD().learning_rate
    assert Recipe(optimizer="adam").rate == Adam().learning_rate
    assert replace(Recipe(), optimizer="adam").rate == Adam().learning_rate
    assert Recipe(learning_rate=0.3, optimizer="adam").rate == 0.3


def test_words_and_objects_mean_the_same():
    words = Recipe(optimizer="sgd,nesterov", schedule="step", augment="flip")
    objects = Recipe(optimizer=SGD(nesterov=True), schedule=schedules.step, augment=Augment(flip=True))
    assert words.settings() == objects.settings()
    assert words.course is objects.course


def test_an_optimizer_is_copied_without_what_it_remembers():
    optimizer = Adam()
    optimizer.steps = 5
    assert Recipe(optimizer=optimizer).optimizer.steps == 0


def test_a_training_is_over_after_its_epochs_or_its_patience():
    assert not Recipe(epochs=3).is_over(epoch=3, waited=9)
    assert Recipe(epochs=3).is_over(epoch=4, waited=0)
    assert not Recipe(epochs=9, patience=2).is_over(epoch=5, waited=1)
    assert Recipe(epochs=9, patience=2).is_over(epoch=5, waited=2)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"epochs": 0}, "train: epochs: expected a whole number, at least 1, got 0"),
        ({"epochs": 2.5}, "train: epochs: expected a whole number"),
        ({"batch_size": 0}, "train: batch_size"),
        ({"patience": -1}, "train: patience: expected a whole number, at least 0"),
        ({"seed": -1}, "train: seed"),
        ({"clip": -1}, "train: clip: expected a number, at least 0"),
        ({"clip": "much"}, "train: clip: expected a number"),
        ({"average": 1}, "train: average: expected a number from 0 to 0.999999, got 1"),
        ({"average": float("nan")}, "train: average"),
        ({"learning_rate": 0}, "train: learning_rate: expected a number above 0, got 0"),
        ({"learning_rate": float("inf")}, "train: learning_rate"),
        ({"optimizer": "lion"}, "optimizer: expected one of sgd, adam"),
        ({"schedule": "linear"}, "schedule: expected one of constant"),
        ({"augment": "spin"}, "augment: expected some of"),
    ],
)
def test_what_has_no_sense_is_an_error_that_names_it(choice, words):
    with pytest.raises(FoveaError, match=words):
        Recipe(**choice)
