"""The sandbox's process: one local AWS on one port, until it is told to stop."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import create_backend_app

from darkroom.sandbox import (
    admin,
    api_gateway,
    application_autoscaling,
    bedrock,
    budgets,
    cloudformation,
    cloudwatch,
    ecr,
    eventbridge,
    iam,
    lambda_runtime,
    logs,
    network,
    own_folder,
    rekognition,
    s3,
    sagemaker,
    service_quotas,
    sns,
    step_functions,
    wafv2,
    xray,
)
from darkroom.sandbox.aws_errors import Aws, service_of, with_clear_errors
from darkroom.sandbox.clock import Clock
from darkroom.sandbox.context import Context, Settings
from darkroom.sandbox.context import install as install_context
from darkroom.sandbox.front_door import with_faults
from darkroom.sandbox.http_server import SandboxHttpServer
from darkroom.sandbox.iam.front_door import held_to_policies
from darkroom.sandbox.iam.vpc_endpoints import held_to_endpoint_policies
from darkroom.sandbox.processes import raise_open_file_limit

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

_ROOMS = (
    iam,
    s3,
    network,
    logs,
    xray,
    lambda_runtime,
    wafv2,
    api_gateway,
    eventbridge,
    sns,
    sagemaker,
    step_functions,
    bedrock,
    rekognition,
    budgets,
    ecr,
    service_quotas,
    # After the rooms that emit metrics, and schedules before alarms: the order of their ticks.
    application_autoscaling,
    cloudwatch,
    cloudformation,
    admin,
)
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SIGNAL_SECONDS = 0.1


def serve(
    *,
    port: int,
    speed: float = 1.0,
    instance_start_seconds: float = 60.0,
    verbose: bool = False,
    state: Path | None = None,
) -> int:
    """Run the local AWS in the foreground until SIGINT, SIGTERM or SIGHUP; return the exit status.

    Args:
        port: the port to listen on, on localhost.
        speed: sandbox seconds a wall second.
        instance_start_seconds: see :class:`~darkroom.sandbox.context.Settings`.
        verbose: log what functions and model workers print.
        state: an empty folder for this run, removed at the end; a temporary one by default.
    """
    raise_open_file_limit()
    _forget_the_users_account()
    own_folder.remove_orphans()
    folder = state or own_folder.make()
    settings = Settings(port, folder, instance_start_seconds=instance_start_seconds, verbose=verbose)
    context = Context(settings, clock=Clock(speed))
    asked_to_stop: list[int] = []
    for number in _STOP_SIGNALS:
        # Not an event: a handler that takes the lock which the code it interrupts holds never ends.
        signal.signal(number, lambda received, _frame: asked_to_stop.append(received))
    try:
        return _run(context, asked_to_stop)
    finally:
        # A second Ctrl-C must not interrupt the clean-up.
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        stop(context)


def _run(context: Context, asked_to_stop: list[int]) -> int:
    try:
        server = start(context)
    except OSError as error:
        print(f"can't listen on port {context.settings.port}: {error.strerror}", file=sys.stderr)
        return 1
    print(_exports(context), flush=True)
    while not asked_to_stop:
        time.sleep(_SIGNAL_SECONDS)
    server.shutdown()
    server.server_close()
    return 0


def start(context: Context) -> SandboxHttpServer:
    """Install every room in ``context`` and serve it.

    Raises:
        OSError: the port is taken.
    """
    install_context(context)
    for room in _ROOMS:
        room.install(context)
    app = application(context)
    network.route_to(with_clear_errors(held_to_endpoint_policies(app, iam.running())))
    server = SandboxHttpServer(context.settings.port, app)
    server.start()
    threading.Thread(target=context.run_ticks, name="ticks", daemon=True).start()
    return server


def stop(context: Context) -> None:
    """End all that runs in ``context`` and remove its state folder."""
    context.stopping.set()
    for call in reversed(context.on_stop):
        try:
            call()
        except Exception as error:
            print(f"while stopping: {type(error).__name__}: {error}", file=sys.stderr)
    context.processes.kill_all()
    shutil.rmtree(context.settings.state, ignore_errors=True)


def application(context: Context) -> WsgiApp:
    """The WSGI app of the one port: the rooms' mounts, and AWS's API by moto for the rest."""
    moto = with_clear_errors(held_to_policies(Aws(create_backend_app), iam.running()))
    table_lock = threading.Lock()

    def aws(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if service_of(environ) != "dynamodb":
            return moto(environ, start_response)
        # DynamoDB's writes are atomic and their conditions are checked with them; moto looks
        # first and writes then, which two threads can interleave.
        with table_lock:
            return moto(environ, start_response)

    behind_the_door = with_faults(context, aws)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        mount = max((prefix for prefix in context.mounts if path.startswith(prefix)), key=len, default=None)
        return (behind_the_door if mount is None else context.mounts[mount])(environ, start_response)

    return app


def _forget_the_users_account() -> None:
    """Nothing of the user's AWS configuration may reach into the sandbox, nor the other way round."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    # Templates attach AWS's managed policies to roles; moto has them and leaves them out by default.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"


def _exports(context: Context) -> str:
    return "\n".join(
        (
            f"The local AWS is up at {context.settings.url}. In another terminal:",
            "",
            f"  export AWS_ENDPOINT_URL={context.settings.url}",
            "  export AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox",
            # The CDK CLI reads the first, boto3 and the AWS CLI the second.
            "  export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1",
            "",
            "Ctrl-C stops it; nothing is kept.",
        )
    )
