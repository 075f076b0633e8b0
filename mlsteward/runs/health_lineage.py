"""The lineage pillar of a dataset's version, from what the store knows of where it came from."""

from mlsteward.health.pillars import PillarReport
from mlsteward.health.upstream import Upstream, lineage_pillar
from mlsteward.lineage.edge import dataset_asset
from mlsteward.names import parse_reference
from mlsteward.store.check_results import last_health
from mlsteward.store.datasets import DatasetVersion, newest_version, versions_of
from mlsteward.store.lineage import upstream_of
from mlsteward.store.transaction import Transaction


def lineage_of(t: Transaction, version: DatasetVersion) -> PillarReport:
    """Are the datasets that it was made from healthy, and is it made from their newest versions?"""
    direct = [source for source in version.sources if source.startswith("dataset:")]
    assets = [*direct, *upstream_of(t, dataset_asset(version.label))]
    newest: dict[str, int] = {}
    for asset in assets:
        if asset.startswith("dataset:"):
            reference = parse_reference(asset)
            if reference.name != version.name and reference.version.isdigit():
                newest[reference.name] = max(newest.get(reference.name, 0), int(reference.version))
    names = {parse_reference(source).name for source in direct}
    upstream = [_upstream(t, name, number, direct=name in names) for name, number in newest.items()]
    return lineage_pillar(upstream, version.source)


def _upstream(t: Transaction, name: str, number: int, *, direct: bool) -> Upstream:
    newest = newest_version(t, name)
    held = next((one.label for one in versions_of(t, name)[:1] if one.held), "")
    health = last_health(t, name)
    return Upstream(
        label=f"{name}@{number}",
        newest=newest.label if newest else "",
        held=held,
        direct=direct,
        healthy=health.healthy if health else None,
        verdict=_reason(health.verdict) if health else "",
    )


def _reason(verdict: str) -> str:
    """What a verdict says after `flights@3 is unhealthy:`."""
    return verdict.partition(": ")[2].rstrip(".") or verdict
