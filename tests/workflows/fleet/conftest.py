"""Other people's client in the test's sandbox."""

from tests.e2e.conftest import others

__all__ = ["others"]
