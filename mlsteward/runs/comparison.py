"""What differs between runs, and what goes with their metric."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import Field as Described

from mlsteward.answer import cell, counted, number
from mlsteward.evaluation.association import TOGETHER, Association, Setting, associate, vary_together
from mlsteward.evaluation.directions import greater_is_better
from mlsteward.record import Record
from mlsteward.store.fields import Field
from mlsteward.store.run_lines import RunLine

_UNCLEAR = 0.1
_GROUPS = 4
_VALUE = 40
_SEED = 0


class SettingEffect(Record):
    setting: str
    words: str
    p: float | None = Described(default=None, description="Of a permutation test, not adjusted for the other settings.")
    varies_with: list[str] | None = Described(default=None, description="Settings it cannot be told apart from.")

    def line(self) -> str:
        doubt = f" – cannot be told apart from {', '.join(self.varies_with)}" if self.varies_with else ""
        return f"{self.setting}: {self.words}{doubt}"


def best_first(lines: Sequence[RunLine], metric: Field) -> list[RunLine]:
    """The runs by the metric, those without it last."""
    sign = -1 if greater_is_better(metric.name) else 1

    def key(line: RunLine) -> tuple[bool, float, int]:
        value = line.value(metric)
        return value is None, 0.0 if value is None else sign * value, line.number

    return sorted(lines, key=key)


def differing_settings(lines: Sequence[RunLine]) -> dict[str, list[Setting]]:
    """Data, target and parameters that are not the same in all runs, with the value of each run."""
    flat = [{"dataset": line.dataset, "target": line.target, **_flattened("params", line.params)} for line in lines]
    names = dict.fromkeys(name for settings in flat for name in settings)
    settings = {name: [one.get(name) for one in flat] for name in names}
    return {name: values for name, values in settings.items() if len({json.dumps(value) for value in values}) > 1}


def setting_effects(
    lines: Sequence[RunLine], settings: Mapping[str, Sequence[Setting]], metric: Field
) -> list[SettingEffect]:
    """How each setting goes with the metric, the clearest first, with those it varies together with."""
    values = [line.value(metric) for line in lines]
    kept = [position for position, value in enumerate(values) if value is not None]
    y = [values[position] for position in kept]
    columns = {name: [column[position] for position in kept] for name, column in settings.items()}
    effects: list[SettingEffect] = []
    for name, column in columns.items():
        found = associate(column, y, _SEED)
        together = [
            other for other, values in columns.items() if other != name and vary_together(column, values) >= TOGETHER
        ]
        if found is not None:
            words = _words(found, metric)
            effects.append(SettingEffect(setting=name, words=words, p=_p(found.p), varies_with=together or None))
    return sorted(effects, key=lambda effect: effect.p or 0.0)


def side_by_side(
    lines: Sequence[RunLine], settings: Mapping[str, Sequence[Setting]], order: Sequence[RunLine]
) -> dict[str, list[str]]:
    """The settings in words, for the runs in another order."""
    place = {line.number: position for position, line in enumerate(lines)}
    return {name: [_shown(values[place[line.number]]) for line in order] for name, values in settings.items()}


def _flattened(prefix: str, members: Mapping[str, Any]) -> dict[str, Setting]:
    """`{"grid": {"c": 1}}` as `params.grid.c`: the way filters name it. Lists become text."""
    flat: dict[str, Setting] = {}
    for name, value in members.items():
        if isinstance(value, dict):
            flat |= _flattened(f"{prefix}.{name}", cast(dict[str, Any], value))
        else:
            flat[f"{prefix}.{name}"] = json.dumps(value) if isinstance(value, list) else value
    return flat


def _shown(value: Setting) -> str:
    text = cell(value)
    return text if len(text) <= _VALUE else text[: _VALUE - 1] + "…"


def _words(found: Association, metric: Field) -> str:
    p = f"p {_p(found.p):g}"
    if found.kind == "number":
        strength = f"ρ {number(found.strength, 2)}, {p}, {found.runs} runs"
        if found.p > _UNCLEAR:
            return f"no clear association ({strength})"
        better = (found.strength > 0) == greater_is_better(metric.name)
        return f"higher goes with {'better' if better else 'worse'} {metric.shown} ({strength})"
    sign = -1 if greater_is_better(metric.name) else 1
    ordered = sorted(found.means.items(), key=lambda item: sign * item[1][0])
    means = ", ".join(
        f"{'not set' if name == 'None' else _shown(name)} {number(mean)} ({counted(count, 'run')})"
        for name, (mean, count) in ordered[:_GROUPS]
    )
    more = f" and {len(ordered) - _GROUPS} more" if len(ordered) > _GROUPS else ""
    return f"mean {metric.shown} {means}{more} ({'no clear association, ' if found.p > _UNCLEAR else ''}{p})"


def _p(p: float) -> float:
    return float(f"{p:.2g}")
