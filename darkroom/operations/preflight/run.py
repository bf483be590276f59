"""All checks at once; one that can't look says so and stops no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import botocore.exceptions

from darkroom.operations.preflight import access, account, model, money, names, quotas
from darkroom.operations.preflight.finding import Check, Finding, State, problem, warning
from darkroom.operations.preflight.situation import Situation

CHECKS: Mapping[str, Check] = {
    "credentials": account.credentials,
    "bootstrap": account.bootstrap,
    "API log role": account.api_log_role,
    "endpoint instances": quotas.endpoint_instances,
    "function concurrency": quotas.function_concurrency,
    "network": quotas.network,
    "image": model.image,
    "bundle": model.bundle,
    "stacks": names.stacks,
    "names": names.names,
    "kept data": names.kept,
    "guardrail": access.guardrail,
    "user pool": access.user_pool,
    "budget": money.budget,
    "notifications": money.notifications,
    "cost tag": account.cost_tag,
}

_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")


def preflight(situation: Situation, checks: Mapping[str, Check] = CHECKS) -> list[Finding]:
    """What every check found, in the order of the checks."""
    with ThreadPoolExecutor(len(checks)) as pool:
        found = pool.map(lambda check: _found(check[0], check[1], situation), checks.items())
        return [finding for findings in found for finding in findings]


def stops(findings: Sequence[Finding]) -> bool:
    """Whether the deployment should not begin."""
    return any(finding.state is State.PROBLEM for finding in findings)


def _found(name: str, check: Check, situation: Situation) -> list[Finding]:
    try:
        return list(check(situation))
    except botocore.exceptions.ClientError as error:
        said = error.response["Error"]
        if said["Code"] in _DENIED:
            do = f"Look by hand, or allow {error.operation_name}: {said['Message']}"
            return [warning(name, "not looked at: these credentials may not", do)]
        return [warning(name, f"not looked at: {said['Message']}", f"Look by hand ({error.operation_name}).")]
    except botocore.exceptions.BotoCoreError as error:
        return [problem(name, f"not looked at: {error}", "Set credentials, region and a way to AWS.")]
