"""The tool `list_activity`."""

from datetime import UTC, datetime

from pydantic import Field

from mlsteward.answer import Answer, clipped, counted, table
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.names import close_names
from mlsteward.record import Record
from mlsteward.server.declare import Call, Tool
from mlsteward.store.activity import Activity
from mlsteward.store.activity_query import ActivityQuery, FoundActivity, actor_names, find_activity, read_since
from mlsteward.store.assets import find_asset
from mlsteward.store.transaction import Transaction

MOST = 100
_LONGEST_WHY = 300


class Change(Record):
    number: int
    when: str
    who: str
    client: str | None = None
    action: str
    asset: str
    why: str | None = None
    run: int | None = None


class ActivityAnswer(Answer):
    total: int
    changes: list[Change] = Field(default_factory=list[Change])
    cursor: str | None = None

    def body(self) -> list[str]:
        rows = [[one.when, one.who, one.client, one.action, one.asset, one.why] for one in self.changes]
        more = f'more: the same call with cursor="{self.cursor}"' if self.cursor else ""
        return [*table(["when (UTC)", "who", "with", "did", "to", "why"], rows), more]


def list_activity(
    call: Call, asset: str = "", actor: str = "", since: str = "", limit: int = 20, cursor: str = ""
) -> ActivityAnswer:
    """Who changed what, when, with which client and why, newest first: the audit log.

    A dataset stands for its versions, columns and alerts. since: a date, or "7 days".
    """
    if cursor and not cursor.isdigit():
        raise InvalidArgument(f"cursor={cursor!r} is none that list_activity gave.", next="list_activity()")
    start = read_since(since, datetime.now(UTC))
    query = ActivityQuery(asset=asset, actor=actor, since=start, before=int(cursor) if cursor else None)

    def read(t: Transaction) -> tuple[FoundActivity, list[str]]:
        found = find_activity(t, query, min(max(limit, 1), MOST))
        if asset and not found.total:
            find_asset(t, asset)
        return found, [] if found.total else actor_names(t)

    found, actors = call.workspace.store.read(read)
    if actor and actors and actor.casefold() not in {name.casefold() for name in actors}:
        raise NotFound(
            f"Nobody called {actor!r} has changed anything.", close=close_names(actor, actors), next="list_activity()"
        )
    shown = found.changes
    while True:
        answer = _answer(found, shown, query)
        if len(shown) <= 1 or answer.fits():
            return answer
        shown = shown[: len(shown) * 9 // 10]


def _answer(found: FoundActivity, shown: list[Activity], query: ActivityQuery) -> ActivityAnswer:
    about = f" of {query.asset}" if query.asset else ""
    by = f" by {query.actor}" if query.actor else ""
    since = f" since {query.since:%Y-%m-%d %H:%M} UTC" if query.since else ""
    what = counted(found.total, "change") if found.total else "No change"
    last = f"; the newest shown is {shown[0].action} by {shown[0].actor or 'unknown'}" if shown else ""
    more = found.more or len(shown) < len(found.changes)
    return ActivityAnswer(
        verdict=f"{what}{about}{by}{since}{last}.",
        total=found.total,
        changes=[_line(change) for change in shown],
        cursor=str(shown[-1].number) if more else None,
        next="list_activity()" if not shown and (query.asset or query.actor or query.since) else "",
    )


def _line(change: Activity) -> Change:
    return Change(
        number=change.number,
        when=f"{change.created:%Y-%m-%d %H:%M:%S}",
        who=change.actor or "unknown",
        client=clipped(change.client, 60) or None,
        action=change.action,
        asset=change.asset,
        why=clipped(change.why, _LONGEST_WHY) or None,
        run=change.run,
    )


TOOL = Tool(list_activity, title="List who changed what", toolset="audit", read_only=True, idempotent=True)
