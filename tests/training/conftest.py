"""Trainings here draw no figures, which take long; a test that wants them asks for `figures`."""

import pytest

from fovea.classification.task import Classification
from fovea.training import loop


@pytest.fixture
def figures():
    """Figures are drawn."""


@pytest.fixture(autouse=True)
def no_figures(request, monkeypatch):
    if "figures" not in request.fixturenames:
        monkeypatch.setattr(loop.figures, "results", lambda *_: None)
        monkeypatch.setattr(Classification, "draw", lambda *_: None)
