"""The kill switch: stop accepting, drain, go to zero, keep the queue; and back.

Every step may be interrupted, and either command may be given again at any time: what a step changes is
written into the control row first, and each step looks at how things are, not at what ran before. Accepting
stops first and begins again last. Alarms hear of it by the metric Paused, which reconciliation publishes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from darkroom.operations.control_row import Control, ControlRow
from darkroom.operations.deployed_campaign import DeployedCampaign
from darkroom.operations.open_jobs import OpenJobs, count_open_jobs
from darkroom.operations.scaling_bounds import Bounds, ScalableTarget, as_if_never_paused
from darkroom.operations.service_clock import service_now

ACCEPTED_LATE_SECONDS = 35.0
"""A function goes by what it read for 5 s, and the front-end may then run for 28 s."""

_LOOK_SECONDS = 5.0

Say = Callable[[str], None]


class PauseError(RuntimeError):
    """AWS refused a step; the text says which, and that the command may be given again."""


class ResumedMeanwhileError(RuntimeError):
    """Somebody resumed the campaign while this command waited for it to drain."""


@dataclass(frozen=True)
class _Services:
    campaign: DeployedCampaign
    control: ControlRow
    target: ScalableTarget
    dynamodb: Any
    functions: Any

    @property
    def floor(self) -> int:
        """The fewest instances that SageMaker allows: a realtime endpoint has one."""
        return 1 if self.campaign.is_realtime else 0


def _services(campaign: DeployedCampaign) -> _Services:
    dynamodb = campaign.session.client("dynamodb")
    return _Services(
        campaign=campaign,
        control=ControlRow(dynamodb, campaign.jobs_table),
        target=ScalableTarget(campaign.session.client("application-autoscaling"), campaign.name),
        dynamodb=dynamodb,
        functions=campaign.session.client("lambda"),
    )


def pause(campaign: DeployedCampaign, say: Say, *, at_once: bool = False) -> OpenJobs:
    """Stop accepting, let the endpoint draw what waits, and go to the fewest instances.

    Args:
        at_once: don't wait: what waits is kept and drawn after the pause.

    Returns:
        The jobs that are still open.

    Raises:
        PauseError: AWS refused a step.
        ResumedMeanwhileError: see there.
    """
    services = _services(campaign)
    with _told("pause", campaign.name):
        services.control.begin_pause()
        say("New requests are refused with 503 from now on; pictures that are there are served.")
        if not at_once:
            _wait_until_drained(services, say)
        _stop_drawing(services, say)
        return count_open_jobs(services.dynamodb, campaign.jobs_table)


def resume(campaign: DeployedCampaign, say: Say) -> Control:
    """Restore scaling, then accept again; what was held is drawn again within minutes.

    Returns:
        The control row as it was found; without ``paused_at`` there was no pause.

    Raises:
        PauseError: AWS refused a step.
    """
    services = _services(campaign)
    with _told("resume", campaign.name):
        found = services.control.read()
        _restore_scaling(services, found, say)
        if campaign.drawings_mapping is not None:
            _set_drawing(services, enabled=True)
        services.control.end_pause()
        say("Requests are accepted again.")
        return found


def _wait_until_drained(services: _Services, say: Say) -> None:
    told = None
    while True:
        control = services.control.read()
        if control.paused_at is None:
            raise ResumedMeanwhileError(
                f"{services.campaign.name} was resumed while it drained: it runs, and scales as before"
            )
        open_jobs = count_open_jobs(services.dynamodb, services.campaign.jobs_table)
        settled = time.time() - control.paused_at >= ACCEPTED_LATE_SECONDS
        if settled and not open_jobs.under_way:
            return
        if open_jobs.under_way != told:
            told = open_jobs.under_way
            say(f"{told} under way. (Ctrl-C leaves it draining; with --now nobody waits for them.)")
        time.sleep(_LOOK_SECONDS)


def _stop_drawing(services: _Services, say: Say) -> None:
    if services.campaign.drawings_mapping is not None:
        _set_drawing(services, enabled=False)
    now = service_now(services.campaign.session)
    bounds = services.target.bounds(now)
    if bounds is None:
        say("There is no endpoint to scale: none was built yet.")
        return
    known = services.control.read().bounds
    if known is None or not bounds.is_closed_at(services.floor):
        # Not closed though saved before: this command was interrupted, or a deployment has set new bounds
        # since, and those are the ones to come back to. The suspensions are the pause's own by then.
        suspended = bounds.suspended if known is None else known["suspended"]
        saved = Bounds(bounds.minimum, bounds.maximum, suspended, now)
        services.control.save_bounds(saved.as_json())
    services.target.close(services.floor)
    kept = "one instance, the least of a realtime endpoint" if services.floor else "no instance"
    say(f"The endpoint goes to {kept}; neither policies nor the schedule change that.")


def _restore_scaling(services: _Services, found: Control, say: Say) -> None:
    if found.bounds is None:
        return
    saved = Bounds(**found.bounds)
    now = service_now(services.campaign.session)
    bounds = services.target.bounds(now)
    if bounds is None:
        return
    if bounds.is_closed_at(services.floor):
        restored = as_if_never_paused(saved, services.target.scheduled_actions(), now)
    else:
        # A deployment has set other bounds since, or this command was interrupted after this step.
        restored = Bounds(bounds.minimum, bounds.maximum, saved.suspended, now)
    services.target.restore(restored)
    say(f"The endpoint scales between {restored.minimum} and {restored.maximum} instances again.")


def _set_drawing(services: _Services, *, enabled: bool) -> None:
    """Let the queue of a realtime campaign be read, or not. A change under way must end before another."""
    mapping = services.campaign.drawings_mapping
    for _ in range(60):
        state = services.functions.get_event_source_mapping(UUID=mapping)["State"]
        if state == ("Enabled" if enabled else "Disabled"):
            return
        if state in ("Enabled", "Disabled"):
            services.functions.update_event_source_mapping(UUID=mapping, Enabled=enabled)
            return
        time.sleep(1)
    raise PauseError(f"the event source mapping {mapping} stays {state}: try again in a minute")


@contextmanager
def _told(command: str, campaign: str) -> Iterator[None]:
    """Turn AWS's refusals into PauseError, with what to do."""
    again = f"`darkroom {command} {campaign}`"
    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        raise PauseError(
            f"{error.operation_name} answered {code}: {message}. Nothing is lost: mend that and give "
            f"{again} again, which goes on where this stopped."
        ) from error
    except BotoCoreError as error:
        raise PauseError(f"{error}. Give {again} again: it goes on where this stopped.") from error
