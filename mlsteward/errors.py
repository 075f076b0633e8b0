"""Everything that can go wrong in a way the caller can mend.

::

    StewardError
    ├── InvalidArgument        a value of the call cannot be used
    │   ├── InvalidName        a name breaks the grammar for names
    │   ├── InUse              a name has its thing already
    │   ├── InvalidFilter      a filter of a list does not parse
    │   └── InvalidSQL         a statement does not pass the SQL walls, or fails in the engine
    ├── NotFound               nothing of that name; says what was close
    ├── Refused                policy forbids it: a path, an address, a scope
    ├── NotSupported           outside the scope of the platform; says what to use instead
    ├── UnusableData           the data cannot be read, or cannot answer this
    ├── RunFailed              a run ended without a result
    ├── StoreBusy              another process held the store for too long
    ├── StoreTooNew            the store was written by a newer version
    └── StoreDamaged           the store cannot be opened or migrated
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager


class StewardError(Exception):
    """The root: what is wrong, what was close and which call comes next, in words.

    `close` lists near misses (best first) and `next` is a tool call written out, for example
    `list_datasets()`.
    """

    def __init__(self, message: str, *, close: Sequence[str] = (), next: str = "") -> None:
        self.message = message
        self.close = tuple(close)
        self.next = next
        super().__init__(self.words())

    def words(self) -> str:
        return f"{self.said()} Next: {self.next}" if self.next else self.said()

    def said(self) -> str:
        """What is wrong and what was close, without the call that comes next."""
        message = self.message.rstrip()
        if not self.close:
            return message
        return f"{message} Did you mean {' or '.join(f'`{name}`' for name in self.close[:3])}?"


class InvalidArgument(StewardError):
    """A value of the call cannot be used."""


class InvalidName(InvalidArgument):
    """A name breaks the grammar for names."""


class InUse(InvalidArgument):
    """A name has its thing already."""


class InvalidFilter(InvalidArgument):
    """A filter of a list does not parse."""


class InvalidSQL(InvalidArgument):
    """A statement does not pass the SQL walls, or fails in the engine."""


class NotFound(StewardError):
    """Nothing of that name."""


class Refused(StewardError):
    """Policy forbids it."""


class NotSupported(StewardError):
    """Outside the scope of the platform."""


class UnusableData(StewardError):
    """The data cannot be read, or cannot answer this."""


class RunFailed(StewardError):
    """A run ended without a result."""


class StoreBusy(StewardError):
    """Another process held the store for too long."""


class StoreTooNew(StewardError):
    """The store was written by a newer version."""


class StoreDamaged(StewardError):
    """The store cannot be opened or migrated."""


@contextmanager
def naming(**known: str) -> Generator[None]:
    """Have errors raised inside name in `next` what only the caller knows: `dataset=…` becomes `dataset="flights"`."""
    try:
        yield
    except StewardError as error:
        following = error.next
        for argument, value in known.items():
            following = following.replace(f"{argument}=…", f'{argument}="{value}"')
        raise type(error)(error.message, close=error.close, next=following) from error


def error_class(name: str) -> type[StewardError]:
    """The class of the tree called `name`: how an error crosses from a worker process to its server."""
    pending: list[type[StewardError]] = [StewardError]
    while pending:
        candidate = pending.pop()
        if candidate.__name__ == name:
            return candidate
        pending.extend(candidate.__subclasses__())
    return StewardError
