"""The quality pillar: what the contract's checks found; without a contract, what plain facts there are."""

from collections.abc import Sequence

from mlsteward.answer import counted
from mlsteward.contracts.check import CheckResult
from mlsteward.data.profile import TableProfile
from mlsteward.health.pillars import FRESHNESS, Breach, PillarReport, state_of

_MOST = 3


def quality_pillar(results: Sequence[CheckResult]) -> PillarReport:
    """The pillar of a dataset with a contract."""
    failed = sorted((one for one in results if not one.passed), key=lambda one: one.severity != "error")
    skipped = sum(one.skipped for one in results)
    unsure = f", {skipped} of them without enough history" if skipped else ""
    if not failed:
        words = f"all {counted(len(results), 'check')} of the contract pass{unsure}"
        return PillarReport(pillar="quality", state="ok", words=words)
    # What failed is recorded check by check, so it is no breach of the pillar itself.
    severities = [Breach(check=one.check, severity=one.severity, words=one.words) for one in failed]
    named = "; ".join(one.words for one in failed[:_MOST])
    more = f"; {len(failed) - _MOST} more" if len(failed) > _MOST else ""
    words = f"{len(failed)} of {counted(len(results), 'check')} failed: {named}{more}"
    return PillarReport(
        pillar="quality",
        state=state_of(severities),
        words=words,
        columns=[one.column for one in failed[:_MOST] if one.column],
    )


def facts_pillar(profile: TableProfile, name: str) -> PillarReport:
    """The pillar of a dataset without a contract: nothing is judged, the facts are shown."""
    columns = profile.columns
    empty = [column.name for column in columns if column.rows and column.nulls == column.rows]
    nulls = max((column for column in columns if column.name not in empty), key=lambda one: one.nulls, default=None)
    facts = [f"{counted(profile.rows, 'row')}, {counted(len(columns), 'column')}"]
    if nulls and nulls.nulls:
        some = sum(column.nulls > 0 for column in columns)
        share = f"{nulls.nulls / max(nulls.rows, 1):.1%}"
        facts.append(f"{counted(some, 'column has', 'columns have')} nulls ({nulls.name} {share})")
    if empty:
        facts.append(f"nothing in {', '.join(empty[:_MOST])}")
    words = f"no contract says what is right; {'; '.join(facts)}"
    return PillarReport(
        pillar="quality",
        state="no contract",
        words=words,
        next=f'set_contract(dataset="{name}")',
        columns=[*([nulls.name] if nulls and nulls.nulls else []), *empty[:_MOST]],
    )


def stated_freshness(learned: PillarReport, results: Sequence[CheckResult]) -> PillarReport | None:
    """Freshness as the contract states it, in place of what was learned from history; None where it states nothing."""
    stated = [one for one in results if one.type == "freshness"]
    if not stated:
        return None
    # What is late was recorded check by check; rows of the future are no matter of age.
    others = [breach for breach in learned.breaches if breach.check != FRESHNESS]
    late = [Breach(check=one.check, severity=one.severity, words=one.words) for one in stated if not one.passed]
    words = "; ".join([*(one.words for one in stated), *(breach.words for breach in others)])
    return learned.model_copy(
        update={
            "state": state_of([*late, *others]),
            "words": f"by contract: {words}",
            "breaches": others,
            "passed": [] if late else [FRESHNESS],
        }
    )
