"""Where the pieces of a run's work are done: in its worker, or on a Dask cluster by way of joblib.

Light to import: distributed is loaded at the first piece that is sent away.
"""

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mlsteward.answer import counted
from mlsteward.errors import NotSupported, RunFailed, UnusableData
from mlsteward.runs.environment import package_versions
from mlsteward.training.spread import sent_to

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger("mlsteward.compute")
T = TypeVar("T")

_PATIENCE = 20.0
# A lost worker takes what it held with it, whatever was on its way included.
_TRIES = 3


@contextmanager
def computing(compute: str) -> Generator[None]:
    """Have what is spread inside the block done where `compute` says; "" is here."""
    if not compute:
        yield
        return
    with ExitStack() as closing, sent_to(DaskCrew(compute, closing)):
        yield


@dataclass(frozen=True)
class _Done:
    """A result. What joblib hands over for a task that the cluster lost is none of these."""

    value: Any


class DaskCrew:
    """The workers of a Dask cluster. Nothing is connected before there is something to do."""

    def __init__(self, compute: str, closing: ExitStack) -> None:
        self._address = f"tcp://{compute.removeprefix('dask://')}"
        self._closing = closing

    @property
    def width(self) -> int:
        return max(1, _threads(self._client))

    def work(self, function: Callable[..., T], pieces: Sequence[Sequence[Any]], shared: Sequence[Any]) -> list[T]:
        """The results in the order of the pieces; a piece whose worker is lost is worked on by another.

        Raises what a piece raises, and RunFailed when the cluster is lost.
        """
        found: dict[int, T] = {}
        for attempt in range(_TRIES):
            left = [place for place in range(len(pieces)) if place not in found]
            if not left:
                break
            if attempt:
                logger.info("%s came back from no worker and are sent again", counted(len(left), "piece"))
            done = self._attempt(function, [pieces[place] for place in left], shared)
            found |= {place: one.value for place, one in zip(left, done, strict=True) if isinstance(one, _Done)}
        if len(found) < len(pieces):
            lost = counted(len(pieces) - len(found), "piece")
            raise RunFailed(
                f"The Dask cluster at {self._address} was lost: {lost} of the work came back from no worker, "
                f"sent {_TRIES} times."
            )
        return [found[place] for place in range(len(pieces))]

    def _attempt(
        self, function: Callable[..., T], pieces: Sequence[Sequence[Any]], shared: Sequence[Any]
    ) -> list[object]:
        """A `_Done` for each piece that was worked on, something else for one that was lost."""
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError
        from joblib import Parallel, delayed, parallel_config

        try:
            # Every worker gets what is shared: with one copy, the worker that held it could not be lost.
            with parallel_config(backend="dask", client=self._client, scatter=list(shared) or None):
                return list(
                    Parallel(pre_dispatch="all")(delayed(_alone)(function, *shared, *piece) for piece in pieces)
                )
        except (KilledWorker, FutureCancelledError, TimeoutError, OSError) as error:
            logger.warning("the cluster at %s: %s", self._address, error)
            return [None] * len(pieces)

    @cached_property
    def _client(self) -> "Client":
        try:
            from distributed import Client
        except ImportError as error:
            raise NotSupported(
                "--compute dask://… takes the extra `dask`: pip install 'mlsteward[dask]', here and on the cluster."
            ) from error
        try:
            client = Client(self._address, timeout=_PATIENCE, set_as_default=False)
            self._closing.callback(client.close)
            client.wait_for_workers(1, timeout=_PATIENCE)
        except (OSError, TimeoutError) as error:
            raise UnusableData(
                f"No Dask cluster with a worker answers at {self._address}. Start `dask scheduler` and `dask worker` "
                "there, or start the server without --compute."
            ) from error
        _check_versions(cast(dict[str, dict[str, str]], client.run(package_versions)))
        logger.info("the cluster at %s has %s", self._address, counted(_threads(client), "thread"))
        return client


def _threads(client: "Client") -> int:
    """How many pieces the cluster works on at a time."""
    return sum(cast(dict[str, int], client.ncores()).values())


def _check_versions(workers: dict[str, dict[str, str]]) -> None:
    """Raise UnusableData for a worker that would compute with other versions: its results would be others."""
    here = package_versions()
    for worker, there in workers.items():
        differing = [f"{name} {there.get(name, 'missing')}" for name, own in here.items() if there.get(name) != own]
        if differing:
            wanted = ", ".join(f"{name} {here[name]}" for name in [one.split(" ")[0] for one in differing])
            raise UnusableData(f"The Dask worker {worker} has {', '.join(differing)}, and this server {wanted}.")


def _alone(function: Callable[..., T], *arguments: Any) -> _Done:
    """In a worker of the cluster: one piece with one thread, as in a worker of ours, so that results are the same."""
    import warnings

    from joblib import parallel_config
    from threadpoolctl import threadpool_limits

    with (
        warnings.catch_warnings(),
        parallel_config(backend="sequential"),
        threadpool_limits(limits=1),
    ):
        warnings.simplefilter("ignore")
        return _Done(function(*arguments))
