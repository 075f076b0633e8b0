"""Contracts in Markdown."""

from collections.abc import Mapping, Sequence

from mlsteward.answer import markdown_table
from mlsteward.contracts.check import CheckResult, Contract
from mlsteward.contracts.text import check_text

_ROWS = 5


def trial_page(
    verdict: str,
    contract: Contract,
    results: Sequence[CheckResult],
    why: Mapping[str, str],
    left_out: Sequence[str],
) -> str:
    """Every check that was tried, with what came of it and rows that fail."""
    lines = [f"# Checks of {contract.dataset}", "", verdict, "", *check_table(contract, results, why)]
    if left_out:
        lines += ["", "## Left out", "", *(f"- {words}" for words in left_out)]
    return "\n".join([*lines, *example_tables(results)]) + "\n"


def check_table(contract: Contract, results: Sequence[CheckResult], why: Mapping[str, str] | None = None) -> list[str]:
    """A row for each check: as text, with its last result."""
    by_name = {result.check: result for result in results}
    texts = {check.name: check_text(check) for check in contract.checks}
    names = [*(name for name in by_name if name not in texts), *texts]
    rows = [(texts.get(name, name), *_found(by_name.get(name)), (why or {}).get(name, "")) for name in names]
    headers = ("check", "holds", "found", "derived from")
    return markdown_table(headers if why else headers[:3], rows if why else [row[:3] for row in rows])


def _found(result: CheckResult | None) -> tuple[str, str]:
    if result is None:
        return "", ""
    return ("yes" if result.passed else f"no ({result.severity})"), result.words


def example_tables(results: Sequence[CheckResult]) -> list[str]:
    """Rows that fail, check by check."""
    lines: list[str] = []
    for result in results:
        if result.examples:
            columns = list(result.examples[0])
            rows = [[row.get(column, "") for column in columns] for row in result.examples[:_ROWS]]
            lines += ["", f"## Rows that fail `{result.expected}`", "", *markdown_table(columns, rows)]
    return lines
