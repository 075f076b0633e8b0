"""The lineage pillar: are the datasets that a dataset was made from healthy, and is it made from their newest?"""

from collections.abc import Sequence

from mlsteward.health.pillars import STALE, UPSTREAM_HEALTH, Breach, PillarReport, state_of
from mlsteward.record import Record

_MOST = 4


class Upstream(Record):
    """A dataset that lies upstream.

    `label` is the version that was used (the newest of several) and `held` a newer one that was kept aside. `healthy`
    is None where the dataset was never checked; `verdict` is what its last check said.
    """

    label: str
    held: str = ""
    healthy: bool | None = None
    verdict: str = ""

    @property
    def name(self) -> str:
        return self.label.partition("@")[0]


class StaleSource(Record):
    """Something upstream, or the dataset itself, was made from a version that is no longer the newest."""

    words: str
    remedy: str


def lineage_pillar(upstream: Sequence[Upstream], stale: Sequence[StaleSource], source: str) -> PillarReport:
    """The pillar; `source` is where the rows came from when no dataset lies upstream."""
    if not upstream:
        return PillarReport(pillar="lineage", state="ok", words=f"comes from {source or 'no other dataset'}")
    breaches: list[Breach] = []
    following = ""
    labels: dict[str, str | float] = {"upstream": ", ".join(one.label for one in upstream[:20])}
    ill = [one for one in upstream if one.healthy is False]
    if ill:
        words = f"upstream: {'; '.join(f'{one.name} is unhealthy ({one.verdict})' for one in ill[:_MOST])}"
        breaches.append(Breach(check=UPSTREAM_HEALTH, severity="error", words=words, evidence=labels))
        following = f'check_data(dataset="{ill[0].name}")'
    held = [f"{one.held} is kept aside" for one in upstream if one.held]
    if stale or held:
        words = "; ".join([one.words for one in stale[:_MOST]] or held[:_MOST])
        breaches.append(Breach(check=STALE, severity="warning", words=words, evidence=labels))
        following = following or (stale[0].remedy if stale else "")
    failed = {breach.check for breach in breaches}
    return PillarReport(
        pillar="lineage",
        state=state_of(breaches),
        words="; ".join(breach.words for breach in breaches) or _all_well(upstream),
        next=following,
        breaches=breaches,
        passed=[check for check in (UPSTREAM_HEALTH, STALE) if check not in failed],
    )


def _all_well(upstream: Sequence[Upstream]) -> str:
    unchecked = [one.name for one in upstream if one.healthy is None]
    labels = ", ".join(one.label for one in upstream[:_MOST])
    never = f"; never checked: {', '.join(unchecked[:_MOST])}" if unchecked else ""
    return f"made from {labels}{never}"
