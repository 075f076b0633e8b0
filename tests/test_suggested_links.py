"""Links between terms and columns, suggested from how both are called."""

import pytest

from mlsteward.dictionary.entry import Entry, column_entry, dataset_entry, term_entry
from mlsteward.dictionary.link import Link, approvals, in_sight
from mlsteward.dictionary.suggest import BAR, MOST_OF_ASSET, MOST_OF_TERM, suggest_links
from mlsteward.dictionary.term import called, key


def likeness(term: Entry, entry: Entry) -> tuple[float, str]:
    links = suggest_links([term], [entry])
    return (links[0].confidence, links[0].reason) if links else (0.0, "")


@pytest.mark.parametrize(
    ("title", "synonyms", "column", "low", "high"),
    [
        ("Departure delay", [], "departure_delay", 1.0, 1.0),
        ("Departure delay", [], "DepartureDelays", 1.0, 1.0),
        ("Departure delay", [], "dep_delay", 0.9, 0.9),
        ("Total amount", [], "tot_amt", 0.9, 0.9),
        ("Order quantity", [], "order_qty", 0.9, 0.9),
        ("Order latitude", [], "order_late", 0.0, 0.0),
        ("Airline", ["carrier"], "carrier", 0.95, 0.95),
        ("Customer", [], "custmer", 0.8, 0.9),
        ("Departure delay", [], "delay_departure", 0.9, 0.9),
        ("Departure delay", [], "arr_delay", 0.0, 0.0),
        ("Late flight", [], "flight", 0.0, 0.0),
        ("Rate", [], "date", 0.0, 0.0),
        ("Delay", [], "dep_delay", 0.0, 0.0),
        ("Time", [], "air_time", 0.0, 0.0),
        ("Year", [], "yr", 0.0, 0.0),
    ],
)
def test_a_column_is_like_a_term_that_it_is_called_by(
    title: str, synonyms: list[str], column: str, low: float, high: float
) -> None:
    term = term_entry("term", business_name=title, synonyms=synonyms)
    assert low <= likeness(term, column_entry("flights", column))[0] <= high


def test_a_business_name_counts_as_a_name() -> None:
    term = term_entry("late", business_name="Departure delay")
    column = column_entry("flights", "x17", business_name="Departure delay")
    assert likeness(term, column) == (1.0, "name “Departure delay”")


def test_few_links_are_suggested_and_the_surest_first() -> None:
    columns = [column_entry(f"table_{number}", "customer") for number in range(30)]
    terms = [term_entry(f"customer_{number}", business_name="Customer") for number in range(6)]
    links = suggest_links(terms[:1], [*columns, dataset_entry("customers")])
    assert len(links) == MOST_OF_TERM
    assert all(link.confidence >= BAR and link.state == "suggested" for link in links)
    assert len(suggest_links(terms, columns[:1])) == MOST_OF_ASSET


def test_a_reader_sees_approved_links_before_suggestions_and_no_rejected_ones() -> None:
    def link(term: str, state: str, confidence: float = 1.0) -> Link:
        fields = {"term": f"term:{term}", "asset": "column:flights.year", "origin": "match"}
        return Link.model_validate({**fields, "state": state, "confidence": confidence})

    links = [link("a", "suggested", 0.8), link("b", "suggested", 0.9), link("c", "rejected"), link("d", "approved")]
    shown = in_sight(links, "column:flights.year")
    assert [one.term for one in shown] == ["term:d", "term:b", "term:a"]
    assert approvals(links, "column:flights.year") == 'document_asset(asset="flights.year", terms=["b"])'


def test_phrases_are_the_same_whatever_their_case_plural_and_punctuation() -> None:
    assert key("Late flights") == key("late_flight") == key("Late-Flight!")
    assert key("C++") != key("C#")


def test_a_terms_own_name_comes_before_anothers_synonym() -> None:
    late = term_entry("late", business_name="Late")
    other = term_entry("late_flight", business_name="Late flight", synonyms=["late"])
    assert called("late", [other, late]) == [late]
