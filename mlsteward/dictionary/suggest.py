"""Which columns, datasets and models a term may be about, told from how they are called."""

from collections import Counter
from collections.abc import Iterable, Sequence

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
    found = [link for term in terms for link in _of_term(term, entries)]
    found.sort(key=lambda link: (-link.confidence, link.term, link.asset))
    seen: Counter[str] = Counter()
    kept: list[Link] = []
    for link in found:
        seen[link.asset] += 1
        if seen[link.asset] <= MOST_OF_ASSET:
            kept.append(link)
    return kept


def _of_term(term: Entry, entries: Iterable[Entry]) -> list[Link]:
    links: list[Link] = []
    for entry in entries:
        confidence, reason = likeness(term, entry)
        if entry.kind != "term" and confidence >= BAR:
            link = Link(
                term=term.asset,
                asset=entry.asset,
                state="suggested",
                origin="match",
                confidence=round(confidence, 2),
                reason=reason,
            )
            links.append(link)
    links.sort(key=lambda link: (-link.confidence, link.asset))
    return links[:MOST_OF_TERM]


def likeness(term: Entry, entry: Entry) -> tuple[float, str]:
    """How sure it is that `entry` is called by a name of `term`, from 0 to 1, and which name that is."""
    best, reason = 0.0, ""
    names = [name for name in (entry.own_name, entry.business_name) if name]
    for place, phrase in enumerate(phrases(term)):
        for name in names:
            confidence = _alike(phrase, name) * (_SYNONYM if place else 1.0)
            if confidence > best:
                best, reason = confidence, f"{'synonym' if place else 'name'} “{phrase}”"
    return best, reason


def _alike(phrase: str, name: str) -> float:
    """1 for the same words, less where words are shortened (`dep_delay` for "departure delay") or misspelt."""
    wanted, given = key(phrase), key(name)
    if wanted == given:
        return 1.0
    if len(wanted) == len(given) > 1 and all(map(_shortens, given, wanted)):
        return _ABBREVIATION
    first, second = " ".join(split_words(phrase)), " ".join(split_words(name))
    if min(len(first), len(second)) < _SHORTEST_FUZZY:
        return 0.0
    from rapidfuzz.fuzz import token_sort_ratio  # at first use: most processes suggest nothing

    # Never as sure as the words themselves.
    return _ABBREVIATION * token_sort_ratio(first, second, score_cutoff=_FUZZY_CUTOFF) / 100


def _shortens(short: str, word: str) -> bool:
    """Whether one is the other's beginning, of three letters or more, or its consonants (`amt`, `qty`)."""
    low, high = sorted((short, word), key=len)
    return low == high or (len(low) >= 3 and (high.startswith(low) or _is_skeleton(low, high)))


def _is_skeleton(short: str, word: str) -> bool:
    """Whether a word's first letter and some of its consonants, in their order, make the other."""
    letters = iter(word[1:])
    inner = all(letter not in "aeiou" and letter in letters for letter in short[1:])
    return short[0] == word[0] and inner
