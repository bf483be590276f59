"""EventBridge: rules from templates, and schedules that fire by the sandbox's clock."""

from __future__ import annotations

import json
import sys
import uuid
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from moto.events.models import Rule, events_backends
from moto.events.utils import EventTemplateParser

from darkroom.autoscaling.schedule import check_schedule, next_occurrence
from darkroom.sandbox.cloudformation.handler import HandlerRequest, Resource, ResourceHandler
from darkroom.sandbox.context import Context
from darkroom.sandbox.iam import AccessDeniedError
from darkroom.sandbox.lambda_runtime import invocations
from darkroom.sandbox.lambda_runtime.destinations import deliver_as
from darkroom.sandbox.lambda_runtime.function import require_permission
from darkroom.sandbox.lambda_runtime.lookup import find
from darkroom.sandbox.moments import datetime_of

_RESOLUTION_SECONDS = 60.0
_PRINCIPAL = "events.amazonaws.com"
_TARGET_KEYS = frozenset({"Arn", "DeadLetterConfig", "Id", "Input", "InputTransformer", "RetryPolicy"})


def install(context: Context) -> None:
    """Fire the scheduled rules of every account and region; needs the Lambda room."""
    context.every(_RESOLUTION_SECONDS, Schedules().fire)


@dataclass
class _Schedule:
    """A rule's expression, when it is due next, and its invocations that are still under way."""

    expression: str
    start: datetime
    due: datetime | None
    pending: list[Future[Any]]

    @classmethod
    def starting(cls, expression: str, start: datetime) -> _Schedule:
        """The schedule of a rule that is new at ``start``; a rate counts from there."""
        return cls(expression, start, next_occurrence(expression, start, start=start), [])

    def advance(self, now: datetime) -> None:
        """Go to the next occurrence after ``now``."""
        self.due = next_occurrence(self.expression, now, start=self.start)


class Schedules:
    """When each scheduled rule fires next."""

    def __init__(self) -> None:
        self._schedules: dict[str, _Schedule] = {}

    def fire(self, moment: float) -> None:
        """Fire what is due at ``moment`` (sandbox seconds)."""
        now = datetime_of(moment)
        rules = {rule.arn: rule for rule in _scheduled_rules()}
        self._schedules = {arn: known for arn, known in self._schedules.items() if arn in rules}
        for arn, rule in rules.items():
            schedule = self._schedules.get(arn)
            if schedule is None or schedule.expression != rule.scheduled_expression:
                self._schedules[arn] = _Schedule.starting(str(rule.scheduled_expression), now)
            elif schedule.due is not None and schedule.due <= now:
                self._fire_rule(rule, schedule, now)

    def _fire_rule(self, rule: Rule, schedule: _Schedule, now: datetime) -> None:
        # On a clock that is faster than the function, occurrences would pile up without end, each
        # to do again what the one before is still doing. One at a time keeps the order of things
        # that a slow clock has.
        schedule.pending = [future for future in schedule.pending if not future.done()]
        if not schedule.pending:
            schedule.pending = _send_to_targets(rule, now)
        schedule.advance(now)


def _scheduled_rules() -> list[Rule]:
    """The enabled rules with a schedule; they only exist on default buses."""
    return [
        rule
        for account in list(events_backends.values())
        for backend in list(account.values())
        for rule in list(backend.event_buses["default"].rules.values())
        if rule.scheduled_expression and rule.state == "ENABLED"
    ]


def _send_to_targets(rule: Rule, now: datetime) -> list[Future[Any]]:
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": rule.account_id,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": rule.region_name,
        "resources": [rule.arn],
        "detail": {},
    }
    sent = []
    for target in rule.targets:
        body = _input(target, event)
        try:
            future = _send(rule, target["Arn"], body)
        except Exception as error:
            print(f"rule {rule.name} could not invoke {target['Arn']}: {error}", file=sys.stderr)
            _bury(rule, target, body, error)
        else:
            if future is not None:
                sent.append(future)
    return sent


def _input(target: dict[str, Any], event: dict[str, Any]) -> str:
    """What a target gets: its constant input, its transformed input, or the event."""
    if "Input" in target:
        return str(target["Input"])
    transformer = target.get("InputTransformer")
    if transformer is None:
        return json.dumps(event)
    transformed = EventTemplateParser.parse(
        input_template=transformer["InputTemplate"],
        input_paths_map=transformer.get("InputPathsMap", {}),
        event=event,  # type: ignore[arg-type]
    )
    return json.dumps(transformed)


def _send(rule: Rule, target_arn: str, body: str) -> Future[Any] | None:
    if target_arn.split(":")[2] != "lambda":
        deliver_as(_PRINCIPAL, rule.arn, target_arn, body, {})
        return None
    function = find(target_arn)
    require_permission(function, _PRINCIPAL, rule.arn)
    return invocations.send_event(function, body.encode())


def _bury(rule: Rule, target: dict[str, Any], body: str, error: Exception) -> None:
    """Send what can't be delivered to the target's dead-letter queue, with EventBridge's attributes."""
    queue = target.get("DeadLetterConfig", {}).get("Arn")
    if queue:
        attributes = {
            "RULE_ARN": ("String", rule.arn),
            "TARGET_ARN": ("String", target["Arn"]),
            "ERROR_CODE": (
                "String",
                "NO_PERMISSIONS" if isinstance(error, AccessDeniedError) else "NO_RESOURCE",
            ),
            "ERROR_MESSAGE": ("String", str(error) or type(error).__name__),
        }
        try:
            deliver_as(_PRINCIPAL, rule.arn, queue, body, attributes)
        except AccessDeniedError as refused:
            # As on AWS the event is lost (InvocationsFailedToBeSentToDlq); here it is said.
            print(f"rule {rule.name}: nothing delivered to {queue}: {refused}", file=sys.stderr)


class RuleType(ResourceHandler):
    """AWS::Events::Rule on the default bus, with a schedule: no service here sends events to match."""

    type_name: ClassVar[str] = "AWS::Events::Rule"
    properties: ClassVar[frozenset[str]] = frozenset(
        {"Description", "Name", "RoleArn", "ScheduleExpression", "State", "Tags", "Targets"}
    )

    def create(self, request: HandlerRequest) -> Resource:
        return self._put(request, request.properties.get("Name") or request.default_name())

    def update(self, request: HandlerRequest) -> Resource:
        name = request.physical_id
        made = self._put(request, name)
        gone = _target_ids(request.previous_properties) - _target_ids(request.properties)
        if gone:
            request.client("events").remove_targets(Rule=name, Ids=sorted(gone))
        return made

    def delete(self, request: HandlerRequest) -> None:
        client, name = request.client("events"), request.physical_id
        targets = _target_ids(request.properties)
        if targets:
            client.remove_targets(Rule=name, Ids=sorted(targets))
        client.delete_rule(Name=name)

    @staticmethod
    def _put(request: HandlerRequest, name: str) -> Resource:
        client = request.client("events")
        given = {key: value for key, value in request.properties.items() if key not in ("Name", "Targets")}
        targets = list(request.properties.get("Targets", []))
        for target in targets:
            unknown = sorted(target.keys() - _TARGET_KEYS)
            if unknown:
                raise ValueError(
                    f"target {target['Id']} of rule {name}: {unknown} not played by the local AWS"
                )
        if "ScheduleExpression" in given:
            # A bad expression is refused now, not at the first minute.
            check_schedule(given["ScheduleExpression"])
        arn = client.put_rule(Name=name, **given)["RuleArn"]
        if targets:
            client.put_targets(Rule=name, Targets=targets)
        return Resource(name, {"Arn": arn})


def _target_ids(properties: Any) -> set[str]:
    return {target["Id"] for target in properties.get("Targets", [])}
