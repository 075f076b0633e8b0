"""The lineage pillar of a dataset's version, from what the store knows of where it came from."""

from mlsteward.health.pillars import PillarReport
from mlsteward.health.upstream import StaleSource, Upstream, lineage_pillar
from mlsteward.lineage.edge import dataset_asset
from mlsteward.names import parse_reference
from mlsteward.store.check_results import last_health
from mlsteward.store.datasets import DatasetVersion, versions_of
from mlsteward.store.lineage import upstream_of
from mlsteward.store.stale import stale_sources
from mlsteward.store.transaction import Transaction


def lineage_of(t: Transaction, version: DatasetVersion) -> PillarReport:
    """Are the datasets that it was made from healthy, and is it made from their newest versions?"""
    used: dict[str, int] = {}
    for asset in [*version.sources, *upstream_of(t, dataset_asset(version.label))]:
        if asset.startswith("dataset:"):
            reference = parse_reference(asset)
            if reference.name != version.name and reference.version.isdigit():
                used[reference.name] = max(used.get(reference.name, 0), int(reference.version))
    upstream = [_upstream(t, name, number) for name, number in used.items()]
    stale = [StaleSource(words=one.words, remedy=one.remedy) for one in stale_sources(t, version.label)]
    return lineage_pillar(upstream, stale, version.source)


def _upstream(t: Transaction, name: str, number: int) -> Upstream:
    held = next((one.label for one in versions_of(t, name)[:1] if one.held), "")
    health = last_health(t, name)
    return Upstream(
        label=f"{name}@{number}",
        held=held,
        healthy=health.healthy if health else None,
        verdict=_reason(health.verdict) if health else "",
    )


def _reason(verdict: str) -> str:
    """What a verdict says after `flights@3 is unhealthy:`."""
    return verdict.partition(": ")[2].rstrip(".") or verdict
