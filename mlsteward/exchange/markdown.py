"""A dataset's data sheet in Markdown: what it is, its columns, its contract, its versions."""

from mlsteward.answer import counted, markdown_table
from mlsteward.contracts.text import rule_text
from mlsteward.dictionary.card import values_of
from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.sensitivity import Level, exceeds, masked_words
from mlsteward.exchange.sheet import Sheet

# A sheet is handed around: values of columns above this are never in it.
_SHOWN: Level = "internal"


def write_markdown(sheet: Sheet) -> str:
    """The sheet, to be read and kept beside the data."""
    table = sheet.table
    facts = [
        ("rows", f"{sheet.rows:,}"),
        ("columns", len(sheet.columns)),
        ("bytes", f"{sheet.bytes:,}"),
        ("registered", f"{sheet.created:%Y-%m-%d %H:%M} UTC"),
        ("from", sheet.source or ", ".join(sheet.sources)),
        ("owner", table.owner),
        ("sensitivity", table.sensitivity),
        ("tags", ", ".join(table.tags)),
        ("fingerprint", f"`{sheet.fingerprint}`"),
        ("sha256", f"`{sheet.sha256}`"),
    ]
    lines = [f"# {table.business_name or sheet.name}", "", f"`{sheet.label}`", ""]
    lines += [table.description, ""] if table.description else []
    lines += [f"Use: {table.usage}", ""] if table.usage else []
    lines += [f"- {name}: {value}" for name, value in facts if value]
    lines += _columns(sheet) + _contract(sheet) + _relationships(sheet) + _made(sheet) + _versions(sheet)
    return "\n".join(lines).rstrip() + "\n"


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"## {title}", "", *lines] if lines else []


def _columns(sheet: Sheet) -> list[str]:
    rows = [(column.name, column.type, *_words(sheet.entries.get(column.name))) for column in sheet.columns]
    headers = ("column", "type", "meaning", "unit", "role", "values", "sensitivity", "owner", "tags")
    kept = [place for place in range(len(headers)) if place < 3 or any(row[place] for row in rows)]
    chosen = [[row[place] for place in kept] for row in rows]
    return _section("Columns", _table([headers[place] for place in kept], chosen))


def _words(entry: Entry | None) -> tuple[str, ...]:
    if entry is None:
        return ("",) * 7
    meaning = ": ".join(part for part in (entry.business_name, entry.description) if part)
    values = f"one of {', '.join(entry.allowed_values)}" if entry.allowed_values else values_of(entry)
    if exceeds(entry.sensitivity, _SHOWN):
        values = masked_words(entry.sensitivity)
    return meaning, entry.unit, entry.role, values, entry.sensitivity, entry.owner, ", ".join(entry.tags)


def _contract(sheet: Sheet) -> list[str]:
    if sheet.contract is None:
        return []
    contract = sheet.contract
    what = "is kept aside" if contract.mode == "block" else "is reported"
    rows = [(check.name, rule_text(check), check.severity) for check in contract.checks]
    by = f", by {contract.actor}" if contract.actor else ""
    lines = [
        f"Version {contract.version}{by}: a version of the data that breaks it {what}.",
        "",
        *_table(("check", "rule", "severity"), rows),
    ]
    return _section("Contract", lines)


def _relationships(sheet: Sheet) -> list[str]:
    lines = [f"- {one.words} ({one.coverage:.1%} of rows found)" for one in sheet.relationships]
    return _section("Relationships", lines)


def _made(sheet: Sheet) -> list[str]:
    return _section("Made by", ["```sql", sheet.sql, "```"] if sheet.sql else [])


def _versions(sheet: Sheet) -> list[str]:
    rows = [
        (one.label, ", ".join(one.tags), f"{one.rows:,}", f"{one.created:%Y-%m-%d}", one.source, one.standing)
        for one in sheet.versions
    ]
    title = f"Versions ({counted(len(rows), 'version')})"
    return _section(title, markdown_table(("version", "tags", "rows", "registered", "from", "standing"), rows))


def _table(headers: tuple[str, ...] | list[str], rows: list[tuple[str, ...]] | list[list[str]]) -> list[str]:
    """A table whose cells are whole, unlike those of an answer."""
    text = [[" ".join(str(value).split()).replace("|", "\\|") for value in row] for row in rows]
    body = ["| " + " | ".join(row) + " |" for row in text]
    return ["| " + " | ".join(headers) + " |", "|---" * len(headers) + "|", *body] if body else []
