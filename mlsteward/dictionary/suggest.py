"""Which columns, datasets and models a term may be about, told from how they are called."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.link import Link
from mlsteward.dictionary.term import key, phrases
from mlsteward.dictionary.words import split_words

# What is less alike than this is not suggested.
BAR = 0.8
MOST_OF_TERM = 10
MOST_OF_ASSET = 3
_SYNONYM = 0.95
_ABBREVIATION = 0.9
# Shorter words are alike by chance.
_SHORTEST_FUZZY = 5
_FUZZY_CUTOFF = 88.0


def suggest_links(terms: Sequence[Entry], entries: Sequence[Entry]) -> list[Link]:
    """Links worth a person's look: of each term and each asset the surest few, best first."""
    names = _Names(entries)
    found = [link for term in terms for link in _of_term(term, names)]
    found.sort(key=lambda link: (-link.confidence, link.term, link.asset))
    seen: Counter[str] = Counter()
    kept: list[Link] = []
    for link in found:
        seen[link.asset] += 1
        if seen[link.asset] <= MOST_OF_ASSET:
            kept.append(link)
    return kept


def _of_term(term: Entry, names: "_Names") -> list[Link]:
    best: dict[str, tuple[float, str]] = {}
    for place, phrase in enumerate(phrases(term)):
        weight, what = (_SYNONYM, "synonym") if place else (1.0, "name")
        for entry, alike in names.like(phrase):
            if weight * alike > best.get(entry.asset, (0.0, ""))[0]:
                best[entry.asset] = weight * alike, f"{what} “{phrase}”"
    links = [
        Link(
            term=term.asset,
            asset=asset,
            state="suggested",
            origin="match",
            confidence=round(confidence, 2),
            reason=reason,
        )
        for asset, (confidence, reason) in best.items()
        if confidence >= BAR
    ]
    links.sort(key=lambda link: (-link.confidence, link.asset))
    return links[:MOST_OF_TERM]


class _Names:
    """What assets are called, so that a phrase is compared with few of them: thousands of columns meet many terms."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._owners: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry.kind != "term":
                for name in {entry.own_name, entry.business_name} - {""}:
                    self._owners[name].append(entry)
        self._by_key: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        self._by_initials: defaultdict[str, list[str]] = defaultdict(list)
        self._by_spelling: defaultdict[str, list[str]] = defaultdict(list)
        for name in self._owners:
            self._by_key[key(name)].append(name)
            self._by_initials[_initials(name)].append(name)
            self._by_spelling[_spelling(name)].append(name)

    def like(self, phrase: str) -> Iterator[tuple[Entry, float]]:
        """Assets called by a phrase: 1 for the same words, less where they are shortened or misspelt."""
        wanted = key(phrase)
        for name in self._by_key.get(wanted, []):
            yield from ((entry, 1.0) for entry in self._owners[name])
        for name in self._by_initials.get(_initials(phrase), []):
            if len(wanted) > 1 and all(map(_shortens, key(name), wanted)):
                yield from ((entry, _ABBREVIATION) for entry in self._owners[name])
        for name, alike in self._misspelt(_spelling(phrase)):
            # Never as sure as the words themselves.
            yield from ((entry, _ABBREVIATION * alike) for entry in self._owners[name])

    def _misspelt(self, spelling: str) -> Iterator[tuple[str, float]]:
        if len(spelling) < _SHORTEST_FUZZY:
            return
        from rapidfuzz.fuzz import ratio  # at first use: most processes suggest nothing
        from rapidfuzz.process import extract

        known = [other for other in self._by_spelling if len(other) >= _SHORTEST_FUZZY]
        for other, score, _ in extract(spelling, known, scorer=ratio, score_cutoff=_FUZZY_CUTOFF, limit=MOST_OF_TERM):
            yield from ((name, score / 100) for name in self._by_spelling[other])


def _initials(name: str) -> str:
    return "".join(word[0] for word in key(name))


def _spelling(name: str) -> str:
    """The words in an order of their own: `delay_dep` is `dep delay` too."""
    return " ".join(sorted(split_words(name)))


def _shortens(short: str, word: str) -> bool:
    """Whether one is the other's beginning, of three letters or more, or its consonants (`amt`, `qty`)."""
    low, high = sorted((short, word), key=len)
    return low == high or (len(low) >= 3 and (high.startswith(low) or _is_skeleton(low, high)))


def _is_skeleton(short: str, word: str) -> bool:
    """Whether a word's first letter and some of its consonants, in their order, make the other."""
    letters = iter(word[1:])
    inner = all(letter not in "aeiou" and letter in letters for letter in short[1:])
    return short[0] == word[0] and inner
