"""References to assets: `dataset:flights@3`, `column:flights.dep_delay`, `term:late`, `model:delay@2`, `run:142`.

Names follow one grammar: a lower-case letter, then lower-case letters, digits and underscores, at most 63
characters. So a dataset's name is a plain SQL identifier and stands in a URI without escapes. Model names may also
hold hyphens. Columns keep the spelling of their source.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from mlsteward.errors import InvalidArgument, InvalidName

Kind = Literal["dataset", "column", "term", "model", "run", "deployment", "alert"]
KINDS: tuple[Kind, ...] = get_args(Kind)

GRAMMAR = "a lower-case letter, then lower-case letters, digits and _ (at most 63 characters)"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MODEL_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
# Words that DuckDB cannot take as a bare table name, or that mean something else in our SQL.
_RESERVED = frozenset(
    "all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check"
    " collate collation column concurrently constraint create cross default deferrable desc describe distinct do else"
    " end except false fetch for foreign freeze from full glob group having ilike in initially inner intersect into is"
    " isnull join lambda lateral leading left like limit meta natural not notnull null offset on only or order outer"
    " overlaps pivot pivot_longer pivot_wider placing positional primary qualify references returning right select"
    " semi show similar some summarize symmetric table tablesample then to trailing true union unique unpack unpivot"
    " using variadic verbose when where window with".split()
)


@dataclass(frozen=True)
class Reference:
    """A parsed reference. `version` is "" (the latest), a number, or an alias such as `champion`."""

    kind: Kind
    name: str
    column: str = ""
    version: str = ""

    def __str__(self) -> str:
        column = f".{self.column}" if self.column else ""
        version = f"@{self.version}" if self.version else ""
        return f"{self.kind}:{self.name}{version}{column}"

    @property
    def bare(self) -> str:
        """As text without the version: what words, links, comments and alerts hang on."""
        return str(replace(self, version=""))


def check_dataset_name(name: str) -> str:
    """Return `name` if it can name a dataset, else raise InvalidName with a name that could."""
    return _check("dataset", name, _NAME)


def check_model_name(name: str) -> str:
    """Return `name` if it can name a model, else raise InvalidName with a name that could."""
    return _check("model", name, _MODEL_NAME)


def check_deployment_name(name: str) -> str:
    """Return `name` if it can name a deployment, else raise InvalidName with a name that could."""
    return _check("deployment", name, _MODEL_NAME)


def check_token_name(name: str) -> str:
    """Return `name` if it can name a token of the HTTP server, else raise InvalidName with a name that could."""
    return _check("token", name, _MODEL_NAME)


def check_tag(tag: str) -> str:
    """Return `tag` if it can name a version of a dataset, else raise InvalidName with a name that could."""
    return _check_mark("tag", tag)


def check_alias(alias: str) -> str:
    """Return `alias` if it can name a version of a model, else raise InvalidName with a name that could."""
    return _check_mark("alias", alias)


def _check_mark(what: str, name: str) -> str:
    """Numbers and `latest` name versions already."""
    article = "an" if what == "alias" else "a"
    if name == "latest":
        raise InvalidName(f"`latest` always names the newest version; {article} {what} needs a name of its own.")
    if _MODEL_NAME.fullmatch(name):
        return name
    raise InvalidName(
        f"{article.capitalize()} {what} cannot be {name!r}: it is not {GRAMMAR}, or hyphens.",
        close=[suggest_name(name, what)],
    )


def _check(kind: str, name: str, grammar: re.Pattern[str]) -> str:
    if grammar.fullmatch(name) and name not in _RESERVED:
        return name
    why = "is a reserved word of SQL" if name in _RESERVED else f"is not {GRAMMAR}"
    raise InvalidName(f"A {kind} cannot be named {name!r}: it {why}.", close=[suggest_name(name, kind)])


def suggest_name(text: str, kind: str = "dataset") -> str:
    """A name in the grammar, made from any text (a file's name, say)."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:60]
    if not name or not name[0].isalpha():
        name = f"{kind}_{name}".rstrip("_")
    return f"{name}_{kind}" if name in _RESERVED else name


def parse_reference(text: str, default: Kind = "dataset") -> Reference:
    """Parse `kind:name[@version][.column]`; a text without a kind is of kind `default`.

    Raises InvalidArgument when the kind is unknown, or a column reference names no column.
    """
    text = text.strip()
    prefix, colon, rest = text.partition(":")
    kind = _kind(prefix, text) if colon else default
    rest = rest if colon else text
    if kind in ("run", "alert"):
        number = rest.removeprefix("#").strip()
        if not number.isdigit():
            raise InvalidArgument(f"{text!r} is no {kind}: it is a number, as in `{kind}:142`.", next=f"list_{kind}s()")
        return Reference(kind, str(int(number)))
    if kind == "column":
        return _parse_column(text, rest)
    name, _, version = rest.partition("@")
    return Reference(kind, name.strip(), version=version.strip())


def parse_run(value: str | int) -> int:
    """The number in `142`, `"142"`, `"run:142"` or `"#142"`."""
    return int(parse_reference(str(value), default="run").name)


def _kind(prefix: str, text: str) -> Kind:
    for kind in KINDS:
        if prefix.strip().lower() == kind:
            return kind
    raise InvalidArgument(
        f"{text!r} names no kind of asset; the kinds are {', '.join(KINDS)}, as in `dataset:flights`."
    )


def _parse_column(text: str, rest: str) -> Reference:
    table, dot, column = rest.partition(".")
    if not dot or not column.strip():
        raise InvalidArgument(f"{text!r} names no column; write `column:dataset.column`.")
    name, _, version = table.partition("@")
    return Reference("column", name.strip(), column.strip(), version.strip())


def close_names(name: str, known: Iterable[str], *, limit: int = 3) -> list[str]:
    """Those of `known` that look like `name`, the closest first: what "did you mean" shows."""
    from rapidfuzz.process import extract  # at first use: most processes never meet a wrong name
    from rapidfuzz.utils import default_process

    found = extract(name, list(known), processor=default_process, limit=limit, score_cutoff=60)
    return [match for match, *_ in found]
