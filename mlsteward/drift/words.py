"""How a drift report reads. Light, like the report itself."""

from collections.abc import Sequence

from mlsteward.answer import clipped, counted, number, table
from mlsteward.drift.report import ColumnReport, DriftReport, Finding, WindowReport

# What is shown of a long list.
COLUMNS = 10
COLUMNS_BESIDE_WINDOWS = 6
WINDOWS = 12
_NAMED = 4
_UNSURE = 5
_LEFT_OUT = 12
_WORDS = 110
_EFFECT = 60
_LIST = 500


def sentence(report: DriftReport) -> str:
    """The verdict in a sentence: what drifted and how, or what would have been seen."""
    tested = len(report.columns)
    against = f"{report.current} against {report.reference}"
    if report.verdict == "drift":
        drifted = [column for column in report.columns if column.verdict == "drift"]
        parts = [f"`{column.column}` ({how(column)})" for column in drifted[:_NAMED]]
        parts += [_in_window(found.change, found) for found in report.table if found.drift]
        rest = f" and {len(drifted) - _NAMED} more" if len(drifted) > _NAMED else ""
        where = (
            f"Drift in {len(drifted)} of {counted(tested, 'column')}"
            if drifted
            else "Drift, though in no single column"
        )
        return f"{where}: {', '.join(parts)}{rest}; {against}."
    unsure = [column.column for column in report.columns if column.verdict == "not enough data"]
    sizes = f"{counted(report.reference_rows, 'row')} against {report.current_rows:,}"
    if report.verdict == "not enough data":
        if not tested:
            return f"Not enough data: no column of {against} can be compared."
        called = f"{len(unsure)} of {counted(tested, 'column')} stable ({sizes})"
        far = [f"`{column.column}` stands out ({how(column)})" for column in report.standing_out]
        though = f", though {', '.join(far[:_NAMED])}" if far else ""
        return f"Not enough data to call {called}; none shows drift{though}; {against}."
    said = (
        f"Stable: no drift in {tested - len(unsure)} of {counted(tested, 'column')}"
        if unsure
        else f"Stable: no drift in {counted(tested, 'column')}"
    )
    doubt = f", not enough data for {_list(unsure)}" if unsure else ""
    return f"{said}{doubt}; {against}{_smallest(report.columns)}."


def shown_columns(report: DriftReport) -> list[ColumnReport]:
    """The worst columns, fewer where windows are shown as well."""
    return report.columns[: COLUMNS_BESIDE_WINDOWS if report.windows else COLUMNS]


def column_words(column: ColumnReport) -> tuple[str, str]:
    """From what to what it changed, and the effect."""
    return clipped(how(column), _WORDS), clipped(effect_words(column.main), _EFFECT)


def window_words(window: WindowReport) -> str:
    """The columns that drifted in a window, and what else did."""
    return _few(window.drifted, 3)


def unsure_words(report: DriftReport) -> str:
    """The columns and the windows without enough data, with the reasons."""
    unsure = [column for column in report.columns if column.verdict == "not enough data"]
    columns = [f"{one.column} ({clipped(one.main.why, _EFFECT)})" if one.main.why else one.column for one in unsure]
    windows = [f"{one.window} ({one.why})" for one in report.windows if one.why]
    return "; ".join(part for part in (_few(columns, _UNSURE), _few(windows, WINDOWS)) if part)


def left_out_words(report: DriftReport) -> str:
    return _few([f"{name} ({why})" for name, why in report.left_out.items()], _LEFT_OUT)


def drift_findings(report: DriftReport, page: str, picture: str) -> list[str]:
    """The columns worst first, the windows, and what the verdict rests on."""
    shown = shown_columns(report)
    more = len(report.columns) - len(shown)
    rows = [
        (one.column, one.verdict, *column_words(one), number(one.main.q, 2), smallest_words(one.main)) for one in shown
    ]
    windows = [(one.window, one.rows, one.verdict, window_words(one)) for one in report.windows[:WINDOWS]]
    unsure, left_out = unsure_words(report), left_out_words(report)
    return [
        *table(("column", "verdict", "change", "effect", "adjusted p", "would have seen"), rows),
        f"and {counted(more, 'more column')} at {page}" if more > 0 else "",
        f"p values: {report.assumption}" if report.assumption else "",
        *table(("window", "rows", "verdict", "drifted"), windows),
        f"not enough data: {unsure}" if unsure else "",
        f"left out: {left_out}" if left_out else "",
        f"picture: {picture}" if picture else "",
    ]


def how(column: ColumnReport) -> str:
    """From what to what a column went."""
    parts = [_in_window(column.main.change, column.main), *column.also]
    return "; ".join(part for part in parts if part)


def _in_window(change: str, found: Finding) -> str:
    return f"{change} in {found.window}" if found.window else change


def effect_words(found: Finding) -> str:
    """`W/σ 0.34 (gate 0.1)`."""
    if found.why:
        return found.why
    if found.effect is None:
        return found.kind
    bounds = f" [{number(found.low, 3)}, {number(found.high, 3)}]" if found.low is not None else ""
    return f"{found.measure} {number(found.effect, 3)}{bounds} (gate {number(found.gate, 3)})"


def smallest_words(found: Finding) -> str:
    """`0.19 σ`, the smallest effect that would have been seen."""
    if found.smallest is None:
        return "none" if found.smallest_measure else ""
    return f"{number(found.smallest, 2)} {found.smallest_measure}"


def assumption_words(unit: str, blocks: tuple[int, int], windows: int) -> str:
    """What the p values take for granted."""
    if not unit:
        return "assumes independent rows (name a time_column or a group if rows belong together)"
    what = "group" if unit == "group" else unit
    gate = f"; gates raised to the largest change between the reference's own {windows} windows" if windows else ""
    return f"rows of one {what} stay together ({blocks[0]} blocks against {blocks[1]}){gate}"


def next_call(report: DriftReport, dataset: str, model: str) -> str:
    """The call that usually follows."""
    if report.verdict == "drift" and model:
        return f'evaluate_model(model="{model}", dataset="{dataset}")'
    named = [column.column for column in report.columns if column.verdict == "drift"][:_NAMED]
    if named:
        return f'lookup_data_dictionary(query="{named[0]}", dataset="{dataset}")'
    return f'profile_dataset(dataset="{dataset}")'


def _smallest(columns: Sequence[ColumnReport]) -> str:
    shifts = [
        column.main.smallest
        for column in columns
        if column.verdict == "stable" and column.main.smallest and column.main.smallest_measure == "σ"
    ]
    if not shifts:
        return ""
    low, high = number(min(shifts), 2), number(max(shifts), 2)
    spread = f"shifts of {low} to {high} σ" if low != high else f"a shift of {low} σ"
    return f"; {spread} would have been seen (power 0.8)"


def _list(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(f"`{name}`" for name in names[:_NAMED]) + rest


def _few(words: Sequence[str], most: int) -> str:
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return clipped(", ".join(words[:most]), _LIST) + rest
