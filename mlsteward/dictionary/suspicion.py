"""Which columns look as if they held data of people, told from their names and from a sample of their values.

A pattern that little else fits (an e-mail address, an IBAN) needs no name. One that other numbers fit too (a telephone
number without +, a tax number) counts only under a name that says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlsteward.data.engine import quote
from mlsteward.data.profile import ColumnProfile, TableProfile
from mlsteward.dictionary import free_text
from mlsteward.dictionary import personal_values as values
from mlsteward.dictionary.personal_values import Test, share_of
from mlsteward.dictionary.sensitivity import Level
from mlsteward.dictionary.words import singular, split_words

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SAMPLE = 200
SHARE = 0.6
# So many distinct values must pass where a check digit lets one in ten pass by chance.
LEAST = 5
_LONGEST = 2000
# Of more distinct values than this, only some are looked at.
_MANY = 4000


@dataclass(frozen=True)
class Suspicion:
    """What the values of a column seem to be, of what level that would be, and how many of the sample say so."""

    what: str
    level: Level
    share: float
    sampled: int
    by_name: bool = False

    @property
    def words(self) -> str:
        """`e-mail addresses (98 % of 200 values)`."""
        name = ", and its name" if self.by_name else ""
        return f"{self.what} ({100 * self.share:.0f} % of {self.sampled} values{name})"


@dataclass(frozen=True)
class _Kind:
    """`named` are the words, one of which a column's name must have; "a b" asks for both, () for none of all that."""

    what: str
    level: Level
    test: Test
    named: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    least: int = 1
    families: tuple[str, ...] = ("text",)


def _any_of(words: str) -> tuple[str, ...]:
    return tuple(" ".join(word.split()) for word in words.split(","))


_NUMBERS = ("text", "number")
_NO_PERSON = (
    "product file company brand column table city country state airline airport model game hotel team store shop event"
    " category group class project campaign device server host domain path page course school university street road"
    " species item type code field metric feature variable label status role plan service vendor supplier"
).split()
_COUNTS = "count counts num number_of total flag has is rate share score sessions minutes type status".split()

_GOODS = _any_of("sku, part, item, product, ticket, order, invoice, serial, lot, batch, catalog, article")
# In order: the first that fits wins.
_KINDS = (
    _Kind("e-mail addresses", "confidential", values.is_email),
    _Kind("payment card numbers", "restricted", values.is_card, least=LEAST, families=_NUMBERS),
    _Kind(
        "payment card numbers",
        "restricted",
        values.is_card,
        named=_any_of("card, pan, creditcard, cc"),
        families=_NUMBERS,
    ),
    _Kind("bank account numbers (IBAN)", "restricted", values.is_iban),
    _Kind(
        "national identity numbers",
        "restricted",
        values.is_written_id,
        unless=_GOODS,
        least=LEAST,
        families=_NUMBERS,
    ),
    _Kind(
        "national identity numbers",
        "restricted",
        values.is_id,
        named=_any_of(
            """ssn, sin, nin, nino, nhs, tfn, bsn, cpr, cpf, aadhaar, pesel, curp, dni, nif, nir, personnummer,
            social security, national id, national number, identity number, tax id, tax number, personal number"""
        ),
        families=_NUMBERS,
    ),
    _Kind(
        "identity document numbers",
        "restricted",
        values.is_code,
        named=_any_of(
            """passport, ssn, social security, national id, national insurance, driver license, driving license,
            driver licence, driving licence, identity card, tax id"""
        ),
        families=_NUMBERS,
    ),
    _Kind("passwords", "restricted", values.is_filled, named=_any_of("password, passwd, passphrase, passcode")),
    _Kind("IP addresses", "confidential", values.is_ip, unless=_any_of("version, release, build")),
    _Kind("telephone numbers", "confidential", values.is_written_phone, unless=_GOODS),
    _Kind(
        "telephone numbers",
        "confidential",
        values.is_phone,
        named=_any_of("phone, telephone, telefon, telefono, tel, mobile, cellphone, cell, fax, msisdn, handy"),
        unless=(*_COUNTS, "id", "key", "model", "code"),
        families=_NUMBERS,
    ),
    _Kind(
        "birth dates",
        "confidential",
        values.is_birth_date,
        named=_any_of("birth, birthday, birthdate, dob, born, birthyear, geburtsdatum, geburtstag, naissance"),
        unless=_any_of("weight, place, city, country, rate, order, count"),
        families=("text", "time", "number"),
    ),
    _Kind(
        "names of people",
        "confidential",
        values.is_name,
        named=_any_of(
            """first name, last name, given name, family name, middle name, maiden name, full name, firstname, lastname,
            fullname, surname, forename, vorname, nachname, prenom, apellido, customer name, client name, patient name,
            person name, contact name, employee name, holder name, passenger name, guest name, member name,
            student name, teacher name, doctor name, owner name, driver name, applicant name, borrower name,
            subscriber name, cardholder"""
        ),
        unless=_any_of("company, file, product"),
    ),
    _Kind("street addresses", "confidential", values.is_street),
    _Kind(
        "postal addresses",
        "confidential",
        values.is_address,
        named=_any_of("address, addr, street, anschrift, adresse, direccion, residence"),
        unless=_any_of("ip, mac, email, mail, web, url, memory, contract, wallet, hash, host"),
    ),
    _Kind(
        "names of people",
        "confidential",
        values.is_known_name,
        named=_any_of(
            """name, customer, client, patient, person, employee, author, passenger, guest, member, student, contact,
            owner, applicant, user"""
        ),
        unless=tuple(_NO_PERSON),
    ),
)


def suspect(connection: "DuckDBPyConnection", source: str, profile: TableProfile) -> dict[str, Suspicion]:
    """What columns of a table expression seem to hold, by name; columns of nothing suspicious are not in it.

    Up to 200 distinct values of a column are looked at, chosen by their hashes, so always the same ones; 60 % must
    pass a test. Numbers and times are read only where name or size calls for it.
    """
    found: dict[str, Suspicion] = {}
    for column in profile.columns:
        kinds = [kind for kind in _KINDS if _may_be(kind, column)]
        if not kinds or not (sample := _sample(connection, source, column)):
            continue
        one = _judge(kinds, sample) or (_judge_texts(sample) if column.family == "text" else None)
        if one:
            found[column.name] = one
    return found


def _may_be(kind: _Kind, column: ColumnProfile) -> bool:
    if column.family not in kind.families or column.nulls == column.rows:
        return False
    words = _words(column.name)
    if any(word in words for word in kind.unless):
        return False
    if not kind.named:
        return column.family == "text" or _has_long_numbers(column)
    return any(all(part in words for part in name.split()) for name in kind.named)


def _words(name: str) -> set[str]:
    parts = split_words(name)
    return {*parts, *(singular(part) for part in parts), "".join(parts)}


def _has_long_numbers(column: ColumnProfile) -> bool:
    """Whether a column of whole numbers can hold card or identity numbers: 11 to 19 digits."""
    if column.type in ("DOUBLE", "FLOAT"):
        return False
    low, high = column.minimum, column.maximum
    return isinstance(low, int | float) and isinstance(high, int | float) and low > 1e9 and high < 1e19


def _sample(connection: "DuckDBPyConnection", source: str, column: ColumnProfile) -> list[str]:
    name = quote(column.name)
    # A share of the distinct values, the same in every run.
    every = max(1, column.distinct // _MANY)
    text = f"CAST({name} AS VARCHAR)"
    rows = connection.execute(
        f"SELECT value FROM (SELECT DISTINCT left({text}, {_LONGEST}) AS value FROM {source}"
        f" WHERE {name} IS NOT NULL AND hash({text}) % {every} = 0) WHERE trim(value) <> ''"
        f" ORDER BY hash(value), value LIMIT {SAMPLE}"
    ).fetchall()
    return [value for (value,) in rows]


def _judge(kinds: Sequence[_Kind], sample: Sequence[str]) -> Suspicion | None:
    for kind in kinds:
        share = share_of(sample, kind.test)
        if share >= SHARE and round(share * len(sample)) >= kind.least:
            return replace(Suspicion(kind.what, kind.level, share, len(sample)), by_name=bool(kind.named))
    return None


def _judge_texts(sample: Sequence[str]) -> Suspicion | None:
    """Free text, as far as Presidio is there to read it."""
    texts = sample[: free_text.SAMPLE]
    if not free_text.is_free_text(texts):
        return None
    share, kinds = free_text.share_of_persons(texts)
    if share < free_text.SHARE:
        return None
    return Suspicion(f"texts about people ({', '.join(kinds).lower()})", "confidential", share, len(texts))
