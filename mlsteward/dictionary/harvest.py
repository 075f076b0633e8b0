"""What a dataset says of itself: an entry for the table and for each column, with suggestions and facts."""

from collections.abc import Mapping

from mlsteward.data.profile import ColumnProfile, TableProfile
from mlsteward.dictionary.entry import Entry, Facts, Role, column_entry, dataset_entry
from mlsteward.dictionary.roles import suggest_roles
from mlsteward.dictionary.units import suggest_unit


def harvest_columns(
    dataset: str, profile: TableProfile, descriptions: Mapping[str, str], description: str = ""
) -> list[Entry]:
    """The dataset's own entry, then one per column: unit and role are suggestions, nothing more.

    `descriptions` are words that came with the source, by column name; `description` those of the table.
    """
    table = dataset_entry(dataset, description=description, facts=Facts(rows=profile.rows))
    roles = suggest_roles(profile)
    columns = [
        _column(dataset, position, column, descriptions.get(column.name, ""), roles[column.name])
        for position, column in enumerate(profile.columns, start=1)
    ]
    return [table, *columns]


def _column(dataset: str, position: int, column: ColumnProfile, description: str, role: Role) -> Entry:
    return column_entry(
        dataset,
        column.name,
        position=position,
        type=column.type,
        description=description,
        unit=suggest_unit(column, description),
        role=role,
        facts=_facts(column),
    )


def _facts(column: ColumnProfile) -> Facts:
    return Facts(
        rows=column.rows,
        nulls=column.nulls,
        distinct=column.distinct,
        minimum=column.minimum,
        maximum=column.maximum,
        top=[top.value[:40] for top in column.top[:5]],
    )
