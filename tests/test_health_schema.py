"""What a change of a column means to those who read it."""

import pytest

from mlsteward.health.schema_change import ColumnUse, SchemaColumn, schema_changes, schema_pillar
from mlsteward.health.upstream import StaleSource, Upstream, lineage_pillar


def columns(**types: str) -> list[SchemaColumn]:
    return [SchemaColumn(name=name, type=kind) for name, kind in types.items()]


BEFORE = columns(carrier="VARCHAR", dep_time="BIGINT", distance="INTEGER")


def test_equal_columns_in_another_order_are_no_change() -> None:
    assert schema_changes(BEFORE, BEFORE[::-1]) == []


@pytest.mark.parametrize(
    ("before", "after", "compatibility", "words"),
    [
        ("BIGINT", "VARCHAR", "breaking", "became text from BIGINT"),
        ("VARCHAR", "BIGINT", "breaking", "became BIGINT from VARCHAR"),
        ("DATE", "BIGINT", "breaking", "became BIGINT from DATE"),
        ("BOOLEAN", "BIGINT", "breaking", "became BIGINT from BOOLEAN"),
        ("INTEGER", "BIGINT", "compatible", "became BIGINT from INTEGER"),
        ("INTEGER", "DOUBLE", "compatible", "became DOUBLE from INTEGER"),
        ("BIGINT", "INTEGER", "warning", "became INTEGER from BIGINT"),
        ("BIGINT", "DOUBLE", "warning", "became DOUBLE from BIGINT"),
        ("DATE", "TIMESTAMP", "warning", "became TIMESTAMP from DATE"),
    ],
)
def test_another_kind_of_values_breaks_and_a_wider_type_does_not(
    before: str, after: str, compatibility: str, words: str
) -> None:
    (change,) = schema_changes(columns(x=before), columns(x=after))
    assert (change.compatibility, change.change) == (compatibility, words)


def test_a_column_that_is_gone_breaks_and_a_new_one_does_not() -> None:
    gone, new = schema_changes(columns(a="BIGINT", b="DATE"), columns(a="BIGINT", c="VARCHAR"))
    assert (gone.column, gone.change, gone.compatibility) == ("b", "is gone", "breaking")
    assert (new.column, new.change, new.compatibility) == ("c", "is new (VARCHAR)", "compatible")


def test_a_renamed_column_is_known_by_its_values_or_its_letters() -> None:
    before = [SchemaColumn(name="dep", type="BIGINT", fingerprint="7"), *columns(Origin="VARCHAR")]
    after = [SchemaColumn(name="departure", type="BIGINT", fingerprint="7"), *columns(origin="VARCHAR")]
    assert [(change.column, change.change) for change in schema_changes(before, after)] == [
        ("dep", "is called departure now"),
        ("Origin", "is called origin now"),
    ]


def test_nulls_where_there_were_none_are_a_warning() -> None:
    before = [SchemaColumn(name="x", type="BIGINT", nulls=0)]
    (change,) = schema_changes(before, [SchemaColumn(name="x", type="BIGINT", nulls=12)])
    assert (change.compatibility, change.change) == ("warning", "has 12 nulls and had none")
    assert schema_changes([SchemaColumn(name="x", type="BIGINT", nulls=1)], before) == []


def test_who_uses_the_column_makes_a_breaking_change_an_error() -> None:
    (change,) = schema_changes(BEFORE, [*BEFORE[:1], *columns(dep_time="VARCHAR", distance="INTEGER")])
    assert change.severity == "warning"
    used = change.model_copy(
        update={"uses": [ColumnUse(model="delay@2", rank=1), ColumnUse(model="eta@1", target=True)]}
    )
    assert used.severity == "error"
    assert used.words == (
        "dep_time became text from BIGINT: breaking, model delay@2 uses it (importance rank 1), model eta@1 predicts it"
    )
    assert change.model_copy(update={"promised": True}).severity == "error"


def test_the_pillar_fails_warns_or_passes_with_the_gravest_change() -> None:
    changes = schema_changes(BEFORE, columns(carrier="VARCHAR", dep_time="VARCHAR", distance="BIGINT"))
    assert schema_pillar(changes, "flights@1", 3).state == "warning"
    promised = [change.model_copy(update={"promised": True}) for change in changes]
    report = schema_pillar(promised, "the contract", 3)
    assert report.state == "failing"
    assert report.breaches[0].evidence["columns"] == "dep_time"
    assert report.words.endswith("; 1 more change")
    assert schema_pillar(schema_changes(BEFORE, BEFORE), "flights@1", 3).words == "3 columns as in flights@1"
    assert schema_pillar([], "", 3).state == "not enough history"


def test_sources_may_be_ill_stale_kept_aside_or_unchecked() -> None:
    well = Upstream(label="flights@2", healthy=True)
    assert lineage_pillar([well], [], "").words == "made from flights@2"
    unchecked = well.model_copy(update={"healthy": None})
    assert lineage_pillar([unchecked], [], "").words == "made from flights@2; never checked: flights"
    ill = lineage_pillar([well.model_copy(update={"healthy": False, "verdict": "volume (1 of 30 days off)"})], [], "")
    assert (ill.state, ill.words) == ("failing", "upstream: flights is unhealthy (volume (1 of 30 days off))")
    assert ill.next == 'check_data(dataset="flights")'
    stale = StaleSource(words="stale: late@1 was made from flights@2", remedy='transform_dataset(name="late")')
    old = lineage_pillar([well], [stale], "")
    assert (old.state, old.words, old.next) == ("warning", stale.words, stale.remedy)
    held = lineage_pillar([well.model_copy(update={"held": "flights@3"})], [], "")
    assert (held.state, held.words) == ("warning", "flights@3 is kept aside")
    assert lineage_pillar([], [], "flights.csv").words == "comes from flights.csv"
