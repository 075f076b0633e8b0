"""Full-text search over the entries of the dictionary, in SQLite's FTS5 in memory.

Ranked by BM25 (Robertson & Zaragoza 2009) over stemmed words; parts of words, by trigrams, come after.
"""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.term import called, phrases
from mlsteward.dictionary.words import split_words
from mlsteward.names import close_names

# name, business_name, description, tags, unit, dataset
_WEIGHTS = "10.0, 8.0, 4.0, 4.0, 2.0, 2.0"
_ASKING = frozenset(
    "a an and any are as at be by can column columns data dataset define defined defines definition describe"
    " description do does documented explain field find for from give has have how i in is it its know known me mean"
    " meaning means of on or"
    " our own owner owned owns please show stand stands table tables tell that the there these this to unit units"
    " variable what whats when where which who whose why with you".split()
)
_KINDS = re.compile(r"^(column|dataset|term|model):")
# Shorter texts look like one another by chance.
_SHORTEST_MISSPELT = 5
_NAMELIKE = re.compile(r"[\w]+(?:\.[\w]+)*")


@dataclass(frozen=True)
class Hit:
    """An entry that matches a query; `by_word` is false where only parts of words matched."""

    entry: Entry
    by_word: bool


class Index:
    """A search index over entries. Safe to use from several threads."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        import sqlite3

        self._entries = list(entries)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        fields = "name, business_name, description, tags, unit, dataset"
        self._database.execute(f"CREATE VIRTUAL TABLE words USING fts5({fields}, tokenize='porter unicode61')")
        self._database.execute("CREATE VIRTUAL TABLE parts USING fts5(name, words, tokenize='trigram')")
        self._database.executemany("INSERT INTO words VALUES (?, ?, ?, ?, ?, ?)", map(_words, self._entries))
        self._database.executemany("INSERT INTO parts VALUES (?, ?)", map(_parts, self._entries))
        self._vocabulary = {word for entry in self._entries for word in split_words(entry.own_name)}

    def search(self, query: str, dataset: str = "") -> list[Hit]:
        """Entries that match any word of `query`, best first; questions may be asked as people ask them."""
        words = asked_words(query)
        if not words:
            return []
        stemmed = self._match("words", _or([*words, *self._abbreviations(words)]), f"bm25(words, {_WEIGHTS})")
        partial = self._match("parts", _or([word for word in words if len(word) >= 3]), "bm25(parts, 4.0, 1.0)")
        seen = set(stemmed)
        hits = [Hit(self._entries[row], True) for row in stemmed]
        hits += [Hit(self._entries[row], False) for row in partial if row not in seen]
        return [hit for hit in hits if not dataset or hit.entry.dataset == dataset]

    def _abbreviations(self, words: Sequence[str]) -> list[str]:
        """Words of names that shorten a word of the query (`dep` for "departure") or lengthen it."""
        return sorted(known for known in self._vocabulary if any(_abbreviates(known, word) for word in words))

    def _match(self, table: str, query: str, rank: str) -> list[int]:
        if not query:
            return []
        sql = f"SELECT rowid FROM {table} WHERE {table} MATCH ? ORDER BY {rank}, rowid LIMIT 1000"
        with self._lock:
            return [row - 1 for (row,) in self._database.execute(sql, [query])]


def _abbreviates(known: str, word: str) -> bool:
    """Whether one begins with the other; "late" is no `lat`, so a shortening leaves out three letters or more."""
    if min(len(known), len(word)) < 3 or known == word:
        return False
    return known.startswith(word) or (word.startswith(known) and len(word) >= len(known) + 3)


def asked_words(query: str) -> list[str]:
    """The words of a query that carry its meaning; all of them when every one is a word of asking."""
    words = list(dict.fromkeys(split_words(query)))
    return [word for word in words if word not in _ASKING] or words


def named_entries(query: str, entries: Sequence[Entry]) -> list[Entry]:
    """The entries that a query names outright: `dep_delay`, `flights.dep_delay`, "what does dep_delay mean?".

    A name of one plain word, such as `origin`, counts only where nothing else is asked.
    """
    text = _KINDS.sub("", query.strip())
    exact = _called(text, entries)
    if exact:
        return exact
    rest = [word for word in _NAMELIKE.findall(query) if word.casefold() not in _ASKING]
    if len(rest) == 1 and (found := _called(rest[0], entries)):
        return found
    if rest and (phrased := called(" ".join(rest), [entry for entry in entries if entry.kind == "term"])):
        return phrased
    spelled = [found for name in rest if ("_" in name or "." in name) for found in _called(name, entries)]
    mentioned = [entry for entry in spelled if entry.dataset in rest]
    return mentioned or spelled


def unknown_name(query: str) -> str:
    """What in a query is spelled like a name rather than a word (`dep_dely`, `flights.delay`, `depDely`), else ""."""
    for name in _NAMELIKE.findall(query):
        if "_" in name or "." in name or not (name.islower() or name.istitle() or name.isupper() or name.isdigit()):
            return name
    return ""


def _called(name: str, entries: Sequence[Entry]) -> list[Entry]:
    folded = name.casefold().strip("`'\"?!. ")
    return [entry for entry in entries if folded in _names(entry)]


def _names(entry: Entry) -> set[str]:
    if entry.kind != "column":
        synonyms = (synonym.casefold() for synonym in entry.synonyms)
        return {entry.own_name, entry.business_name.casefold(), *synonyms} - {""}
    column = entry.column.casefold()
    return {column, f"{entry.dataset}.{column}", entry.business_name.casefold()} - {""}


def names_like(query: str, entries: Sequence[Entry]) -> list[str]:
    """Names of columns, datasets, terms and models spelled most like a word of the query, or like all of them."""
    names = {name for entry in entries for name in _displays(entry, "." in query)}
    words = [word for word in _NAMELIKE.findall(query) if word.casefold() not in _ASKING] or [query]
    words += [" ".join(words)] if len(words) > 1 else []
    found = [name for word in words for name in close_names(word, sorted(names), limit=2) if _alike(word, name)]
    return list(dict.fromkeys(found))[:3]


def misspelt_term(query: str, terms: Sequence[Entry]) -> Entry | None:
    """The term that a query almost spells, whole: `lat flihgt` is the late flight."""
    asked = " ".join(asked_words(query))
    known = {" ".join(split_words(phrase)): term for term in terms for phrase in phrases(term)}
    if not known or len(asked) < _SHORTEST_MISSPELT:
        return None
    from rapidfuzz.fuzz import ratio  # at first use, as in `close_names`
    from rapidfuzz.process import extractOne

    found = extractOne(asked, list(known), scorer=ratio, score_cutoff=80)
    return known[found[0]] if found else None


def _alike(word: str, name: str) -> bool:
    """Whether lengths are near enough for a misspelling: a name of a letter or two is part of any word."""
    return min(len(word), len(name)) >= max(3, 0.6 * max(len(word), len(name)))


def _displays(entry: Entry, dotted: bool) -> list[str]:
    if entry.kind == "term":
        return phrases(entry)
    return [entry.name if entry.kind == "column" and dotted else entry.own_name]


def _or(words: Sequence[str]) -> str:
    return " OR ".join('"' + word.replace('"', '""') + '"' for word in words)


def _words(entry: Entry) -> tuple[str, ...]:
    name = entry.own_name
    tags = " ".join([*entry.tags, entry.owner, *entry.allowed_values])
    spelled = " ".join([name, *split_words(name)])
    return (
        spelled,
        " ".join([entry.business_name, *entry.synonyms]),
        f"{entry.description} {entry.usage}",
        tags,
        entry.unit,
        entry.dataset,
    )


def _parts(entry: Entry) -> tuple[str, str]:
    words = [entry.business_name, *entry.synonyms, entry.description, *entry.tags]
    return entry.own_name, " ".join(words)
