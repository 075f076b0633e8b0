"""Bearer tokens of the HTTP server: made, shown once, kept as hashes, revoked."""

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel

from mlsteward.errors import InvalidArgument, NotFound
from mlsteward.names import check_token_name, close_names
from mlsteward.store.transaction import Transaction

Scope = Literal["read", "write", "admin"]
PREFIX = "mls_"


class Token(BaseModel):
    """A token without its secret."""

    name: str
    scope: Scope
    created: datetime
    revoked: datetime | None = None


def create_token(transaction: Transaction, name: str, scope: Scope) -> str:
    """Make a token and return its secret, which is nowhere kept. A revoked name may be used again."""
    check_token_name(name)
    known = {token.name: token for token in list_tokens(transaction)}
    if name in known and known[name].revoked is None:
        raise InvalidArgument(f"There is a token {name!r} already; revoke it first or choose another name.")
    secret = PREFIX + secrets.token_urlsafe(32)
    transaction.execute("DELETE FROM tokens WHERE name = ?", [name])
    transaction.insert(
        "tokens", [{"name": name, "hash": _hash(secret), "scope": scope, "created": datetime.now(UTC), "revoked": None}]
    )
    return secret


def list_tokens(transaction: Transaction) -> list[Token]:
    rows = transaction.rows("SELECT name, scope, created, revoked FROM tokens ORDER BY created, name")
    return [Token(name=name, scope=scope, created=created, revoked=revoked) for name, scope, created, revoked in rows]


def find_token(transaction: Transaction, secret: str) -> Token | None:
    """The token of this secret, if it is known and not revoked."""
    row = transaction.row("SELECT name, scope, created FROM tokens WHERE hash = ? AND revoked IS NULL", [_hash(secret)])
    return None if row is None else Token(name=row[0], scope=row[1], created=row[2])


def revoke_token(transaction: Transaction, name: str) -> None:
    names = [token.name for token in list_tokens(transaction) if token.revoked is None]
    if name not in names:
        raise NotFound(f"There is no token {name!r} in use.", close=close_names(name, names))
    transaction.execute("UPDATE tokens SET revoked = ? WHERE name = ?", [datetime.now(UTC), name])


def _hash(secret: str) -> str:
    # Tokens are 256 random bits, so a plain hash cannot be searched backwards.
    return hashlib.sha256(secret.encode()).hexdigest()
