"""Marks in the file system for runs that may be active, so that looking for them need not open the store."""

from collections.abc import Iterable
from pathlib import Path


class Marks:
    """An empty file for each run that is queued or running.

    A mark is made inside the transaction that adds the run, and taken away only by one who read the marks first and
    then, in the store, that the run is over. Transactions exclude each other, so an active run always has its mark.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, number: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / str(number)).touch()

    def read(self) -> set[int]:
        try:
            return {int(mark.name) for mark in self._folder.iterdir()}
        except FileNotFoundError:
            return set()

    def drop(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            (self._folder / str(number)).unlink(missing_ok=True)
