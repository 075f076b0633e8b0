"""The fields of runs that a filter or an order can name."""

from dataclasses import dataclass
from typing import Literal

SPLITS = ("test", "validation", "train")
NUMBERS = ("number", "wall_seconds", "cpu_seconds", "peak_memory_mb")
TIMES = ("created", "started", "finished")
TEXTS = ("name", "kind", "state", "dataset", "fingerprint", "target", "actor", "client", "reason", "error")
_ALIASES = {
    "run": "number",
    "status": "state",
    "start_time": "started",
    "end_time": "finished",
    "run_name": "name",
    "duration": "wall_seconds",
    "user": "actor",
}


@dataclass(frozen=True)
class Field:
    """`written` is how the caller named it; `name` the metric, parameter, tag or column; `split` a metric's."""

    written: str
    kind: Literal["metric", "param", "tag", "number", "time", "text"]
    name: str
    split: str = ""

    @property
    def shown(self) -> str:
        """Its name in an answer: a test metric stands bare."""
        if self.kind == "metric":
            return self.name if self.split == "test" else f"{self.split}.{self.name}"
        return f"{self.kind}s.{self.name}" if self.kind in ("param", "tag") else self.name


def read_field(written: str) -> Field:
    """The field of that name; what is nothing else is a metric of the test split."""
    first, dot, rest = written.partition(".")
    if not dot:
        return _plain(written)
    if first in ("param", "params", "parameters"):
        return Field(written, "param", rest)
    if first in ("tag", "tags"):
        return Field(written, "tag", rest)
    if first in ("attribute", "attributes", "runs"):
        return _plain(rest, written)
    if first in ("metric", "metrics"):
        split, dot, name = rest.partition(".")
        return (
            Field(written, "metric", name, split) if dot and split in SPLITS else Field(written, "metric", rest, "test")
        )
    return Field(written, "metric", rest, first)


def _plain(name: str, written: str = "") -> Field:
    column = _ALIASES.get(name.lower(), name.lower())
    if column in NUMBERS:
        return Field(written or name, "number", column)
    if column in TIMES:
        return Field(written or name, "time", column)
    if column in TEXTS:
        return Field(written or name, "text", column)
    return Field(written or name, "metric", name, "test")
