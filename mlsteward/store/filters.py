"""The grammar of filters over runs.

::

    filter     = all ("or" all)*
    all        = one ("and" one)*
    one        = "not" one | "(" filter ")" | comparison
    comparison = field ("=" | "!=" | "<" | "<=" | ">" | ">=") value
               | field ["not"] "in" "(" value ("," value)* ")"
               | field ["not"] "like" text
               | field "is" ["not"] "null"
    field      = word ("." word)*
    value      = number | text | date | word

As in SQL, a run that does not have the field matches neither a comparison nor its opposite.
"""

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from mlsteward.errors import InvalidFilter

Value = str | int | float | bool
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in", "like", "not like", "is null", "is not null"]

EXAMPLE = "roc_auc > 0.9 and params.estimator = 'svm'"
_DEPTH = 40
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<date>\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?)
      | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
      | (?P<word>`[^`]+`|[^\W\d][\w@/:-]*)
      | (?P<symbol><=|>=|!=|<>|==|[=<>().,])
    )""",
    re.VERBOSE,
)
_SAME = {"==": "=", "<>": "!="}
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_KEYWORDS = ("and", "or", "not", "in", "like", "is", "null")


@dataclass(frozen=True)
class Comparison:
    """`field operator values`; one value but for `in`, none for `is null`."""

    field: str
    operator: Operator
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Not:
    part: "Filter"


@dataclass(frozen=True)
class Combined:
    """Parts joined by `and` or `or`."""

    word: Literal["and", "or"]
    parts: tuple["Filter", ...]


Filter = Comparison | Not | Combined


def parse_filter(text: str) -> Filter | None:
    """The filter in `text`, None when it is blank; InvalidFilter shows where it stops making sense."""
    parser = _Parser(text)
    if parser.token.kind == "end":
        return None
    found = parser.either(0)
    if parser.token.kind != "end":
        parser.stop("`and`, `or` or the end")
    return found


def fields_of(found: Filter | None) -> list[str]:
    """The fields a filter mentions, in order, each once."""
    if found is None:
        return []
    if isinstance(found, Comparison):
        return [found.field]
    parts = (found.part,) if isinstance(found, Not) else found.parts
    return list(dict.fromkeys(field for part in parts for field in fields_of(part)))


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            _refuse(text, start, "A filter cannot hold this")
        tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return [*tokens, _Token("end", "", len(text.rstrip()))]


def _refuse(text: str, start: int, words: str) -> NoReturn:
    shown = text[start:].split()[0] if text[start:].strip() else "the end"
    raise InvalidFilter(f"{words}: `{shown}` in\n  {text}\n  {' ' * start}^\nA filter reads like: {EXAMPLE}.")


class _Parser:
    """Recursive descent: a method for each line of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = " ".join(text.splitlines())
        self._tokens = _tokens(self._text)
        self._at = 0

    @property
    def token(self) -> _Token:
        return self._tokens[self._at]

    def stop(self, expected: str) -> NoReturn:
        _refuse(self._text, self.token.start, f"Expected {expected}, found")

    def either(self, depth: int) -> Filter:
        if depth > _DEPTH:
            self.stop(f"at most {_DEPTH} nested parentheses")
        parts = [self._all(depth)]
        while self._word("or"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Combined("or", tuple(parts))

    def _all(self, depth: int) -> Filter:
        parts = [self._one(depth)]
        while self._word("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Combined("and", tuple(parts))

    def _one(self, depth: int) -> Filter:
        if self._word("not"):
            if depth > _DEPTH:
                self.stop(f"at most {_DEPTH} times `not`")
            return Not(self._one(depth + 1))
        if self._symbol("("):
            found = self.either(depth + 1)
            if not self._symbol(")"):
                self.stop("`)`")
            return found
        return self._comparison()

    def _comparison(self) -> Filter:
        field = self._field()
        if self.token.kind == "symbol" and (symbol := _SAME.get(self.token.text, self.token.text)) in _COMPARISONS:
            self._at += 1
            return self._compared(field, symbol)
        if self._word("is"):
            negated = self._word("not")
            if not self._word("null"):
                self.stop("`null`")
            return Comparison(field, "is not null" if negated else "is null")
        negated = self._word("not")
        if self._word("in"):
            return Comparison(field, "not in" if negated else "in", self._list())
        if not self._word("like"):
            self.stop("a comparison (= != < <= > >= in like is)")
        return Comparison(field, "not like" if negated else "like", (self._value(),))

    def _compared(self, field: str, operator: Operator) -> Filter:
        if operator in ("=", "!=") and self._word("null"):
            return Comparison(field, "is null" if operator == "=" else "is not null")
        return Comparison(field, operator, (self._value(),))

    def _field(self) -> str:
        words = [self._name()]
        while self._symbol("."):
            words.append(self._name())
        return ".".join(words)

    def _name(self) -> str:
        token = self.token
        quoted = token.kind == "text" and token.text[0] == '"'
        plain = token.kind == "word" and token.text.lower() not in _KEYWORDS
        if not (quoted or plain):
            self.stop("a metric, `params.…`, `tags.…` or a field of runs")
        self._at += 1
        return token.text.strip('`"')

    def _list(self) -> tuple[Value, ...]:
        if not self._symbol("("):
            self.stop("`(` and a list of values")
        values = [self._value()]
        while self._symbol(","):
            values.append(self._value())
        if not self._symbol(")"):
            self.stop("`,` or `)`")
        return tuple(values)

    def _value(self) -> Value:
        token = self.token
        if token.kind in ("symbol", "end") or (token.kind == "word" and token.text.lower() in _KEYWORDS):
            self.stop("a number or a 'text'")
        self._at += 1
        if token.kind == "number":
            return float(token.text) if re.search(r"[.eE]", token.text) else int(token.text)
        if token.kind == "text":
            quote = token.text[0]
            return token.text[1:-1].replace(quote * 2, quote)
        lowered = token.text.lower()
        return lowered == "true" if lowered in ("true", "false") else token.text.strip("`")

    def _word(self, word: str) -> bool:
        found = self.token.kind == "word" and self.token.text.lower() == word
        self._at += found
        return found

    def _symbol(self, symbol: str) -> bool:
        found = self.token.kind == "symbol" and self.token.text == symbol
        self._at += found
        return found
