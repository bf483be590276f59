"""Names that the deployment would take: free, or the campaign's own already; and what was kept under them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import botocore.exceptions

from darkroom.deployed import Stack, find_stack
from darkroom.operations.endpoint import find_endpoint
from darkroom.operations.kept import find_kept
from darkroom.operations.preflight.finding import Finding, ok, problem, warning
from darkroom.operations.preflight.situation import Situation
from darkroom.operations.tags import CAMPAIGN

# A stack in one of these is changed by no deployment.
_STUCK = {
    "ROLLBACK_COMPLETE": ("its creation failed", "Delete it: `cdk destroy`."),
    "ROLLBACK_FAILED": ("its creation could not be taken back", "Delete it: `cdk destroy`."),
    "DELETE_FAILED": ("its deletion failed", "Mend what its events say, then `cdk destroy` again."),
    "UPDATE_ROLLBACK_FAILED": (
        "an update could not be taken back",
        "Mend what its events say, then `aws cloudformation continue-update-rollback`.",
    ),
    "IMPORT_ROLLBACK_FAILED": ("an import could not be taken back", "Mend what its events say."),
}


def stacks(situation: Situation) -> Iterator[Finding]:
    """The stacks are not there, or are this campaign's and can be updated."""
    cloudformation = situation.client("cloudformation")
    found = {name: find_stack(name, cloudformation) for name in situation.templates}
    for name, stack in found.items():
        if stack is not None:
            yield from _usable(situation, name, stack)
    if not any(found.values()):
        yield ok("stacks", "none is there: a first deployment")


def _usable(situation: Situation, name: str, stack: Stack) -> Iterator[Finding]:
    status = stack.status
    if not _is_own(situation, stack):
        yield problem(
            f"stack {name}",
            "it is there and not this campaign's",
            "Name the campaign otherwise, or delete that stack if nobody needs it.",
        )
    elif status in _STUCK:
        happened, do = _STUCK[status]
        yield problem(f"stack {name}", f"{status}: {happened}", do)
    elif stack.is_changing and status != "REVIEW_IN_PROGRESS":
        yield problem(f"stack {name}", status, "Somebody is at it: wait until it is done.")
    else:
        yield ok(f"stack {name}", status)


def _is_own(situation: Situation, stack: Stack) -> bool:
    """By the description of the campaign's stacks, and the tag of one that `darkroom adopt` made."""
    name = situation.campaign.name
    return stack.description.startswith(f"Campaign {name}:") or stack.tags.get(CAMPAIGN) == name


def names(situation: Situation) -> Iterator[Finding]:
    """What has its name in the template does not exist outside of the campaign's stacks."""
    free, cloudformation = 0, situation.client("cloudformation")
    deployed = {stack for stack in situation.templates if find_stack(stack, cloudformation) is not None}
    for type_name, (path, exists) in _NAMED.items():
        for stack, properties in situation.resources(type_name):
            name = situation.text(_at(properties, path))
            if name is None or stack in deployed:
                continue
            if exists(situation, name):
                yield problem(
                    f"{type_name.rsplit('::', 1)[-1].lower()} {name}",
                    f"it is there already, and {stack} would make it",
                    "Delete it if it is a left-over, or name the campaign otherwise.",
                )
            else:
                free += 1
    yield ok("names", f"{free} names that a first deployment takes are free")


def kept(situation: Situation) -> Iterator[Finding]:
    """What an earlier deployment kept is adopted, or nothing was."""
    name = situation.campaign.name
    generations = find_kept(name, situation.session)
    for generation in generations:
        choice = f" --key {generation.key}" if len(generations) > 1 else ""
        yield warning(
            "kept data",
            f"an earlier deployment kept {generation}",
            f"Run `darkroom adopt {name}{choice}` first; a deployment without it makes new ones.",
        )
    if not generations:
        yield ok("kept data", "no earlier deployment kept anything that is not in a stack")


def _at(properties: Mapping[str, Any], path: str) -> Any:
    """The property at a path such as ``Budget.BudgetName``; None where there is none."""
    value: Any = properties
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _listed(
    service: str, operation: str, argument: str, answer: str, key: str
) -> Callable[[Situation, str], bool]:
    """Whether a call that lists by prefix lists exactly the name."""

    def exists(situation: Situation, name: str) -> bool:
        found = getattr(situation.client(service), operation)(**{argument: name})[answer]
        return any(one[key] == name for one in found)

    return exists


def _endpoint(situation: Situation, name: str) -> bool:
    return find_endpoint(name, situation.client("sagemaker")) is not None


def _alarm(situation: Situation, name: str) -> bool:
    return bool(situation.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"])


def _parameter(situation: Situation, name: str) -> bool:
    return bool(situation.client("ssm").get_parameters(Names=[name])["Parameters"])


def _budget(situation: Situation, name: str) -> bool:
    budgets = situation.session.client("budgets", region_name="us-east-1")
    try:
        budgets.describe_budget(AccountId=situation.campaign.file.environment.account, BudgetName=name)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        return False
    return True


_NAMED: dict[str, tuple[str, Callable[[Situation, str], bool]]] = {
    "AWS::SageMaker::Endpoint": ("EndpointName", _endpoint),
    "AWS::Logs::LogGroup": (
        "LogGroupName",
        _listed("logs", "describe_log_groups", "logGroupNamePrefix", "logGroups", "logGroupName"),
    ),
    "AWS::CloudWatch::Dashboard": (
        "DashboardName",
        _listed("cloudwatch", "list_dashboards", "DashboardNamePrefix", "DashboardEntries", "DashboardName"),
    ),
    "AWS::CloudWatch::Alarm": ("AlarmName", _alarm),
    "AWS::SSM::Parameter": ("Name", _parameter),
    "AWS::Budgets::Budget": ("Budget.BudgetName", _budget),
}
