"""The whole report as a page of Markdown."""

from mlsteward.answer import cell, number
from mlsteward.drift.report import ColumnReport, DriftReport
from mlsteward.drift.words import effect_words, how, smallest_words


def page(report: DriftReport) -> str:
    """Every column, what was left out, every window."""
    lines = [
        "# Drift",
        "",
        report.sentence,
        "",
        f"Checks in one family: {report.checks}. The p values: {report.assumption}.",
    ]
    lines += ["", *_table(["column", "verdict", "change", "effect", "adjusted p", "PSI", "would have seen"])]
    lines += [_row(column) for column in report.columns]
    if report.table:
        lines += ["", "## The whole table", ""]
        lines += [
            f"- {found.kind}: {found.change}, {effect_words(found)}, adjusted p {number(found.q, 2)}"
            for found in report.table
        ]
    if report.windows:
        lines += ["", "## Windows", "", *_table(["window", "rows", "verdict", "drifted"])]
        lines += [
            f"| {one.window} | {one.rows} | {one.verdict} | {', '.join(one.drifted) or one.why} |"
            for one in report.windows
        ]
    if report.left_out:
        lines += ["", "## Left out", "", *(f"- `{name}`: {why}" for name, why in report.left_out.items())]
    return "\n".join(lines) + "\n"


def _table(headers: list[str]) -> list[str]:
    return ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]


def _row(column: ColumnReport) -> str:
    found = column.main
    values = [column.column, column.verdict, how(column), effect_words(found), number(found.q, 2)]
    values += [number(found.stability_index, 2), smallest_words(found)]
    return "| " + " | ".join(cell(value).replace("|", "/") for value in values) + " |"
