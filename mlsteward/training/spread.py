"""Work in pieces that do not need one another: one after the other here, or wherever the caller sends them.

Light to import: the pure code that has such work knows nothing of clusters.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Crew(Protocol):
    """Where pieces are worked on instead. Results come in the order of the pieces and are those of working here."""

    @property
    def width(self) -> int:
        """How many pieces are worked on at a time."""
        ...

    def work(self, function: Callable[..., T], pieces: Sequence[Sequence[Any]], shared: Sequence[Any]) -> list[T]: ...


_crew: ContextVar[Crew | None] = ContextVar("crew", default=None)


@contextmanager
def sent_to(crew: Crew) -> Generator[None]:
    """Have what is spread inside the block worked on by `crew`."""
    token = _crew.set(crew)
    try:
        yield
    finally:
        _crew.reset(token)


def width() -> int:
    """How many pieces are worked on at a time; 1 here."""
    crew = _crew.get()
    return crew.width if crew else 1


def spread(function: Callable[..., T], pieces: Sequence[Sequence[Any]], shared: Sequence[Any] = ()) -> list[T]:
    """`function(*shared, *piece)` for each piece, in their order.

    `function` must be importable by name and depend on its arguments alone; `shared` is sent once, so what is large
    belongs there.
    """
    crew = _crew.get()
    if crew is None or not pieces:
        return [function(*shared, *piece) for piece in pieces]
    return crew.work(function, pieces, shared)
