"""Names of columns and tables, taken apart into words."""

import re

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")


def split_words(name: str) -> list[str]:
    """The words of a name in lower case: `depDelay`, `dep_delay` and `Dep delay` are all `dep`, `delay`."""
    return [part.casefold() for part in _PARTS.findall(name)]


def singular(word: str) -> str:
    """A noun without its plural ending, roughly: `airlines` to `airline`, `categories` to `category`."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
