"""The page `mlsteward://datasets/{name}`."""

from mlsteward.answer import counted, markdown_table, number
from mlsteward.data.profile import ColumnProfile
from mlsteward.dictionary.comment import comments_section
from mlsteward.dictionary.sensitivity import masked_words
from mlsteward.server.declare import Page
from mlsteward.store.check_results import last_health
from mlsteward.store.comments import comments_of
from mlsteward.store.datasets import DatasetVersion, dataset_names, find_dataset, versions_of
from mlsteward.store.tags import tags_of
from mlsteward.workspace import Workspace


def dataset_page(workspace: Workspace, name: str) -> str:
    """A dataset: where it comes from, its versions, and the full profile of the version named (else the newest)."""
    version = workspace.store.read(lambda transaction: find_dataset(transaction, name, rows=False))
    versions = workspace.store.read(lambda transaction: versions_of(transaction, version.name))
    lines = [f"# {version.label}", "", version.description or "No description recorded.", "", *_facts(version)]
    health = workspace.store.read(lambda transaction: last_health(transaction, version.name))
    lines += [
        f"- {health.label} {health.words}: mlsteward://health/{version.name}" if health else "- never checked",
        "",
    ]
    tags = workspace.store.read(lambda transaction: tags_of(transaction, version.name))
    rows = [
        (
            f"{one.label} (kept aside)" if one.held else one.label,
            ", ".join(tag.tag for tag in tags if tag.version == one.version),
            one.rows,
            len(one.columns),
            one.source or one.sql,
            f"{one.created:%Y-%m-%d %H:%M}",
            one.actor,
            _standing(one),
        )
        for one in versions
    ]
    headers = ("version", "tags", "rows", "columns", "from", "registered", "by", "standing")
    lines += ["## Versions", "", *markdown_table(headers, rows), ""]
    if version.warnings:
        lines += ["## Warnings", "", *(f"- {warning}" for warning in version.warnings), ""]
    asset = f"dataset:{version.name}"
    if said := comments_section(workspace.store.read(lambda transaction: comments_of(transaction, asset))):
        lines += [*said[1:], ""]
    lines += ["## Columns", ""]
    lines += markdown_table(
        ("column", "type", "null", "distinct", "minimum", "median", "maximum", "frequent", "warnings"),
        [_row(column) for column in version.profile.columns],
    )
    return "\n".join(lines) + "\n"


def _standing(version: DatasetVersion) -> str:
    if version.collected:
        return f"rows collected on {version.collected:%Y-%m-%d}"
    return f"kept aside: {version.held}" if version.held else ""


def _facts(version: DatasetVersion) -> list[str]:
    kept = f"stays at {version.snapshot}" if version.reference else f"snapshot {version.snapshot}"
    size = f"- {counted(version.rows, 'row')}, {counted(len(version.columns), 'column')}"
    lines = [
        f"{size}, {version.bytes:,} bytes; {kept}",
        f"- fingerprint {version.fingerprint} ({version.algorithm}, {version.engine})",
        f"- schema {version.schema_hash[:16]}, source bytes {version.source_hash[:16] or 'none'}",
    ]
    if any(column.masked for column in version.profile.columns):
        # With a hash of all its bytes, whoever guesses a value could find out whether it is the one.
        lines = [f"{size}; the values of some are masked for your clearance"]
    if version.sources:
        lines.append(f"- made from {', '.join(version.sources)} by `{version.sql}`")
    if version.run:
        lines.append(f"- run:{version.run}")
    return lines


def _row(column: ColumnProfile) -> tuple[object, ...]:
    if column.masked:
        return (column.name, column.type, *[""] * 6, masked_words(column.masked))
    median = column.quantiles.get("0.5")
    return (
        column.name,
        column.type,
        f"{column.nulls / max(column.rows, 1):.1%}",
        column.distinct if column.distinct_exact else f"about {column.distinct}",
        column.minimum,
        number(median) if column.family == "number" else "",
        column.maximum,
        ", ".join(f"{top.value[:20]} ({top.count})" for top in column.top[:5]),
        "; ".join(column.warnings),
    )


def _names(workspace: Workspace, prefix: str) -> list[str]:
    return workspace.store.read(lambda transaction: dataset_names(transaction, prefix))


PAGES = [Page("mlsteward://datasets/{name}", dataset_page, title="A dataset", complete={"name": _names})]
