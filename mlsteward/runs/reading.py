"""What rows a run works on, told from the files that its request names: a worker reads nothing else."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from mlsteward.dictionary.sensitivity import Level
from mlsteward.errors import Refused
from mlsteward.store.masking import masks_of
from mlsteward.store.runs import Run
from mlsteward.store.transaction import Transaction

_LONGEST = 4096
_RUN_FILE = re.compile(r"runs/(\d+)/")
# A plan names files of other datasets, with which relationships are looked for; those a caller may not see it leaves
# out itself.
_PLAN = "plan"


def reading(t: Transaction, run: Run, request: BaseModel, workspace: Path, clearance: Level) -> Run:
    """`run` with the dataset versions that it reads and the columns that are kept from it.

    Raises Refused when it reads columns masked for its caller which the request does not promise to leave out: what
    is in its field `masked`, as `customers.email`, must show in nothing that comes of the run. A request whose class
    says `values = False` promises that no value of any row does.
    """
    if not getattr(type(request), "values", True):
        return run
    texts = list(_texts(request.model_dump(mode="json")))
    names = [text.removeprefix(f"{workspace}/") for text in texts if "/" in text]
    reads = _versions(t, names, {run.dataset, *texts})
    for number in dict.fromkeys(int(found[1]) for name in names if (found := _RUN_FILE.match(name))):
        reads += _read_by(t, number)
    reads = list(dict.fromkeys(reads))
    masked: list[str] = getattr(request, "masked", [])
    hidden = masks_of(t, clearance).within(reads)
    if missing := [column for column in hidden if column not in masked]:
        raise Refused(
            f"This works on columns that are masked for your clearance ({clearance}): {', '.join(missing[:5])}."
            " Somebody who may see them can do it.",
        )
    return run.model_copy(update={"reads": reads, "masked": hidden})


def _versions(t: Transaction, files: Sequence[str], said: Collection[str]) -> list[str]:
    """The dataset versions whose snapshots are among `files`.

    Versions with the same rows share a file: it is those that are `said`, and all of them where none is.
    """
    if not files:
        return []
    wanted = ", ".join("?" for _ in files)
    rows = t.rows(
        f"SELECT snapshot, name, version FROM dataset_versions WHERE snapshot IN ({wanted}) ORDER BY name, version",
        files,
    )
    sharing: dict[str, list[str]] = {}
    for snapshot, name, version in rows:
        sharing.setdefault(snapshot, []).append(f"{name}@{version}")
    return [label for labels in sharing.values() for label in ([one for one in labels if one in said] or labels)]


def _read_by(t: Transaction, number: int) -> list[str]:
    """What another run read, whose files this one reads."""
    row = t.row("SELECT reads FROM runs WHERE number = ?", [number])
    return json.loads(row[0]) if row else []


def _texts(value: Any) -> Iterator[str]:
    """Every text in a request that can be a file's path or a version's label."""
    if isinstance(value, str):
        if len(value) <= _LONGEST:
            yield value
    elif isinstance(value, Mapping):
        members = cast(Mapping[str, Any], value)
        yield from (text for name, member in members.items() if name != _PLAN for text in _texts(member))
    elif isinstance(value, list):
        yield from (text for member in cast(list[Any], value) for text in _texts(member))
