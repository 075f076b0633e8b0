"""What a dataset says of itself: an entry for the table and for each column, with suggestions and facts."""

from collections.abc import Mapping

from mlsteward.data.profile import ColumnProfile, TableProfile
from mlsteward.dictionary.entry import Entry, Facts, column_entry, dataset_entry


def harvest_columns(
    dataset: str, profile: TableProfile, descriptions: Mapping[str, str], description: str = ""
) -> list[Entry]:
    """The dataset's own entry, then one per column: unit and role are suggestions, nothing more.

    `descriptions` are words that came with the source, by column name; `description` those of the table.
    """
    table = dataset_entry(dataset, description=description, facts=Facts(rows=profile.rows))
    return [
        table,
        *(_column(dataset, position, column, descriptions) for position, column in enumerate(profile.columns)),
    ]


def _column(dataset: str, position: int, column: ColumnProfile, descriptions: Mapping[str, str]) -> Entry:
    return column_entry(
        dataset,
        column.name,
        position=position + 1,
        type=column.type,
        description=descriptions.get(column.name, ""),
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
