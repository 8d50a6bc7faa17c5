"""Mocks for whoever only looks."""

from ..offline.mocks import Mocks


class UnsavedMocks(Mocks):
    """Mocks whose key file stays as it is: whoever looks at a difference changes nothing. What they make lasts as long as they do."""

    def save(self, project: str, stack: str) -> None:
        """Nothing."""
