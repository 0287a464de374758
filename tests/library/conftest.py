"""The fixtures of `ExplorerContract`."""

from tests.lessons.conftest import explorer, made

__all__ = ["explorer", "made"]
