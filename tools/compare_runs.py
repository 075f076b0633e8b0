"""The tool `compare_runs`."""

from pydantic import Field

from mlsteward.answer import Answer, counted, table
from mlsteward.names import parse_run
from mlsteward.runs.comparison import SettingEffect, best_first, differing_settings, setting_effects, side_by_side
from mlsteward.runs.jobs.compare import Request, RowTest, tests_table
from mlsteward.runs.listing import short
from mlsteward.runs.pairing import PairedTest, choose_metric, plan_test, read_test, select_runs
from mlsteward.server.declare import Call, Tool
from mlsteward.store.fields import Field as Metric
from mlsteward.store.run_lines import common_metrics
from mlsteward.store.runs import same_run

MOST_EFFECTS = 8
MOST_METRICS = 4
WAIT_SECONDS = 20.0


class CompareAnswer(Answer):
    metric: str
    caution: str = Field(default="", description="Why their scores cannot be held against each other.")
    total: int = Field(description="How many runs match.")
    columns: list[str]
    rows: list[list[str | float | None]] = Field(description="The runs, best first.")
    left_out: int = Field(default=0, description="Settings that differ and are not shown.")
    effects: list[SettingEffect] = Field(default_factory=list[SettingEffect])
    pairs: list[RowTest] = Field(default_factory=list[RowTest], description="Best run against another, same test rows.")
    notes: list[str] = Field(default_factory=list[str])

    def body(self) -> list[str]:
        return [
            f"caution: {self.caution}" if self.caution else "",
            *table(self.columns, self.rows),
            f"not shown: {counted(self.left_out, 'setting')} that {'differs' if self.left_out == 1 else 'differ'}"
            if self.left_out
            else "",
            "settings and the metric:" if self.effects else "",
            *(effect.line() for effect in self.effects),
            *tests_table(self.pairs, self.metric),
            *self.notes,
        ]


def compare_runs(
    call: Call,
    runs: list[str] = [],
    where: str = "",
    last: int = 10,
    metric: str = "",
) -> CompareAnswer:
    """Compare runs: which is best, what differs in params and data, what goes with the metric, and what is chance.

    Name the runs, or take the last completed training runs that match `where` (the filter of list_runs). The best is
    tested against each of the others on the test rows they share; settings that vary together are named.
    """
    store = call.workspace.store
    call.workspace.runs.take_in()
    chosen = store.read(lambda t: select_runs(t, [parse_run(run) for run in runs], where, last))
    by = choose_metric(chosen, metric)
    lines = best_first(chosen.lines, by)
    request, notes = plan_test(chosen, lines, by, call.workspace.runs.folder, call.workspace.folder)
    test = _tested(call, request, by, notes) if request else PairedTest(notes=notes)
    settings = differing_settings(chosen.lines)
    effects = setting_effects(chosen.lines, settings, by)
    metrics = [by, *(one for one in common_metrics(lines) if one.shown != by.shown)][:MOST_METRICS]
    shown = side_by_side(chosen.lines, settings, lines)
    names = [*(effect.setting for effect in effects), *settings]
    names = list(dict.fromkeys(name for name in names if name in shown))
    while True:
        answer = CompareAnswer(
            verdict=test.verdict(lines, by) + (" Mind the caution." if chosen.caution() else ""),
            metric=by.shown,
            caution=chosen.caution(),
            total=chosen.total,
            columns=["run", *names, *(one.shown for one in metrics)],
            rows=[
                [
                    f"run:{line.number}",
                    *(shown[name][place] for name in names),
                    *(short(line.value(one)) for one in metrics),
                ]
                for place, line in enumerate(lines)
            ],
            left_out=len(shown) - len(names),
            effects=effects[:MOST_EFFECTS],
            pairs=test.pairs,
            notes=[*chosen.notes(), *test.notes],
            next=test.next(lines, chosen.models),
        )
        if not names or answer.fits():
            return answer
        names = names[: len(names) * 3 // 4]


def _tested(call: Call, request: Request, metric: Metric, notes: list[str]) -> PairedTest:
    """The paired test, as an earlier call left it or in a run of its own."""
    params = {"best": request.best.run, "others": [other.run for other in request.others], "metric": request.metric}
    number = call.workspace.store.read(lambda t: same_run(t, "compare", params))
    if not number:
        number = call.workspace.runs.start("compare", request, actor=call.actor, params=params)
    return read_test(call.look(number, WAIT_SECONDS), metric, notes)


TOOL = Tool(compare_runs, title="Compare runs", toolset="training", read_only=True, idempotent=True)
