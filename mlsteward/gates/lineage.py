"""Is it known where a model comes from?"""

from mlsteward.gates.result import GateResult
from mlsteward.record import Record

_GATE = "lineage"


class Origin(Record):
    """What is recorded of where a model comes from; "" where it is not.

    `sources` are what its dataset was read from, `versions` the datasets on the way, `code` the package's version or
    the commit it ran from.
    """

    run: str = ""
    dataset: str = ""
    fingerprint: str = ""
    recorded_fingerprint: str = ""
    versions: list[str] = []
    sources: list[str] = []
    features: int = 0
    features_linked: int = 0
    split: str = ""
    seed: str = ""
    code: str = ""
    actor: str = ""
    snapshot: bool = False


def lineage(origin: Origin) -> GateResult:
    """Every link from source to model is recorded, and the rows that were trained on can be read again."""
    missing = [
        words
        for known, words in (
            (origin.dataset, "which dataset it was trained on"),
            (origin.sources, "what that dataset was read from"),
            (origin.split, "how its test rows were held out"),
            (origin.seed, "its seed"),
            (origin.code, "the version of the code"),
            (origin.actor, "who asked for it"),
            (origin.features_linked >= origin.features > 0, "which columns it uses"),
        )
        if not known
    ]
    if origin.dataset and not origin.snapshot:
        missing.append(f"the rows of {origin.dataset}, which were given up")
    if origin.dataset and origin.fingerprint != origin.recorded_fingerprint:
        missing.append(f"rows of {origin.dataset} with the fingerprint that was trained on")
    evidence = origin.model_dump()
    if missing:
        words = f"Not known: {', '.join(missing)}."
        return GateResult(gate=_GATE, outcome="failed", words=words, value=len(missing), limit=0, evidence=evidence)
    way = " → ".join([", ".join(origin.sources), *origin.versions, origin.run])
    words = f"Known from source to model: {way}; seed {origin.seed}, code {origin.code}, asked for by {origin.actor}."
    return GateResult(gate=_GATE, outcome="passed", words=words, value=0, limit=0, evidence=evidence)
