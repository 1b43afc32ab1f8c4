import pytest

import fovea


@pytest.fixture(params=fovea.engine.NAMES)
def engine(request):
    """Its name; the test runs on it."""
    if request.param == "halide" and not fovea.engine.available():
        pytest.skip("Halide is not installed")
    with fovea.engine(request.param):
        yield request.param
