"""Addresses of PostgreSQL tables, and which databases a server may be led to.

A database that the operator named is read with the operator's credentials, wherever it is. Any other needs its own
user and password in the source, so that no password of this machine is sent to a stranger, and a public address,
as with `http://`.
"""

import os
import re
import socket
from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from mlsteward.data.remote import is_public_address
from mlsteward.errors import InvalidArgument, NotFound, Refused
from mlsteward.record import Record

POSTGRES = ("postgresql://", "postgres://")
PORT = 5432
PUBLIC = "public"
# What may follow `?`. Others name files of this machine, or lead to another server than the one that was checked.
_OPTIONS = frozenset(
    "sslmode sslnegotiation channel_binding gssencmode require_auth target_session_attrs connect_timeout"
    " application_name".split()
)
_IDENTIFIER = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')
_EXAMPLE = "`postgresql://user@host:5432/database#schema.table`"


class TableAddress(Record):
    """A table of a database, without the password; `table` is "" where only the database is named."""

    host: str
    port: int = PORT
    user: str = ""
    database: str = ""
    table_schema: str = ""
    table: str = ""
    options: dict[str, str] = {}

    def url(self, *, options: bool = True) -> str:
        """The address as it can be stored and shown, and parsed again."""
        socket = self.host.startswith("/")
        host = "" if socket else f"[{self.host}]" if ":" in self.host else self.host
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        port = f":{self.port}" if self.port != PORT else ""
        query = ({"host": self.host} if socket else {}) | (self.options if options else {})
        end = f"?{urlencode(query, safe='/')}" if query else ""
        named = ".".join(written(part) for part in (self.table_schema, self.table) if part)
        return f"postgresql://{user}{host}{port}/{quote(self.database, safe='')}{end}" + (f"#{named}" if named else "")


class OpenDatabase(Record):
    """A table of a database that may be read, and how; it holds no password.

    `address` is checked and pinned to `host_address`; `named` says that the operator named the database. `secret` is
    where the worker is given the password (see secret_pipe), "" for none.
    """

    table: TableAddress
    host_address: str = ""
    named: bool = False
    secret: str = ""


def parse_address(text: str) -> tuple[TableAddress, str]:
    """The table that a source names, and the password in it.

    Raises InvalidArgument for what is no such address; nothing said names the password.
    """
    try:
        parts = urlsplit(text)
        host, port = unquote(parts.hostname or ""), parts.port
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        # A password with a bare /, ? or # ends up behind the host, and would be quoted in what is said of it.
        if "@" in parts.path + parts.query + parts.fragment:
            raise ValueError
    except ValueError:
        raise InvalidArgument(
            f"That is no address of a PostgreSQL table; write {_EXAMPLE}, and /, ?, # and @ in user, password and names"
            " as %2F, %3F, %23 and %40."
        ) from None
    host = host or query.pop("host", "") or "localhost"
    if "," in host:
        raise InvalidArgument("One host at a time, please.")
    if unknown := sorted(set(query) - _OPTIONS):
        raise InvalidArgument(
            f"A source takes no `{unknown[0]}` after `?`; it takes {', '.join(sorted(_OPTIONS))}."
            " User and password go before the host, or into the server's environment."
        )
    schema, table = _table(parts.fragment)
    address = TableAddress(
        host=host,
        port=port or PORT,
        user=unquote(parts.username or ""),
        database=unquote(parts.path.strip("/")),
        table_schema=schema,
        table=table,
        options=query,
    )
    return address, unquote(parts.password or "")


def shown_address(text: str) -> str:
    """A source as it can be stored and shown: without password and options."""
    return parse_address(text)[0].url(options=False)


def table_of(source: str) -> str:
    """The address of a source's table, whoever reads it and however."""
    address, _ = parse_address(source)
    return address.model_copy(update={"user": "", "options": {}}).url().casefold()


def open_database(text: str, named: Sequence[str], *, allow_private: bool) -> tuple[OpenDatabase, str]:
    """The database of a source, if this server may read it, and the password or "".

    `named` are the URLs of the operator, whose credentials serve where the source has none. Raises Refused for another
    database unless the source brings its own credentials and the address is public or `allow_private`.
    """
    address, password = parse_address(text)
    for known, its_password in _known(named):
        if _holds(known, address):
            merged = _completed(address, known)
            theirs = its_password if merged.user == known.user else ""
            return OpenDatabase(table=merged, named=True), password or theirs or os.environ.get("PGPASSWORD", "")
    if not allow_private and not (address.user and password):
        raise Refused(_refusal(address, named))
    table = address.model_copy(update={"database": address.database or address.user})
    return OpenDatabase(table=table, host_address=_public_address(address, named, allow_private)), password


def _known(named: Sequence[str]) -> list[tuple[TableAddress, str]]:
    try:
        return [parse_address(one) for one in named]
    except InvalidArgument as error:
        raise Refused(
            "One of the server's own `--database` addresses cannot be read. The operator has to mend it."
        ) from error


def _completed(address: TableAddress, known: TableAddress) -> TableAddress:
    user = address.user or known.user
    database = address.database or known.database or user
    return address.model_copy(update={"user": user, "database": database, "options": address.options | known.options})


def _public_address(address: TableAddress, named: Sequence[str], allow_private: bool) -> str:
    """The one address that the connection will go to, whatever DNS answers next; "" for a socket of this machine."""
    if address.host.startswith("/"):
        if allow_private:
            return ""
        raise Refused(_refusal(address, named))
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotFound(f"There is no host {address.host}.") from error
    addresses = [str(entry[4][0]) for entry in found]
    for one in addresses if not allow_private else []:
        if not is_public_address(one):
            raise Refused(f"{address.host} is at a private or local address. {_refusal(address, named)}")
    return addresses[0]


def _holds(known: TableAddress, wanted: TableAddress) -> bool:
    same_place = (known.host.casefold(), known.port) == (wanted.host.casefold(), wanted.port)
    return same_place and (not known.database or wanted.database in ("", known.database))


def _refusal(address: TableAddress, named: Sequence[str]) -> str:
    place = address.model_copy(update={"user": "", "table_schema": "", "table": "", "options": {}})
    open_ones = ", ".join(known.url(options=False) for known, _ in _known(named)) or "none"
    return (
        f"{place.url()} is not among the databases that this server may read with its own credentials ({open_ones})."
        f" The operator can name it: `--database {place.url()}`, or MLSTEWARD_DATABASES in the environment."
    )


def _table(fragment: str) -> tuple[str, str]:
    """Schema and table of `schema.table`, `table` or `"Quoted"."Names"`."""
    text = unquote(fragment).strip()
    parts = [quoted.replace('""', '"') or plain.strip() for quoted, plain in _IDENTIFIER.findall(text)]
    if len(parts) > 2 or (text and ".".join(_matched(text)) != text):
        raise InvalidArgument(
            f"`#{text[:80]}` names no table; write `#schema.table`, names with dots in double quotes."
        )
    if len(parts) == 2:
        return parts[0], parts[1]
    return (PUBLIC, parts[0]) if parts else ("", "")


def _matched(text: str) -> list[str]:
    return [match[0] for match in _IDENTIFIER.finditer(text)]


def written(name: str) -> str:
    """A name of a schema or table as it stands after `#`."""
    plain = quote(name, safe=" ") if re.search(r"[#%]", name) else name
    return '"' + plain.replace('"', '""') + '"' if re.search(r'[."*]', plain) else plain
