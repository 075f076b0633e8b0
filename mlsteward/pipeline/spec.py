"""A pipeline as its TOML file says it: parameters, and steps in the order in which they run."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast, get_args

from mlsteward.errors import InvalidArgument
from mlsteward.names import check_model_name, close_names, suggest_name
from mlsteward.pipeline.kinds import KINDS
from mlsteward.pipeline.lines import Lines
from mlsteward.pipeline.toml_tables import toml_tables
from mlsteward.pipeline.values import names_in
from mlsteward.record import Record

OnFailure = Literal["stop", "continue", "ignore"]
MOST_STEPS = 100
MOST_BYTES = 256 * 1024
_TOP = ("name", "description", "parameters", "steps")
# Keys of a step that are not arguments of its tool.
_OWN = ("do", "id", "on_failure", "reuse")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ID = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Step(Record):
    """One step: `do` is its kind (see `pipeline.kinds`), `arguments` go to the kind's tool, `line` is in the file.

    A step that fails ends the pipeline, unless `on_failure` says that it goes on: with "continue" the pipeline has
    failed all the same, with "ignore" it has not.
    `reuse` false runs it though nothing has changed.
    """

    id: str
    do: str
    arguments: dict[str, Any] = {}
    on_failure: OnFailure = "stop"
    reuse: bool = True
    line: int = 0

    @property
    def where(self) -> str:
        """How errors name it."""
        return f"step `{self.id}`" + (f" (line {self.line})" if self.line else "")


class Pipeline(Record):
    """A pipeline. Values may hold `${name}`, of a parameter or the environment, and `${steps.id.field}`."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    steps: list[Step]


def read_pipeline(text: str, *, name: str = "") -> Pipeline:
    """The pipeline in a TOML text; `name` is what it is called when it does not say.

    Raises InvalidArgument with every mistake: its line, what is wrong and what was close.
    """
    if len(text.encode()) > MOST_BYTES:
        raise InvalidArgument(f"A pipeline file holds at most {MOST_BYTES // 1024} KB.")
    tables = toml_tables(text, "pipeline")
    reading = _Reading(Lines(text))
    pipeline = reading.pipeline(tables, name)
    if reading.mistakes:
        raise InvalidArgument("\n".join(["The pipeline cannot be used:", *(f"- {one}" for one in reading.mistakes)]))
    return pipeline


class _Reading:
    """One file being read; mistakes are gathered, so that all are told at once."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self._mistakes: list[tuple[int, str]] = []

    @property
    def mistakes(self) -> list[str]:
        """In the order of the file."""
        return [f"line {line}: {words}" if line else words for line, words in sorted(self._mistakes)]

    def wrong(self, line: int, words: str) -> None:
        self._mistakes.append((line, words))

    def pipeline(self, tables: Mapping[str, Any], name: str) -> Pipeline:
        for key in tables:
            if key not in _TOP:
                self.wrong(self.lines.of_key(key), f"the file takes {', '.join(_TOP)}, not `{key}`{_meant(key, _TOP)}")
        parameters = self._parameters(tables.get("parameters", {}))
        steps = self._steps(tables.get("steps"))
        for step in steps:
            self._references(step, steps)
        return Pipeline(
            name=self._name(tables.get("name", name)),
            description=self._text(tables.get("description", ""), "description"),
            parameters=parameters,
            steps=steps,
        )

    def _name(self, name: object) -> str:
        text = self._text(name, "name") or "pipeline"
        try:
            return check_model_name(text)
        except InvalidArgument:
            close = suggest_name(text, "pipeline")
            self.wrong(self.lines.of_key("name"), f"name = {text!r} is no name; did you mean `{close}`?")
            return close

    def _text(self, value: object, key: str) -> str:
        if isinstance(value, str):
            return value
        self.wrong(self.lines.of_key(key), f"{key} is a text, not {value!r}.")
        return ""

    def _parameters(self, table: object) -> dict[str, Any]:
        if not isinstance(table, dict):
            self.wrong(self.lines.of_key("parameters"), "[parameters] is a table of names and defaults.")
            return {}
        found = cast(dict[str, Any], table)
        for key, value in found.items():
            line = self.lines.of_key(key, "parameters")
            if not _PARAMETER.fullmatch(key) or key == "steps":
                self.wrong(line, f"a parameter cannot be called {key!r}: letters, digits and _, and not `steps`.")
            if not isinstance(value, str | int | float | bool):
                self.wrong(line, f"the parameter {key} is a text, a number, true or false.")
        return found

    def _steps(self, tables: object) -> list[Step]:
        if not isinstance(tables, list) or not tables:
            kinds = ", ".join(KINDS)
            self.wrong(0, f'a pipeline has steps: tables [[steps]] with do = "…", one of {kinds}.')
            return []
        listed = cast(list[Any], tables)
        if len(listed) > MOST_STEPS:
            self.wrong(0, f"a pipeline has at most {MOST_STEPS} steps, not {len(listed)}.")
        steps: list[Step] = []
        for place, table in enumerate(listed[:MOST_STEPS]):
            if isinstance(table, dict):
                steps.append(self._step(place, cast(dict[str, Any], table), [one.id for one in steps]))
            else:
                self.wrong(0, f"steps[{place}] is a table: write [[steps]].")
        return steps

    def _step(self, place: int, table: Mapping[str, Any], taken: list[str]) -> Step:
        line = self.lines.of_step(place)
        do = table.get("do", "")
        if do not in KINDS:
            kinds = ", ".join(KINDS)
            words = f"do = {do!r} is none of {kinds}{_meant(str(do), KINDS)}" if do else f"a step needs do: {kinds}."
            self.wrong(self.lines.of_key("do", step=place) or line, words)
        identity = table.get("id", "") or _free(str(do) or "step", taken)
        if not isinstance(identity, str) or not _ID.fullmatch(identity):
            self.wrong(self.lines.of_key("id", step=place), f"id = {identity!r}: a lower-case name with digits and _.")
        elif identity in taken:
            self.wrong(self.lines.of_key("id", step=place), f"there is a step `{identity}` already.")
        on_failure, reuse = table.get("on_failure", "stop"), table.get("reuse", True)
        if on_failure not in get_args(OnFailure):
            self.wrong(self.lines.of_key("on_failure", step=place), 'on_failure is "stop", "continue" or "ignore".')
            on_failure = "stop"
        if not isinstance(reuse, bool):
            self.wrong(self.lines.of_key("reuse", step=place), "reuse is true or false.")
        return Step(
            id=str(identity),
            do=str(do),
            arguments={key: value for key, value in table.items() if key not in _OWN},
            on_failure=on_failure,
            reuse=reuse is True,
            line=line,
        )

    def _references(self, step: Step, steps: list[Step]) -> None:
        """`${steps.id.field}` names a step before this one."""
        before = [one.id for one in steps[: steps.index(step)]]
        for name in names_in(step.arguments):
            if not name.startswith("steps."):
                continue
            identity = name.split(".")[1]
            if identity in before:
                continue
            later = identity in [one.id for one in steps]
            why = "comes no earlier than this one" if later else "does not exist"
            self.wrong(step.line, f"${{{name}}}: the step `{identity}` {why}{_meant(identity, before)}")


def _meant(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is not known."""
    close = close_names(name, known, limit=2)
    return f"; did you mean {' or '.join(f'`{one}`' for one in close)}?" if close else "."


def _free(identity: str, taken: list[str]) -> str:
    """`train`, `train_2`, `train_3`."""
    candidates = [identity, *(f"{identity}_{number}" for number in range(2, MOST_STEPS + 2))]
    return next(one for one in candidates if one not in taken)
