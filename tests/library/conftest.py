"""The fixtures of `ExplorerContract`."""

from tests.lessons.conftest import explorer, made  # noqa: F401 - pytest finds them by their names
