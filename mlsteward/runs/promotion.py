"""What follows from gates: an alias moves, or a person is asked, or nothing happens. All of it in one transaction."""

from mlsteward.errors import Refused
from mlsteward.lineage.edge import Edge, model_asset
from mlsteward.lineage.made import used_edges
from mlsteward.runs.jobs.gate import Outcome, Result
from mlsteward.store.activity import add_activity
from mlsteward.store.aliases import CHALLENGER, alias_history, alias_version, drop_alias, set_alias
from mlsteward.store.approvals import ask_approval
from mlsteward.store.deployments import deployments
from mlsteward.store.gate_results import add_gate_results
from mlsteward.store.lineage import add_edges
from mlsteward.store.models import Model, find_model, name_model
from mlsteward.store.runs import Run, update_run
from mlsteward.store.transaction import Transaction

ACTION = "promote"


def conclude(t: Transaction, run: Run, result: Result) -> None:
    """Keep what the gates found, and do what follows from it.

    Where the alias has moved since they ran nothing is promoted: they compared with another model.
    """
    add_gate_results(t, run.number, result.model, result.gates)
    judged = [result.model, *([result.champion] if result.champion else [])]
    add_edges(t, used_edges(run.number, "gate", models=judged))
    if result.dry_run:
        _keep(t, run, result, result.outcome)
    elif moved := _moved(t, result):
        _keep(t, run, result, "stale", moved)
    elif result.failing:
        _ask(t, run, result, refused=result.failing)
        _keep(t, run, result, "refused")
    elif _wants_a_person(t, result) and not _holds(t, result):
        _ask(t, run, result)
        _keep(t, run, result, "waiting")
    else:
        _promote(t, run, result)


def _wants_a_person(t: Transaction, result: Result) -> bool:
    """Whether the policy has a person allow the promotion, or the deployment that it is where endpoints follow."""
    rules, alias = result.approval, result.alias
    return rules.wants(ACTION, alias) or (rules.wants("deploy", alias) and bool(_followers(t, result)))


def _followers(t: Transaction, result: Result) -> list[str]:
    """The deployments that serve whatever the alias stands on."""
    asked = f"{result.name}@{result.alias}"
    return [one.label for one in deployments(t) if one.wanted == "running" and one.asked == asked]


def promote_granted(t: Transaction, run: Run, result: Result) -> None:
    """Promote what a person has allowed. Raises Refused where the alias has moved since the gates ran."""
    if moved := _moved(t, result):
        raise Refused(moved)
    _promote(t, run, result)


def _promote(t: Transaction, run: Run, result: Result) -> None:
    model = _version(t, run, result)
    before = alias_version(t, result.name, result.alias)
    set_alias(t, model.name, result.alias, model.version, run=run.number, actor=run.actor, reason=run.reason)
    if result.alias != CHALLENGER and alias_version(t, model.name, CHALLENGER) == model.version:
        why = f"it is {result.alias} now"
        drop_alias(t, model.name, CHALLENGER, run=run.number, actor=run.actor, reason=why)
    if before != model.version:
        add_activity(
            t,
            actor=run.actor,
            client=run.client,
            action=f"{ACTION} to {result.alias}",
            asset=model_asset(model.label),
            why=run.reason,
            run=run.number,
        )
    _keep(t, run, result.model_copy(update={"model": model.label}), "promoted")


def _version(t: Transaction, run: Run, result: Result) -> Model:
    """The model as a version of its name, which one that had none gets now."""
    model = find_model(t.whole, f"run:{result.run}")
    if model.name == result.name:
        return model
    named = name_model(t.whole, result.run, result.name)
    add_edges(t, [Edge(source=f"run:{result.run}", target=model_asset(named.label), kind="name", run=run.number)])
    return named


def _holds(t: Transaction, result: Result) -> bool:
    """Whether the alias stands on the model already."""
    standing = alias_version(t, result.name, result.alias)
    return standing is not None and result.model == f"{result.name}@{standing}"


def _moved(t: Transaction, result: Result) -> str:
    """How the alias has moved since the gates ran; "" where it has not, or where it came to this very model."""
    now = alias_version(t, result.name, result.alias)
    if now == result.standing or _holds(t, result):
        return ""
    last = alias_history(t, result.name, result.alias)[0]
    by = f" by run:{last.run}" if last.run else ""
    return f"{result.name}: {last.words}{by} while the gates of {result.model} ran or waited."


def _ask(t: Transaction, run: Run, result: Result, refused: list[str] | None = None) -> None:
    place = f" in place of {result.champion}" if result.champion else ", the first"
    served = "".join(f", and {one} serves it" for one in _followers(t, result))
    label = result.model if result.model.startswith(f"{result.name}@") else f"{result.model} as {result.name}"
    ask_approval(
        t,
        run,
        action=ACTION,
        asset=model_asset(result.model),
        subject=f"model:{result.name}@{result.alias}",
        summary=f"{label} becomes {result.alias}{place}{served}; {result.summary}.",
        refused=refused or [],
        ways=result.approval.by,
        hours=result.approval.expires_hours,
    )


def _keep(t: Transaction, run: Run, result: Result, outcome: Outcome, moved: str = "") -> None:
    """Write what became of it into the run."""
    verdict, following = _words(run, result, outcome, moved)
    update = {"outcome": outcome, "verdict": verdict, "next": following}
    update_run(t, run.number, result=result.model_copy(update=update).model_dump(mode="json"))


def _words(run: Run, result: Result, outcome: Outcome, moved: str) -> tuple[str, str]:
    """The verdict, and the call that usually follows."""
    model, alias, gates = result.model, result.alias, result.summary if result.gates else "no gate guards it"
    page = f'read_page(uri="mlsteward://runs/{run.number}")'
    again = f'promote_model(model="{model}", alias="{alias}", reason="…")'
    refused = ", ".join(result.failing)
    stays = f"{alias} stays {result.champion}" if result.champion else f"{result.name} has no {alias}"
    deploy = f'deploy_model(model="{result.name}@{alias}")'
    if result.held and outcome in ("passed", "promoted"):
        return f"{model} is {alias} already: no gate was asked, and nothing changed.", deploy
    if outcome == "promoted":
        before = f" (before: {result.champion})" if result.champion and result.champion != model else ""
        despite = f", allowed by a person despite {refused}" if result.failing else ""
        return f"{model} is {alias} now{before}: {gates}{despite}.", deploy
    if outcome == "waiting":
        return f"{model} may become {alias}, and waits for a person's approval: {gates}.", run.wait_on
    if outcome == "stale":
        return f"{model} is not promoted: {moved} Ask again, and it is compared with that one.", again
    if outcome == "passed":
        return f"{model} would pass for {alias} (dry run, nothing changed): {gates}.", again
    would = "would be refused" if result.dry_run else "is not promoted"
    verb = "refuses" if len(result.failing) == 1 else "refuse"
    return f"{model} {would} as {alias}: {refused} {verb} ({gates}); {stays}.", page
