"""Searching entries by words, parts of words and names."""

import pytest

from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.harvest import harvest_columns
from mlsteward.dictionary.search import Index, named_entries, names_like
from mlsteward.dictionary.words import split_words
from tests.dictionary_samples import FLIGHTS, WORDS, profile_of

WEATHER = {"origin": ["EWR"] * 3, "windGust": [1.5, 2.5, 9.5], "precip": [0.0, 0.1, 0.5]}


@pytest.fixture
def entries() -> list[Entry]:
    flights = harvest_columns("flights", profile_of(FLIGHTS), WORDS)
    return [*flights, *harvest_columns("weather", profile_of(WEATHER), {"precip": "Rain and melted snow, in inches."})]


def first(entries: list[Entry], query: str) -> str:
    return Index(entries).search(query)[0].entry.name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dep_delay", ["dep", "delay"]),
        ("depDelay", ["dep", "delay"]),
        ("HTTPStatus2", ["http", "status", "2"]),
        ("Größe in m", ["größe", "in", "m"]),
    ],
)
def test_names_are_taken_apart_at_underscores_and_capitals(name: str, words: list[str]) -> None:
    assert split_words(name) == words


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("departure delays", "flights.dep_delay"),
        ("how late do flights arrive?", "flights.arr_delay"),
        ("airline", "flights.carrier"),
        ("gust", "weather.windGust"),
        ("wind", "weather.windGust"),
        ("snowing", "weather.precip"),
        ("precipitation", "weather.precip"),
        ("miles", "flights.distance"),
        ("istanc", "flights.distance"),
    ],
)
def test_a_query_finds_names_and_descriptions(entries: list[Entry], query: str, name: str) -> None:
    assert first(entries, query) == name


def test_words_that_people_add_are_found(entries: list[Entry]) -> None:
    changed = [
        entry.model_copy(update={"business_name": "Punctuality", "tags": ["ops"]})
        if entry.column == "dep_delay"
        else entry
        for entry in entries
    ]
    assert first(changed, "punctuality") == "flights.dep_delay"
    assert first(changed, "ops") == "flights.dep_delay"


def test_a_search_can_be_kept_to_a_dataset(entries: list[Entry]) -> None:
    assert {hit.entry.dataset for hit in Index(entries).search("origin delay", "weather")} == {"weather"}


def test_nothing_is_found_for_a_word_that_is_nowhere(entries: list[Entry]) -> None:
    assert Index(entries).search("zebra") == []


def test_a_word_is_no_abbreviation_of_one_that_is_hardly_longer(entries: list[Entry]) -> None:
    places = harvest_columns("places", profile_of({"lat": [1.5, 2.5]}), {})
    assert "places.lat" not in [hit.entry.name for hit in Index([*entries, *places]).search("late")]
    assert first([*entries, *places], "latitude") == "places.lat"


@pytest.mark.parametrize("query", ['"', "AND OR NOT", "a* (b", "dep_delay:*", "'; DROP TABLE words", "-", "  "])
def test_no_query_is_a_syntax_error(entries: list[Entry], query: str) -> None:
    Index(entries).search(query)


@pytest.mark.parametrize(
    "query",
    [
        "dep_delay",
        "flights.dep_delay",
        "column:flights.dep_delay",
        "DEP_DELAY",
        "what does dep_delay mean?",
        "who owns dep_delay",
        "what does dep_delay mean and who owns it",
        "what does dep_delay in flights mean",
        "`dep_delay`",
    ],
)
def test_a_query_that_names_a_column_is_known_as_such(entries: list[Entry], query: str) -> None:
    assert [entry.name for entry in named_entries(query, entries)] == ["flights.dep_delay"]


def test_a_plain_word_names_a_column_only_where_nothing_else_is_asked(entries: list[Entry]) -> None:
    assert [entry.name for entry in named_entries("what is distance?", entries)] == ["flights.distance"]
    assert named_entries("distance of carrier", entries) == []


def test_misspelt_names_find_what_was_meant(entries: list[Entry]) -> None:
    assert names_like("dep_dely", entries)[0] == "dep_delay"
    assert names_like("flights.dep_dely", entries)[0] == "flights.dep_delay"
    assert names_like("flihgts", entries)[0] == "flights"


def test_very_short_names_are_not_what_was_meant(entries: list[Entry]) -> None:
    short = harvest_columns("r", profile_of({"d": [1.5, 2.5], "or": [1.5, 2.5]}), {})
    assert names_like("order date", [*entries, *short]) == []
