"""The page `mlsteward://contracts/{dataset}`."""

from collections.abc import Sequence
from itertools import pairwise

from mlsteward.answer import counted, markdown_table
from mlsteward.contracts.check import CheckResult, Contract
from mlsteward.contracts.page import example_tables
from mlsteward.contracts.text import check_text
from mlsteward.errors import NotFound
from mlsteward.server.declare import Page
from mlsteward.store.check_results import StoredResult, check_history
from mlsteward.store.contracts import contract_of, contracts_of, seen_contract
from mlsteward.store.datasets import DatasetVersion, dataset_names, find_dataset, versions_of
from mlsteward.store.runs import get_run
from mlsteward.store.transaction import Transaction
from mlsteward.workspace import Workspace

_RESULTS = 1000
_CHANGES = 4


def contract_page(workspace: Workspace, dataset: str) -> str:
    """The contract of a dataset: versions kept aside, its checks with their last result, schema and versions."""
    return workspace.store.read(lambda transaction: _page(transaction, dataset))


def _page(t: Transaction, dataset: str) -> str:
    name = find_dataset(t, dataset, rows=False).name
    versions = contracts_of(t, name)
    if not versions:
        raise NotFound(f"{name} has no contract yet.", next=f'set_contract(dataset="{name}")')
    contract = contract_of(t, name)
    lines = [f"# Contract of {name}", ""]
    held = [version for version in versions_of(t, name) if version.held]
    lines += [line for version in held for line in _held(version)]
    lines += _in_force(t, contract) if contract else ["It was dropped; new versions are held to nothing.", ""]
    return "\n".join([*lines, "## Versions of the contract", "", *_history(t, versions)]) + "\n"


def _held(version: DatasetVersion) -> list[str]:
    return [
        f"**{version.label} is kept aside** ({version.created:%Y-%m-%d %H:%M} UTC): it {version.held}.",
        "",
        f"- look at it: `query_data(sql='FROM \"{version.label}\" LIMIT 20')`",
        f'- let it through with other checks: `set_contract(dataset="{version.label}", checks=["current", "- NAME"])`',
        f'- let it through as it is: `set_contract(dataset="{version.label}", checks=["current"], mode="warn")`',
        "- or register the data again, mended",
        "",
        "In mode warn no later version is kept aside either.",
        "",
    ]


def _in_force(t: Transaction, contract: Contract) -> list[str]:
    seen = seen_contract(t, contract)
    hidden = len(contract.checks) - len(seen.checks)
    what = "a version that breaks a check of severity error is kept aside"
    mode = what if contract.mode == "block" else "what fails is said, and the version becomes the newest"
    found = {one.check: one for one in reversed(check_history(t, contract.dataset, limit=_RESULTS))}
    lines = [
        f"Version {contract.version}, mode {contract.mode} ({mode}), set by {contract.actor}"
        + (f" on {contract.created:%Y-%m-%d %H:%M} UTC." if contract.created else "."),
        "",
        "## Checks",
        "",
        *markdown_table(
            ("check", "name", "last result", "found", "on"),
            [(check_text(check), check.name, *_result(found.get(check.name))) for check in seen.checks],
        ),
    ]
    if hidden:
        lines += ["", f"{counted(hidden, 'more check')} on columns that are masked for your clearance."]
    lines += _examples(t, [one for check in seen.checks if (one := found.get(check.name)) and not one.passed])
    keys = [f"({', '.join(key)})" for key in contract.keys]
    lines += ["", "## Schema", "", *([f"Keys: {', '.join(keys)}.", ""] if keys else [])]
    required = set(contract.required)
    columns = [(column.name, column.type, "no nulls" if column.name in required else "") for column in contract.columns]
    return [*lines, *markdown_table(("column", "type", ""), columns), ""]


def _result(found: StoredResult | None) -> tuple[str, str, str]:
    if found is None:
        return "not run yet", "", ""
    on = f"{found.dataset}@{found.version}, {found.created:%Y-%m-%d %H:%M}"
    return ("holds" if found.passed else f"FAILS ({found.severity})"), found.words, on


def _examples(t: Transaction, failed: Sequence[StoredResult]) -> list[str]:
    """The rows that the runs behind the last failures kept."""
    lines: list[str] = []
    for run in sorted({one.run for one in failed if one.run}, reverse=True):
        result = get_run(t, run).result
        # A run that tries a contract keeps all results, one that makes a version those that failed.
        found = result.get("checks") or result.get("judged", {}).get("failed", [])
        kept = [CheckResult.model_validate(one) for one in found]
        names = {one.check for one in failed if one.run == run}
        lines += example_tables([one for one in kept if one.check in names])
    return lines


def _history(t: Transaction, versions: Sequence[Contract]) -> list[str]:
    seen = {one.version: seen_contract(t, one) for one in versions}
    rows = [
        (
            later.version,
            later.mode,
            len(later.checks),
            _changes(seen.get(earlier.version, earlier), seen[later.version]),
            later.actor,
            _when(later),
        )
        for later, earlier in pairwise([*versions, Contract(dataset=versions[0].dataset)])
    ]
    return markdown_table(("version", "mode", "checks", "changed", "by", "when (UTC)"), rows)


def _when(contract: Contract) -> str:
    return f"{contract.created:%Y-%m-%d %H:%M}" if contract.created else ""


def _changes(earlier: Contract, later: Contract) -> str:
    """Names of what was added, taken away and altered."""
    before, after = ({check.name: check for check in one.checks} for one in (earlier, later))
    parts = {
        "added": [name for name in after if name not in before],
        "removed": [name for name in before if name not in after],
        "changed": [name for name in after if name in before and after[name] != before[name]],
    }
    words = [f"{what} {_listed(names)}" for what, names in parts.items() if names and earlier.version]
    return "; ".join(words) or ("" if earlier.version else "first")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _CHANGES
    return ", ".join(names[:_CHANGES]) + (f" and {more} more" if more > 0 else "")


def _names(workspace: Workspace, prefix: str) -> list[str]:
    return workspace.store.read(lambda transaction: dataset_names(transaction, prefix))


PAGES = [Page("mlsteward://contracts/{dataset}", contract_page, title="A data contract", complete={"dataset": _names})]
