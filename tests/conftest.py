"""The fixtures of `ExplorerContract`."""

import pytest


@pytest.fixture(scope="class")
def made(request):
    return request.cls.make()


@pytest.fixture
def explorer(made):
    """The explorer of a class of tests, whose controls return to where they were."""
    before = {name: control.value for name, control in made.controls.items()}
    yield made
    for name, value in before.items():
        made.controls[name].value = value
