"""Personal data within free text, told by Presidio where it is installed (the extra `presidio`)."""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

# Of so many texts; each takes milliseconds.
SAMPLE = 50
# Fewer words than this are no free text.
WORDS = 5
# Where so many hold personal data, the column does; sentences seldom do.
SHARE = 0.2
# What tells of a person by itself; dates, places and addresses on the web do not.
_ENTITIES = "PERSON PHONE_NUMBER EMAIL_ADDRESS CREDIT_CARD IBAN_CODE US_SSN MEDICAL_LICENSE".split()
_LEAST_SCORE = 0.4
# A model of English that finds names; without one only patterns are found.
_MODELS = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm")


def is_free_text(texts: Sequence[str]) -> bool:
    """Whether values are sentences rather than names and codes."""
    return bool(texts) and sum(len(text.split()) for text in texts) >= WORDS * len(texts)


def installed() -> bool:
    return find_spec("presidio_analyzer") is not None


def share_of_persons(texts: Sequence[str]) -> tuple[float, list[str]]:
    """The share of texts that hold personal data, and the kinds found; (0, []) where Presidio is not installed."""
    if not installed() or not texts:
        return 0.0, []
    kinds: set[str] = set()
    hits = 0
    for text in texts:
        found = _analyzer().analyze(text=text, language="en", entities=_ENTITIES, score_threshold=_LEAST_SCORE)
        kinds.update(one.entity_type for one in found)
        hits += bool(found)
    return hits / len(texts), sorted(kinds)


@cache
def _analyzer() -> Any:
    """Presidio's engine over a spaCy model that is installed, else over a bare tokenizer."""
    spacy, presidio = import_module("spacy"), import_module("presidio_analyzer")
    model = next((name for name in _MODELS if find_spec(name)), "")
    engine = import_module("presidio_analyzer.nlp_engine").SpacyNlpEngine(
        models=[{"lang_code": "en", "model_name": model or "blank"}]
    )
    # Loaded here: Presidio would download a model that is missing.
    engine.nlp = {"en": spacy.load(model) if model else spacy.blank("en")}
    return presidio.AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
