"""The work behind `check_deployment`: new rows become windows, and windows are judged."""

from mlsteward.monitoring.deployment_report import DeploymentReport
from mlsteward.record import Record


class Result(Record):
    """`verdict` and `next` are what `get_run` says of the run; `report.health` is the verdict in a word.

    `report.failing` names the checks that raise an alert on the deployment, `report.notices` those worth a look.
    """

    verdict: str
    next: str
    report: DeploymentReport
