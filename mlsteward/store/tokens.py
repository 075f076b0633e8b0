"""Bearer tokens of the HTTP server: made, shown once, kept as hashes, revoked."""

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Literal

from mlsteward.dictionary.sensitivity import DEFAULT, Level, exceeds
from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.names import check_token_name, close_names
from mlsteward.record import Record
from mlsteward.store.transaction import Transaction

Scope = Literal["read", "write", "admin"]
PREFIX = "mls_"


class Token(Record):
    """A token without its secret."""

    name: str
    scope: Scope
    clearance: Level
    created: datetime
    revoked: datetime | None = None


def create_token(transaction: Transaction, name: str, scope: Scope, clearance: Level = DEFAULT) -> str:
    """Make a token and return its secret, which is nowhere kept. A revoked name may be used again.

    Unless told otherwise it sees what carries no label, and nothing that is labelled confidential or restricted.
    """
    check_token_name(name)
    known = {token.name: token for token in list_tokens(transaction)}
    if name in known and known[name].revoked is None:
        raise InvalidArgument(f"There is a token {name!r} already; revoke it first or choose another name.")
    secret = PREFIX + secrets.token_urlsafe(32)
    transaction.execute("DELETE FROM tokens WHERE name = ?", [name])
    token = Token(name=name, scope=scope, clearance=clearance, created=datetime.now(UTC))
    transaction.insert("tokens", [{**token.model_dump(), "hash": _hash(secret)}])
    return secret


def list_tokens(transaction: Transaction) -> list[Token]:
    return _tokens(transaction, "true ORDER BY created, name")


def find_token(transaction: Transaction, secret: str) -> Token | None:
    """The token of this secret, if it is known and not revoked."""
    found = _tokens(transaction, "hash = ? AND revoked IS NULL", _hash(secret))
    return found[0] if found else None


def _tokens(transaction: Transaction, where: str, *parameters: str) -> list[Token]:
    columns = list(Token.model_fields)
    rows = transaction.rows(f"SELECT {', '.join(columns)} FROM tokens WHERE {where}", parameters)
    return [Token.model_validate(dict(zip(columns, row, strict=True))) for row in rows]


def hashes_of_tokens(transaction: Transaction, level: str) -> list[str] | None:
    """The hashes of the tokens in use that are cleared for `level`; None where no token was ever made."""
    tokens = list_tokens(transaction)
    if not tokens:
        return None
    cleared = {token.name for token in tokens if token.revoked is None and not exceeds(level, token.clearance)}
    return [
        digest for name, digest in transaction.rows("SELECT name, hash FROM tokens ORDER BY name") if name in cleared
    ]


def revoke_token(transaction: Transaction, name: str) -> None:
    names = [token.name for token in list_tokens(transaction) if token.revoked is None]
    if name not in names:
        raise NotFound(f"There is no token {name!r} in use.", close=close_names(name, names))
    transaction.execute("UPDATE tokens SET revoked = ? WHERE name = ?", [datetime.now(UTC), name])


def _hash(secret: str) -> str:
    # Tokens are 256 random bits, so a plain hash cannot be searched backwards.
    return hashlib.sha256(secret.encode()).hexdigest()
