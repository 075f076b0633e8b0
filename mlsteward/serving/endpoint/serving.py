"""What an endpoint serves, kept as its `desired.json` says."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime

import psutil
from pydantic import ValidationError

from mlsteward.config import is_loopback
from mlsteward.errors import Refused, StewardError
from mlsteward.serving.endpoint.app import EndpointApp, InForce
from mlsteward.serving.endpoint.canary_guard import CanaryGuard
from mlsteward.serving.endpoint.desired import NO_FILE, Desired, EndpointFolder, ServedModel, State, file_mark
from mlsteward.serving.endpoint.guard import Guard
from mlsteward.serving.endpoint.load import load_aside
from mlsteward.serving.endpoint.served import Served
from mlsteward.serving.endpoint.shadow import Shadow

logger = logging.getLogger("mlsteward.serving")

_LOOK_SECONDS = 0.1
_LOOKS_TO_A_SYNC = 10


async def load_all(folder: EndpointFolder, desired: Desired, old: InForce | None = None) -> InForce:
    """What `desired` asks for; what is loaded already is taken over. Raises what keeps it from being served."""
    if not is_loopback(desired.host) and not desired.token_hashes:
        raise Refused(f"{desired.host} can be reached from other machines, so the endpoint needs a token first.")
    champion = await _load(folder, desired, desired.model, old)
    canary = await _load(folder, desired, desired.canary, old) if desired.canary else None
    shadow = await _shadow(folder, desired, old)
    return InForce(
        desired=desired,
        champion=champion,
        canary=canary,
        shadow=shadow,
        guard=Guard(desired.host, desired.token_hashes, desired.allowed_hosts),
        watch=_watch(folder, desired, old),
        before=_before(champion, old),
    )


def _before(champion: Served, old: InForce | None) -> Served | None:
    """The champion before this one."""
    if old is None or old.champion.model == champion.model:
        return old.before if old else None
    return old.champion


def _watch(folder: EndpointFolder, desired: Desired, old: InForce | None) -> CanaryGuard | None:
    """What watches over the canary; one that does already goes on."""
    if desired.canary is None:
        return None
    watch = CanaryGuard(
        folder.path,
        champion=desired.model.label,
        canary=desired.canary.label,
        percent=desired.canary_percent,
        since=desired.canary_since,
    )
    return old.watch if old and old.watch and old.watch.watches(watch) else watch


async def _load(folder: EndpointFolder, desired: Desired, model: ServedModel, old: InForce | None) -> Served:
    known = [one for one in (old.champion, old.canary, old.before) if one is not None] if old else []
    row = next((one.row for one in known if one.model == model), None)
    if row is None:
        row = await load_aside(folder.workspace, model)
    return Served(model, row, key=desired.key, unlogged=desired.unlogged)


async def _shadow(folder: EndpointFolder, desired: Desired, old: InForce | None) -> Shadow | None:
    if desired.shadow is None:
        return None
    kept = old.shadow if old else None
    same = kept and old and (old.desired.key, old.desired.unlogged) == (desired.key, desired.unlogged)
    if kept and same and kept.alive and kept.model == desired.shadow:
        return kept
    return await Shadow.start(folder, desired, desired.shadow)


def features_of(force: InForce) -> Mapping[str, str]:
    """The features that a segment of the log has, those of all models that answer."""
    features = dict(force.champion.features)
    if force.canary is not None:
        known = {name.casefold() for name in features}
        features |= {name: kind for name, kind in force.canary.features.items() if name.casefold() not in known}
    return features


class Serving:
    """An endpoint at work: looks at `desired.json`, exchanges what is in force, says what is."""

    def __init__(self, folder: EndpointFolder, app: EndpointApp, *, port: int) -> None:
        self.folder = folder
        self.app = app
        self._port = port
        self._host = app.in_force.desired.host
        self._mark = (0, 0, 0)
        self._looked = app.in_force.desired.number
        self._refused = ""
        self._swaps = 0
        self._since = datetime.now(UTC)
        self._dropped = 0

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        self.write_state()
        looks = 0
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.look()
            looks += 1
            if looks % _LOOKS_TO_A_SYNC == 0:
                await self._every_second()

    async def look(self) -> None:
        """Take over what `desired.json` says, where that is new."""
        mark = file_mark(self.folder.desired_file)
        if mark == NO_FILE and not self.folder.path.is_dir():
            logger.info("the workspace is gone")
            signal.raise_signal(signal.SIGTERM)
        if mark == self._mark:
            return
        self._mark = mark
        try:
            desired = self.folder.read_desired()
        except FileNotFoundError:
            return
        except ValidationError as error:
            self._refused = f"desired.json cannot be read: {error.error_count()} faults in it"
            self.write_state()
            return
        if desired != self.app.in_force.desired or desired.number != self._looked:
            await self._take(desired)

    async def _take(self, desired: Desired) -> None:
        old, self._looked = self.app.in_force, desired.number
        try:
            force = await load_all(self.folder, desired, old)
            if dict(features_of(force)) != self.app.writer.features:
                self.app.writer.rotate(features_of(force))
        except StewardError as error:
            self._refused = error.said()
            logger.error("desired %d is not in force: %s", desired.number, self._refused)
        else:
            self.app.in_force = force
            self._swaps += 1
            self._since = datetime.now(UTC)
            moved = desired.host != self._host or desired.port not in (0, self._port)
            self._refused = "host and port change when the endpoint starts again" if moved else ""
            if old.shadow is not None and old.shadow is not force.shadow:
                old.shadow.stop()
            logger.info("%s is in force (desired %d)", force.champion.label, desired.number)
        self.write_state()

    async def _every_second(self) -> None:
        await self._sync()
        shadow = self.app.in_force.shadow
        if shadow is not None and not shadow.alive:
            self._refused = f"the shadow {shadow.model.label} ended"
            self.write_state()
        elif shadow is not None and shadow.dropped != self._dropped:
            self._dropped = shadow.dropped
            self.write_state()

    async def _sync(self) -> None:
        with contextlib.suppress(StewardError):
            # The disk may take long to answer, and requests go on.
            await asyncio.to_thread(self.app.writer.flush)
            self.app.writer.renew()

    def write_state(self) -> None:
        force = self.app.in_force
        desired = force.desired
        process = psutil.Process()
        state = State(
            deployment=desired.deployment,
            pid=os.getpid(),
            created=process.create_time(),
            host=self._host,
            port=self._port,
            since=self._since,
            number=self._looked,
            served=desired.number,
            swaps=self._swaps,
            model=force.champion.label,
            canary=force.canary.label if force.canary else "",
            canary_percent=desired.canary_percent if force.canary else 0.0,
            shadow=force.shadow.model.label if force.shadow else "",
            shadow_dropped=force.shadow.dropped if force.shadow else 0,
            refused=self._refused,
        )
        self.folder.write_state(state)
