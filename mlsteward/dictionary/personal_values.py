"""What values of people look like: e-mail addresses, telephone numbers, cards, accounts, identity numbers, addresses.

Every test takes one value as text. Check digits and metadata come from python-stdnum and phonenumbers, which are
imported at first use: only worker code calls this.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from datetime import date
from functools import cache
from importlib import import_module

Test = Callable[[str], bool]

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(\.[\w-]+)*\.[A-Za-z]{2,24}\b")
_NUMBER_BLOCK = re.compile(r"\d(?:[ -]?\d){11,18}")
# North American numbers as they are written; without punctuation they are any ten digits.
_WRITTEN_PHONE = re.compile(r"(\+?1[ .-]?)?(\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}( ?(x|ext\.?) ?\d{1,5})?")
_PHONE = re.compile(r"[+(]?\d[\d ()./-]{5,18}\d")
_REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "IN", "BR", "CN", "JP", "AU", "NL", "SE", "PL", "MX", "ZA")
_NAME = re.compile(r"[^\W\d_]+(?:['’.-]*[^\W\d_]+)*[.]?(?:,? [^\W\d_]+(?:['’.-]*[^\W\d_]+)*[.]?){0,4}")
_STREET_WORDS = (
    "st street ave avenue rd road blvd boulevard ln lane dr drive way ct court pl place sq square ter terrace hwy"
    " highway pkwy parkway cir circle close crescent"
).split()
_HOUSE_FIRST = re.compile(rf"\d{{1,6}}[A-Za-z]?,? (?:[\w.'’-]+ ){{1,5}}(?:{'|'.join(_STREET_WORDS)})\b\.?.*", re.I)
_HOUSE_LAST = re.compile(
    r"(?:[\w.'’-]*(?:straße|strasse|str\.|weg|platz|gasse|allee|ring|straat|laan|gatan|vägen)|(?:rue|via|calle|avenida|"
    r"rua|ulica|ul\.) [\w.'’ -]+?),? \d{1,4} ?[a-z]?\b.*",
    re.I,
)
# Issuer ranges: first digits, and how many digits there are (ISO/IEC 7812, as the networks publish them).
_CARDS = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"6011|64[4-9]|65|62"), (16, 17, 18, 19)),
    (re.compile(r"30[0-5]|36|38"), (14,)),
    (re.compile(r"352[89]|35[3-8]"), (16,)),
)
# Numbers whose form or birth date makes a chance hit rare, and those that need a column's name beside the check digit,
# because order numbers, ISBNs or company numbers are built the same way.
STRONG_IDS = tuple(
    "it.codicefiscale es.dni es.nie fi.hetu mx.curp fr.nir cn.ric kr.rrn be.nn ch.ssn pl.pesel ro.cnp se.personnummer"
    " no.fodselsnummer lt.asmens ee.ik za.idnr bg.egn tr.tckimlik".split()
)
NAMED_IDS = tuple(
    "us.ssn us.itin gb.nhs nl.bsn dk.cpr ca.sin au.tfn br.cpf cl.rut in_.aadhaar in_.pan il.idnr pt.cc de.idnr"
    " ie.pps hr.oib jp.in_ th.pin my.nric cz.rc".split()
)
_WRITTEN_ID = re.compile(r"\d{3}-\d{2}-\d{4}|\d{3}\.\d{3}\.\d{3}-\d{2}|756\.\d{4}\.\d{4}\.\d{2}")
_DATES = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d\d?)-(?P<d>\d\d?)(?:[ T].*)?"),
    re.compile(r"(?P<d>\d\d?)[./-](?P<m>\d\d?)[./-](?P<y>\d{4})"),
    re.compile(r"(?P<m>\d\d?)/(?P<d>\d\d?)/(?P<y>\d{4})"),
    re.compile(r"(?P<y>(?:18|19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)"),
    re.compile(r"(?P<y>(?:18|19|20)\d\d)"),
)


def is_email(value: str) -> bool:
    """An e-mail address, or a text that holds one."""
    return _EMAIL.search(value) is not None


def is_ip(value: str) -> bool:
    """An IP address, version 4 or 6; a version number such as 2.10.0.3 is none."""
    text = value.strip()
    try:
        address = ipaddress.ip_address(text.partition("/")[0])
    except ValueError:
        return False
    return address.version == 6 or any(int(part) > 31 for part in str(address).split("."))


def is_card(value: str) -> bool:
    """The number of a payment card: an issuer's range and length, and Luhn's check digit."""
    text = value.strip()
    if not _NUMBER_BLOCK.fullmatch(text):
        return False
    digits = re.sub(r"[ -]", "", text)
    in_range = any(start.match(digits) and len(digits) in lengths for start, lengths in _CARDS)
    return in_range and _stdnum("luhn")(digits)


def is_iban(value: str) -> bool:
    """An international bank account number: country, length and check digits modulo 97."""
    return value.strip()[:2].isalpha() and _stdnum("iban")(value.strip())


def is_written_phone(value: str) -> bool:
    """A telephone number that is recognised without knowing where it is from: +44…, or (212) 555-0199.

    Three, three and four digits with nothing but dashes are one where North America has such an area and exchange.
    """
    text = value.strip()
    if text.startswith("+") and _PHONE.fullmatch(text):
        return _possible(text, None)
    if not _WRITTEN_PHONE.fullmatch(text):
        return False
    return "(" in text or _possible(text, "US", valid=True)


def is_phone(value: str) -> bool:
    """Digits that are a telephone number somewhere; only for columns whose name says so."""
    text = value.strip().removesuffix(".0")
    if is_written_phone(text) or _WRITTEN_PHONE.fullmatch(text):
        return True
    if not _PHONE.fullmatch(text) or not 7 <= sum(character.isdigit() for character in text) <= 15:
        return False
    return any(_possible(text, region) for region in _REGIONS)


def is_written_id(value: str) -> bool:
    """A national identity number in the form or with the check digits that hardly anything else has."""
    text = value.strip()
    if _WRITTEN_ID.fullmatch(text):
        return any(_stdnum(name)(text) for name in ("us.ssn", "us.itin", "br.cpf", "ch.ssn"))
    return 9 <= len(text) <= 22 and any(_stdnum(name)(text) for name in STRONG_IDS)


def is_id(value: str) -> bool:
    """Any national identity number that is known; only for columns whose name says so."""
    text = value.strip().removesuffix(".0")
    return is_written_id(text) or any(_stdnum(name)(text) for name in NAMED_IDS)


def is_code(value: str) -> bool:
    """Letters and digits as passports, licences and tax numbers have them; only for columns whose name says so."""
    text = re.sub(r"[ .-]", "", value.strip())
    return 5 <= len(text) <= 20 and text.isalnum() and sum(character.isdigit() for character in text) >= 4


def is_birth_date(value: str) -> bool:
    """A date, or a year, on which somebody alive in 1950 or later can be born."""
    text = value.strip().removesuffix(".0")
    for form in _DATES:
        found = form.fullmatch(text)
        if found and _is_date(found.groupdict()) and 1880 <= int(found["y"]) <= 2035:
            return True
    return False


def is_name(value: str) -> bool:
    """One to five words of letters; only for columns whose name says that people are named."""
    text = value.strip()
    return 2 <= len(text) <= 60 and _NAME.fullmatch(text) is not None


def is_known_name(value: str) -> bool:
    """A first name that many people have, and a last name beside it."""
    text = value.strip()
    parts = re.split(r"[ ,]+", text)
    if not 2 <= len(parts) <= 4 or not is_name(text):
        return False
    return bool(given_names() & {part.casefold() for part in parts})


def is_street(value: str) -> bool:
    """A street with a number, as it is written in many countries."""
    text = " ".join(value.split())
    return bool(_HOUSE_FIRST.fullmatch(text) or _HOUSE_LAST.fullmatch(text))


def is_address(value: str) -> bool:
    """Words and a number; only for columns whose name says that an address stands there."""
    text = " ".join(value.split())
    return is_street(text) or (8 <= len(text) <= 200 and bool(re.search(r"\d", text)) and text.count(" ") >= 1)


def is_filled(value: str) -> bool:
    """Anything; where the name of the column says enough."""
    return bool(value.strip())


@cache
def given_names() -> frozenset[str]:
    """First names that are common somewhere."""
    from mlsteward.dictionary.given_names import GIVEN_NAMES

    return GIVEN_NAMES


@cache
def _stdnum(name: str) -> Test:
    return import_module(f"stdnum.{name}").is_valid


def _possible(text: str, region: str | None, *, valid: bool = False) -> bool:
    import phonenumbers

    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(parsed) if valid else phonenumbers.is_possible_number(parsed)


def _is_date(parts: dict[str, str]) -> bool:
    try:
        date(int(parts["y"]), int(parts.get("m") or 1), int(parts.get("d") or 1))
    except ValueError:
        return False
    return True


def share_of(values: Iterable[str], test: Test) -> float:
    """The share of values that pass."""
    passed = [test(value) for value in values]
    return sum(passed) / len(passed) if passed else 0.0
