"""What is taken for data of people, and what is not."""

import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mlsteward.data.engine import connect, literal
from mlsteward.data.profile import profile_table
from mlsteward.data.samples import sample_file, sample_names
from mlsteward.dictionary import free_text
from mlsteward.dictionary.suspicion import Suspicion, suspect
from tests.conftest import Assistant

pytestmark = pytest.mark.anyio

ROWS = 120
FIRST = "Anna Ben Carla David Emma Frank Grace Hans Ivan Julia".split()
LAST = "Smith Meyer Rossi Garcia Novak Jones O'Neil Lee Kim Brown".split()
Draw = Callable[[random.Random], Any]


@pytest.fixture
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(memory_mb=256) as engine:
        yield engine


def judged(engine: duckdb.DuckDBPyConnection, name: str, draw: Draw) -> Suspicion | None:
    """What a column of that name with such values is taken for."""
    dice = random.Random(3)
    engine.execute("CREATE OR REPLACE TABLE t AS SELECT unnest(?) AS c", [[draw(dice) for _ in range(ROWS)]])
    engine.execute(f'ALTER TABLE t RENAME c TO "{name}"')
    return suspect(engine, "t", profile_table(engine, "t")).get(name)


def luhn(digits: str) -> str:
    doubled = [int(one) * (2 - place % 2) for place, one in enumerate(reversed(digits))]
    return digits + str(-sum(value - 9 * (value > 9) for value in doubled) % 10)


def iban(dice: random.Random) -> str:
    account = str(dice.randint(10**17, 10**18 - 1))
    return f"DE{98 - int(account + '131400') % 97:02}{account}"


SENSITIVE: list[tuple[str, Draw, str, str]] = [
    ("contact", lambda d: f"{d.choice(FIRST)}{d.random()}@mail.example.org", "e-mail addresses", "confidential"),
    ("note", lambda d: f"write to {d.random()}@example.org, please", "e-mail addresses", "confidential"),
    ("phone", lambda d: f"{d.randint(200, 999)}555{d.randint(1000, 9999)}", "telephone numbers", "confidential"),
    ("Mobile", lambda d: d.randint(2_000_000_000, 9_899_999_999), "telephone numbers", "confidential"),
    ("x", lambda d: f"+49 30 {d.randint(100000, 9999999)}", "telephone numbers", "confidential"),
    ("x", lambda d: f"({d.randint(200, 999)}) 555-{d.randint(1000, 9999)}", "telephone numbers", "confidential"),
    ("x", lambda d: luhn(f"4{d.randint(10**13, 10**14 - 1)}"), "payment card numbers", "restricted"),
    ("x", lambda d: int(luhn(f"52{d.randint(10**12, 10**13 - 1)}")), "payment card numbers", "restricted"),
    ("x", iban, "bank account numbers (IBAN)", "restricted"),
    ("x", lambda d: f"{d.randint(100, 665)}-{d.randint(10, 99)}-{d.randint(1000, 9999)}", "national", "restricted"),
    ("ssn", lambda d: f"{d.randint(100, 665)}{d.randint(10, 99)}{d.randint(1000, 9999)}", "national", "restricted"),
    ("passport_no", lambda d: f"C{d.randint(10**7, 10**8 - 1)}", "identity document numbers", "restricted"),
    ("last_ip", lambda d: ".".join(str(d.randint(1, 254)) for _ in range(4)), "IP addresses", "confidential"),
    ("dob", lambda d: f"{d.randint(1940, 2005)}-{d.randint(1, 12):02}-07", "birth dates", "confidential"),
    ("birthYear", lambda d: d.randint(1940, 2005), "birth dates", "confidential"),
    ("first_name", lambda d: d.choice(FIRST), "names of people", "confidential"),
    ("surname", lambda d: d.choice(LAST), "names of people", "confidential"),
    ("customer", lambda d: f"{d.choice(FIRST)} {d.choice(LAST)}", "names of people", "confidential"),
    ("address", lambda d: f"{d.randint(1, 999)} Oak Street", "street addresses", "confidential"),
    ("x", lambda d: f"Gartenstraße {d.randint(1, 99)}", "street addresses", "confidential"),
    ("password", lambda d: str(d.random()), "passwords", "restricted"),
]

HARMLESS: list[tuple[str, Draw]] = [
    ("order_no", lambda d: 10**9 + d.randint(0, 10**6)),
    ("order_id", lambda d: 4_000_000_000_000_000 + 7 * d.randint(0, 10**6)),
    ("epoch", lambda d: 1_600_000_000 + d.randint(0, 10**7)),
    ("epoch_ms", lambda d: 1_600_000_000_000 + d.randint(0, 10**10)),
    ("price", lambda d: d.randint(1, 99999) / 100),
    ("zip", lambda d: f"{d.randint(10000, 99999)}"),
    ("version", lambda d: f"{d.randint(0, 9)}.{d.randint(0, 20)}.{d.randint(0, 90)}.{d.randint(0, 3)}"),
    ("firmware", lambda d: f"{d.randint(0, 9)}.{d.randint(0, 20)}.{d.randint(0, 20)}.{d.randint(0, 3)}"),
    ("product_name", lambda d: d.choice(["Blue Chair", "Red Table", "Lamp Mark"])),
    ("company_name", lambda d: d.choice(["Acme Corp", "James Bond Ltd", "Walter and Sons"])),
    ("name", lambda d: d.choice(["Austin Airport", "San Jose Intl", "Jackson Field"])),
    ("city", lambda d: d.choice(["Paris", "London", "Austin", "Florence"])),
    ("isbn", lambda d: f"978{d.randint(10**9, 10**10 - 1)}"),
    ("sku", lambda d: f"{d.randint(100, 665)}-{d.randint(10, 99)}-{d.randint(1000, 9999)}"),
    ("reading", lambda d: f"{d.randint(100, 999)}-{d.randint(100, 999)}-{d.randint(1000, 9999)}"),
    ("phone_model", lambda d: d.choice(["iPhone 12", "Galaxy S10", "Pixel 7"])),
    ("mobile_sessions", lambda d: d.randint(0, 9999)),
    ("telephone_charge", lambda d: d.randint(100, 99999) / 100),
    ("birth_weight", lambda d: d.randint(1800, 5000)),
    ("card_type", lambda d: d.choice(["visa", "amex"])),
    ("siren", lambda d: luhn(str(d.randint(10**7, 10**8 - 1)))),
    ("imei", lambda d: luhn(str(d.randint(10**13, 10**14 - 1)))),
    ("batch", lambda d: f"{d.randint(20, 23)}{d.randint(1, 12):02}{d.randint(1, 28):02}{d.randint(0, 9999):04}"),
    ("account", lambda d: str(d.randint(10**9, 10**10 - 1))),
    ("n11", lambda d: str(d.randint(10**10, 10**11 - 1))),
    ("name_length", lambda d: d.randint(0, 300)),
    ("user_agent", lambda d: d.choice(["Mozilla/5.0", "curl/7.1"])),
    ("notes", lambda d: d.choice(["called twice about the bill", "wants 2 chairs", "12 boxes left"])),
    ("flag", lambda d: d.choice(["yes", "no"])),
]


@pytest.mark.parametrize(("name", "draw", "what", "level"), SENSITIVE, ids=[f"{one[2]}:{one[0]}" for one in SENSITIVE])
def test_data_of_people_is_suspected(
    engine: duckdb.DuckDBPyConnection, name: str, draw: Draw, what: str, level: str
) -> None:
    found = judged(engine, name, draw)
    assert found
    assert found.what.startswith(what)
    assert (found.level, found.share >= 0.6) == (level, True)


@pytest.mark.parametrize(("name", "draw"), HARMLESS, ids=[one[0] for one in HARMLESS])
def test_other_values_are_left_alone(engine: duckdb.DuckDBPyConnection, name: str, draw: Draw) -> None:
    assert judged(engine, name, draw) is None


@pytest.mark.parametrize("name", [name for name in sample_names() if name != "digits"])
def test_no_real_table_without_people_is_suspected(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path, name: str
) -> None:
    file = sample_file(name, tmp_path)
    if file.suffix == ".zip":
        file = Path(zipfile.ZipFile(file).extract(zipfile.ZipFile(file).namelist()[0], tmp_path))
    engine.execute(f"CREATE TABLE t AS SELECT * FROM read_csv({literal(str(file))}, nullstr='NA') LIMIT 20000")
    assert suspect(engine, "t", profile_table(engine, "t")) == {}


def test_a_share_below_sixty_percent_is_no_suspicion(engine: duckdb.DuckDBPyConnection) -> None:
    def half(dice: random.Random) -> str:
        return f"{dice.random()}@example.org" if dice.random() < 0.5 else f"none {dice.random()}"

    assert judged(engine, "contact", half) is None


def test_the_sample_is_the_same_every_time(engine: duckdb.DuckDBPyConnection) -> None:
    def mixed(dice: random.Random) -> str:
        return f"{dice.random()}@example.org" if dice.random() < 0.8 else f"none {dice.random()}"

    assert judged(engine, "contact", mixed) == judged(engine, "contact", mixed)


def test_words_say_what_was_seen_and_quote_nothing() -> None:
    assert Suspicion("birth dates", "confidential", 0.98, 200, by_name=True).words == (
        "birth dates (98 % of 200 values, and its name)"
    )


SENTENCES = ["please call me back about my card 4111 1111 1111 1111", "wants two chairs by the end of next week"]


def test_free_text_is_read_where_presidio_is_there(engine: duckdb.DuckDBPyConnection) -> None:
    pytest.importorskip("presidio_analyzer")
    found = judged(engine, "notes", lambda dice: f"{dice.choice(SENTENCES)} {dice.random()}")
    assert found
    assert found.what.startswith("texts about people (credit_card")


async def test_free_text_that_nobody_read_is_said(assistant: Assistant) -> None:
    rows = [f"{number},customer {number} {SENTENCES[1]} and {number * 7} more of them" for number in range(1, 60)]
    text = await assistant.text("register_dataset", name="tickets", content="id,notes\n" + "\n".join(rows))
    assert free_text.installed() or "not searched for personal data: notes (mlsteward[presidio]" in text
