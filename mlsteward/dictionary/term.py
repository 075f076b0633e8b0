"""Terms of a business glossary, and how they are called."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from mlsteward.answer import clipped
from mlsteward.dictionary.entry import Entry, term_entry
from mlsteward.dictionary.words import singular, split_words
from mlsteward.errors import InvalidArgument, InvalidName
from mlsteward.names import KINDS, suggest_name

_LONGEST = 80
_SIGNS = re.compile(r"[^\w\s.,;:!?'\"`()\[\]/&-]")
MOST_SYNONYMS = 20


def term_name(text: str) -> str:
    """The name in `term:late_flight` of a term spelled `Late flight`: without accents, in the grammar for names.

    A spelling without any Latin letter gets a name made from its hash.
    """
    bare = spelling(text)
    plain = unicodedata.normalize("NFKD", bare.replace("ß", "ss")).encode("ascii", "ignore").decode()
    if not any(character.isalnum() for character in plain):
        return f"term_{hashlib.sha256(bare.encode()).hexdigest()[:8]}"
    return suggest_name(plain, "term")


def spelling(text: str) -> str:
    """What was given, without its kind and spare blanks."""
    return " ".join(re.sub(r"^\s*term\s*:", "", text, flags=re.IGNORECASE).split())


def new_term(text: str) -> Entry:
    """An entry for a term that is not there yet. Raises InvalidName for what cannot name one."""
    given = spelling(text)
    if given.partition(":")[0] in KINDS:
        raise InvalidName(f"{given!r} names no term but another kind of asset; a term is called by a few words.")
    if not any(character.isalnum() for character in given) or len(given) > _LONGEST:
        raise InvalidName(
            f"A term is called by a few words, at most {_LONGEST} characters, and not {clipped(given, _LONGEST)!r}."
        )
    title = given if " " in given or "_" not in given else given.replace("_", " ")
    return term_entry(term_name(given), business_name=title[:1].upper() + title[1:])


def called(text: str, terms: Iterable[Entry]) -> list[Entry]:
    """The terms of that name, spelling or synonym: case, plurals and underscores make no difference.

    A term's own name or spelling comes before another's synonym.
    """
    wanted = key(spelling(text))
    own = [term for term in terms if wanted in (key(term.own_name), key(term.business_name))]
    return own or [term for term in terms if wanted in map(key, term.synonyms)]


@lru_cache(maxsize=8192)
def key(text: str) -> tuple[str, ...]:
    """Texts with the same key are the same phrase; signs that make a difference, as in C++ and C#, are words of it."""
    return (*(singular(word) for word in split_words(text)), *_SIGNS.findall(text))


def phrases(term: Entry) -> list[str]:
    """Everything a term is called."""
    return list(dict.fromkeys([term.business_name, *term.synonyms]))


def check_synonyms(term: Entry, synonyms: Sequence[str]) -> list[str]:
    """Synonyms worth keeping: no blanks, no repeats, not the term itself. Raises InvalidArgument."""
    tidy = {key(text): " ".join(text.split()) for text in reversed(synonyms) if text.strip()}
    tidy.pop(key(term.business_name), None)
    if len(tidy) > MOST_SYNONYMS or any(len(text) > _LONGEST for text in tidy.values()):
        raise InvalidArgument(f"A term takes at most {MOST_SYNONYMS} synonyms of at most {_LONGEST} characters each.")
    return list(tidy.values())[::-1]
