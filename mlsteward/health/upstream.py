"""The lineage pillar: are the datasets that a dataset was made from healthy, and is it made from their newest?"""

from collections.abc import Sequence

from pydantic import BaseModel

from mlsteward.health.pillars import STALE, UPSTREAM_HEALTH, Breach, PillarReport, state_of

_MOST = 4


class Upstream(BaseModel):
    """A dataset that lies upstream.

    `label` is the version that was used (the newest of several), `newest` the newest that is not held, `held` one that
    was kept aside after it. `direct` says that the dataset was made from it in one step. `healthy` is None where it was
    never checked; `verdict` is what the last check of it said.
    """

    label: str
    newest: str = ""
    held: str = ""
    direct: bool = True
    healthy: bool | None = None
    verdict: str = ""


def lineage_pillar(upstream: Sequence[Upstream], source: str) -> PillarReport:
    """The pillar; `source` is where the rows came from when no dataset lies upstream."""
    if not upstream:
        return PillarReport(pillar="lineage", state="ok", words=f"comes from {source or 'no other dataset'}")
    ill = [one for one in upstream if one.healthy is False]
    stale = [one for one in upstream if one.direct and one.newest and one.newest != one.label]
    held = [one for one in upstream if one.held]
    breaches: list[Breach] = []
    if ill:
        words = "; ".join(f"{_name(one)} is unhealthy ({one.verdict})" for one in ill[:_MOST])
        breaches.append(_breach(UPSTREAM_HEALTH, "error", f"upstream: {words}", ill))
    if stale:
        words = "; ".join(f"made from {one.label}, and {one.newest} is there" for one in stale[:_MOST])
        breaches.append(_breach(STALE, "warning", f"stale: {words}", stale))
    elif held:
        words = "; ".join(f"{one.held} is kept aside" for one in held[:_MOST])
        breaches.append(_breach(STALE, "warning", f"upstream: {words}", held))
    names = {breach.check for breach in breaches}
    passed = [check for check in (UPSTREAM_HEALTH, STALE) if check not in names]
    words = "; ".join(breach.words for breach in breaches) or _all_well(upstream)
    return PillarReport(pillar="lineage", state=state_of(breaches), words=words, breaches=breaches, passed=passed)


def _breach(check: str, severity: str, words: str, upstream: Sequence[Upstream]) -> Breach:
    evidence: dict[str, str | float] = {"upstream": ", ".join(one.label for one in upstream[:20])}
    return Breach.model_validate({"check": check, "severity": severity, "words": words, "evidence": evidence})


def _all_well(upstream: Sequence[Upstream]) -> str:
    unchecked = [_name(one) for one in upstream if one.healthy is None]
    labels = ", ".join(one.label for one in upstream[:_MOST])
    never = f"; never checked: {', '.join(unchecked[:_MOST])}" if unchecked else ""
    return f"made from {labels}, the newest there is{never}"


def _name(upstream: Upstream) -> str:
    return upstream.label.partition("@")[0]
