"""Aliases: names that move between the versions of a model, as in `delay@champion`. Every move is kept."""

from datetime import UTC, datetime

from mlsteward.errors import NotFound
from mlsteward.names import check_alias, close_names
from mlsteward.record import Record
from mlsteward.store.changes import count_change
from mlsteward.store.transaction import Transaction

CHAMPION = "champion"
CHALLENGER = "challenger"
_LAST = "number = (SELECT max(o.number) FROM alias_changes AS o WHERE o.model = a.model AND o.alias = a.alias)"


class AliasChange(Record):
    """An alias was set on `version`, or taken away where that is None; `previous` is where it stood before."""

    number: int
    model: str
    alias: str
    version: int | None
    previous: int | None = None
    run: int | None = None
    actor: str = ""
    reason: str = ""
    created: datetime

    @property
    def words(self) -> str:
        """`champion moved from version 1 to 2`."""
        if self.version is None:
            return f"{self.alias} taken from version {self.previous}"
        if self.previous is None:
            return f"{self.alias} set on version {self.version}"
        return f"{self.alias} moved from version {self.previous} to {self.version}"


_COLUMNS = tuple(AliasChange.model_fields)


def alias_version(t: Transaction, name: str, alias: str) -> int | None:
    """The version that an alias of a model stands on, None where there is no such alias."""
    return aliases_of(t, name).get(alias)


def aliases_of(t: Transaction, name: str) -> dict[str, int]:
    """The aliases of a model and their versions, by name."""
    return all_aliases(t, name).get(name, {})


def all_aliases(t: Transaction, name: str = "") -> dict[str, dict[str, int]]:
    """The aliases of every model that has some, or of one."""
    rows = t.rows(
        f"SELECT model, alias, version FROM alias_changes AS a WHERE (? = '' OR model = ?) AND {_LAST}"
        " AND version IS NOT NULL ORDER BY model, alias",
        [name, name],
    )
    found: dict[str, dict[str, int]] = {}
    for model, alias, version in rows:
        found.setdefault(model, {})[alias] = version
    return found


def alias_history(t: Transaction, name: str, alias: str = "") -> list[AliasChange]:
    """The moves of an alias of a model, of all its aliases for "", newest first."""
    rows = t.rows(
        f"SELECT {', '.join(_COLUMNS)} FROM alias_changes WHERE model = ? AND (? = '' OR alias = ?)"
        " ORDER BY number DESC",
        [name, alias, alias],
    )
    return [AliasChange.model_validate(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def set_alias(
    t: Transaction, name: str, alias: str, version: int, *, run: int | None, actor: str, reason: str
) -> AliasChange:
    """Have an alias stand on a version; where it stands there already nothing is written. Returns the last move.

    Raises InvalidName when the alias breaks the grammar, NotFound when there is no such version.
    """
    check_alias(alias)
    if not t.row("SELECT 1 FROM models WHERE name = ? AND version = ?", [name, version]):
        raise NotFound(f"There is no model {name}@{version}.", next=f'list_models(name="{name}")')
    before = alias_version(t, name, alias)
    if before == version:
        return alias_history(t, name, alias)[0]
    return _keep(t, name, alias, version, before, run=run, actor=actor, reason=reason)


def drop_alias(t: Transaction, name: str, alias: str, *, run: int | None, actor: str, reason: str) -> AliasChange:
    """Take an alias away. Raises NotFound with the aliases there are."""
    known = aliases_of(t, name)
    if alias not in known:
        there = f"its aliases are {', '.join(known)}" if known else "it has none"
        raise NotFound(f"`{name}` has no alias {alias!r}; {there}.", close=close_names(alias, known))
    return _keep(t, name, alias, None, known[alias], run=run, actor=actor, reason=reason)


def _keep(
    t: Transaction,
    name: str,
    alias: str,
    version: int | None,
    previous: int | None,
    *,
    run: int | None,
    actor: str,
    reason: str,
) -> AliasChange:
    last = t.row("SELECT max(number) FROM alias_changes")
    change = AliasChange(
        number=(last[0] or 0) + 1 if last else 1,
        model=name,
        alias=alias,
        version=version,
        previous=previous,
        run=run,
        actor=actor,
        reason=reason,
        created=datetime.now(UTC),
    )
    t.insert("alias_changes", [change.model_dump()])
    count_change(t)
    return change
