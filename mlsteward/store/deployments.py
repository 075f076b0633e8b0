"""Deployments: what is to be served where, each change of it a revision that stays on record."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.lineage.edge import Edge, model_asset
from mlsteward.names import check_deployment_name, close_names, parse_reference
from mlsteward.record import Record
from mlsteward.store.activity import add_activity
from mlsteward.store.changes import count_change
from mlsteward.store.deployment_events import By, add_event, newest_of
from mlsteward.store.lineage import add_edges
from mlsteward.store.transaction import Transaction

Wanted = Literal["running", "stopped"]
State = Literal["starting", "serving", "failed", "stopped"]


class Deployment(Record):
    """One endpoint as it is wanted, and how it was seen last.

    `asked` is what was asked for (`delay@champion` follows the alias) and `model` the version that it is now;
    `shadow` and `shadow_model` likewise. `canary` is the percentage of requests that `canary_model` answers,
    since revision `canary_since`. `port` is 0 before it was first seen serving. `words` say more of `state` and hold no
    value of a row.
    """

    name: str
    revision: int = 0
    asked: str
    model: str
    shadow: str = ""
    shadow_model: str = ""
    canary: int = 0
    canary_model: str = ""
    canary_since: int = 0
    wanted: Wanted = "running"
    state: State = "starting"
    words: str = ""
    host: str = "127.0.0.1"
    allowed_hosts: list[str] = []
    port: int = 0
    run: int | None = None
    actor: str = ""
    created: datetime
    changed: datetime

    @property
    def label(self) -> str:
        return f"deployment:{self.name}"

    @property
    def address(self) -> str:
        """Where it answers; "" before it was first seen serving."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}" if self.port else ""

    @property
    def follows(self) -> bool:
        """Whether `asked` is an alias, whose model it changes to."""
        return self.asked != self.model


_COLUMNS = list(Deployment.model_fields)


def deployments(t: Transaction) -> list[Deployment]:
    """All of them by name, the stopped ones too."""
    return _found(t, "true", [])


def find_deployment(t: Transaction, text: str) -> Deployment:
    """The deployment that `delay` or `deployment:delay` names; NotFound says what was close."""
    reference = parse_reference(text, default="deployment")
    if reference.kind != "deployment":
        raise InvalidArgument(f"{text!r} is no deployment.", next="check_deployment()")
    if found := _found(t, "name = ?", [reference.name]):
        return found[0]
    names = deployment_names(t)
    if not names:
        raise NotFound("Nothing is deployed yet.", next="list_models()")
    raise NotFound(
        f"There is no deployment {reference.name!r}.",
        close=close_names(reference.name, names),
        next="check_deployment()",
    )


def deployment_names(t: Transaction, prefix: str = "") -> list[str]:
    """The names that begin with `prefix`."""
    return [name for (name,) in t.rows("SELECT name FROM deployments WHERE starts_with(name, ?) ORDER BY 1", [prefix])]


def known_deployment(t: Transaction, name: str) -> Deployment | None:
    """The deployment of exactly that name, None where there is none."""
    found = _found(t, "name = ?", [check_deployment_name(name)])
    return found[0] if found else None


def place(t: Transaction, wanted: Deployment, *, event: str, by: By, words: str = "", why: str = "") -> Deployment:
    """Have `wanted` served from now on, as the next revision of its name; the endpoint follows what stands here.

    Leaves a line of history, edges from its models, and a row of the audit log.
    """
    known = known_deployment(t, wanted.name)
    before = _revision_before(t, known, wanted.model)
    return _write(t, wanted, known, before=before, event=event, by=by, words=words, why=why)


def roll_back(t: Transaction, name: str, *, by: By, why: str = "") -> Deployment:
    """Serve what was served before: without its canary where one runs, else the model before this one, which is pinned.

    Rolling back again goes further back. Raises InvalidArgument where nothing was served before.
    """
    known = find_deployment(t, name)
    if known.wanted == "stopped":
        raise InvalidArgument(
            f"{known.label} is stopped.", next=f'deploy_model(model="{known.model}", name="{known.name}")'
        )
    if known.canary:
        wanted = known.model_copy(update={"canary": 0, "canary_model": ""})
        words = f"{known.canary_model} answers no more requests"
        return place(t, wanted, event="rolled back", by=by, words=words, why=why)
    now = newest_of(t, known.name, known.revision)
    earlier = newest_of(t, known.name, now.before) if now.before else None
    if earlier is None:
        raise InvalidArgument(
            f"{known.label} has served nothing before {known.model}.",
            next=f'check_deployment(deployment="{known.name}")',
        )
    wanted = known.model_copy(update={"asked": earlier.model, "model": earlier.model})
    words = f"back from {known.model}" + (f"; {known.asked} is no longer followed" if known.follows else "")
    return _write(t, wanted, known, before=earlier.before, event="rolled back", by=by, words=words, why=why)


def stop(t: Transaction, name: str, *, by: By, why: str = "") -> Deployment:
    """Have it served no more. A stopped deployment is returned as it is."""
    known = find_deployment(t, name)
    if known.wanted == "stopped":
        return known
    wanted = known.model_copy(update={"wanted": "stopped", "canary": 0, "canary_model": ""})
    return place(t, wanted, event="stopped", by=by, why=why)


def keep_state(t: Transaction, name: str, state: State, *, words: str = "", port: int = 0) -> None:
    """Write how the endpoint was seen. That it failed, and that it serves again, stay on record."""
    known = find_deployment(t, name)
    t.execute(
        "UPDATE deployments SET state = ?, words = ?, port = CASE WHEN ? > 0 THEN ? ELSE port END WHERE name = ?",
        [state, words, port, port, name],
    )
    if state == "failed" and known.state != "failed":
        _keep(t, known, newest_of(t, name, known.revision).before, "failed", By(), words)
    elif state == "serving" and known.state == "failed":
        _keep(t, known, newest_of(t, name, known.revision).before, "recovered", By())
    if state != known.state:
        count_change(t)


def _write(
    t: Transaction,
    wanted: Deployment,
    known: Deployment | None,
    *,
    before: int,
    event: str,
    by: By,
    words: str,
    why: str,
) -> Deployment:
    now = datetime.now(UTC)
    revision = known.revision + 1 if known else 1
    same_canary = known is not None and _canary(known) == _canary(wanted)
    placed = wanted.model_copy(
        update={
            "revision": revision,
            "canary_since": wanted.canary_since if same_canary else revision,
            "created": known.created if known else now,
            "port": known.port if known else 0,
            "changed": now,
            "run": by.run,
            "actor": by.actor,
            "state": _state_after(known, wanted),
            "words": "",
        }
    )
    t.execute("DELETE FROM deployments WHERE name = ?", [placed.name])
    t.insert("deployments", [placed.model_dump()])
    _keep(t, placed, before, event, by, words)
    if placed.wanted == "running":
        add_edges(t, _edges(placed))
    count_change(t)
    add_activity(
        t,
        actor=by.actor,
        client=by.client,
        action=f"deployment {event}",
        asset=placed.label,
        why=why or words,
        run=by.run,
    )
    return placed


def _canary(deployment: Deployment) -> tuple[str, str, int]:
    """What is compared with what: when it changes, counting begins anew."""
    return deployment.model, deployment.canary_model, deployment.canary


def _state_after(known: Deployment | None, wanted: Deployment) -> State:
    """A running endpoint goes on serving while it changes over."""
    if wanted.wanted == "stopped":
        return "stopped"
    return known.state if known and known.state == "serving" else "starting"


def _revision_before(t: Transaction, known: Deployment | None, model: str) -> int:
    if known is None:
        return 0
    return known.revision if known.model != model else newest_of(t, known.name, known.revision).before


def _edges(deployment: Deployment) -> list[Edge]:
    parts = {"deploy": deployment.model, "canary": deployment.canary_model, "shadow": deployment.shadow_model}
    return [
        Edge(source=model_asset(model), target=deployment.label, kind=kind, run=deployment.run)
        for kind, model in parts.items()
        if model
    ]


def _keep(t: Transaction, deployment: Deployment, before: int, event: str, by: By, words: str = "") -> None:
    served = deployment.model_dump(include={"revision", "asked", "model", "shadow_model", "canary", "canary_model"})
    add_event(t, deployment.name, served, before=before, event=event, by=by, words=words)


def _found(t: Transaction, where: str, parameters: Sequence[object]) -> list[Deployment]:
    rows = t.rows(f"SELECT {', '.join(_COLUMNS)} FROM deployments WHERE {where} ORDER BY name", parameters)
    return [_deployment(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _deployment(fields: dict[str, Any]) -> Deployment:
    fields["allowed_hosts"] = json.loads(fields["allowed_hosts"])
    return Deployment.model_validate(fields)
