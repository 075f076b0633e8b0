"""Names of columns and tables, taken apart into words."""

import re

_RUNS = re.compile(r"[^\W_]+")
# Between `dep` and `Delay`, `HTTP` and `Status`, `x` and `1`.
_SEAMS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])")


def split_words(name: str) -> list[str]:
    """The words of a name in lower case: `depDelay`, `dep_delay` and `Dep delay` are all `dep`, `delay`."""
    return [part.lower() for run in _RUNS.findall(name) for part in _SEAMS.split(run)]


def singular(word: str) -> str:
    """A noun without its plural ending, roughly: `airlines` to `airline`, `categories` to `category`."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
