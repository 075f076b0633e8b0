"""Starting the server on stdio and over HTTP."""

import gc
import logging
import sys
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler

import anyio

from mlsteward.config import Settings
from mlsteward.server.app import Steward
from mlsteward.workspace import Workspace

logger = logging.getLogger("mlsteward.server")


def start_logging(workspace: Workspace) -> None:
    """Log to stderr and to the workspace, never to stdout: that is the protocol's."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    problem = ""
    try:
        workspace.log_file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(RotatingFileHandler(workspace.log_file, maxBytes=5_000_000, backupCount=3, delay=True))
    except OSError as error:
        problem = f"no log in the workspace: {error}"
    logging.basicConfig(
        level=workspace.settings.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=handlers,
    )
    if problem:
        logger.warning(problem)


def take_over(workspace: Workspace) -> None:
    """Do what a server that ended left undone: send what waits, where the operator named somewhere to send it to, and
    serve what is deployed."""
    workspace.look_after_endpoints()
    if workspace.settings.alert_webhook.get_secret_value() or workspace.settings.alert_command:
        workspace.alerts.wake()
    if workspace.settings.sends_lineage:
        workspace.lineage.wake()


def serve_stdio(settings: Settings) -> int:
    workspace = Workspace(settings)
    start_logging(workspace)
    server = Steward(workspace)
    take_over(workspace)
    gc.freeze()
    gc.enable()
    try:
        anyio.run(server.run_stdio_async)
    except KeyboardInterrupt:
        return 130
    finally:
        workspace.close()
    return 0


def serve_http(settings: Settings, *, host: str, port: int, allowed_hosts: Sequence[str]) -> int:
    import uvicorn

    from mlsteward.runs.schedule import Schedule
    from mlsteward.server.http import http_app

    workspace = Workspace(settings)
    start_logging(workspace)
    take_over(workspace)
    schedule = Schedule(workspace)
    try:
        app = http_app(Steward(workspace), host=host, allowed_hosts=allowed_hosts)
        if not settings.read_only:
            schedule.wake()
        config = uvicorn.Config(app, host=host, port=port, log_config=None, timeout_graceful_shutdown=5)
        uvicorn.Server(config).run()
    except KeyboardInterrupt:
        return 130
    finally:
        schedule.close()
        workspace.close()
    return 0
