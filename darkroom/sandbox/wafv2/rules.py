"""The statements of a web ACL's rules that the sandbox plays, or knows that it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_WINDOW_SECONDS = 300
_WINDOWS = (60, 120, 300, 600)
_LEAST_LIMIT, _MOST_LIMIT = 10, 2_000_000_000


@dataclass(frozen=True)
class RateRule:
    """Requests of one address within a window, above which it is blocked.

    https://docs.aws.amazon.com/waf/latest/APIReference/API_RateBasedStatement.html
    """

    name: str
    metric: str
    limit: int
    window_seconds: int


def rate_rule(rule: Mapping[str, Any]) -> RateRule | None:
    """The rate rule in a rule as the API has it; None for a group of AWS's managed rules, which are private.

    Raises:
        ValueError: a statement or an action that the sandbox does not play, or that WAF would refuse.
    """
    name, statement = str(rule["Name"]), rule["Statement"]
    (kind,) = statement
    if kind == "ManagedRuleGroupStatement":
        if statement[kind]["VendorName"] != "AWS":
            raise ValueError(f"rule {name}: the local AWS has no rule groups of the AWS Marketplace")
        return None
    if kind != "RateBasedStatement":
        raise ValueError(
            f"rule {name}: the local AWS does not play {kind}, but rates and AWS's own rule groups"
        )
    rate = statement[kind]
    unknown = sorted(rate.keys() - {"AggregateKeyType", "EvaluationWindowSec", "Limit"})
    if unknown or rate["AggregateKeyType"] != "IP":
        raise ValueError(f"rule {name}: the local AWS counts by address alone (AggregateKeyType IP)")
    if list(rule.get("Action") or {}) != ["Block"] or rule["Action"]["Block"]:
        raise ValueError(f"rule {name}: the local AWS plays a rate rule's plain Block and no other action")
    limit = int(rate["Limit"])
    window = int(rate.get("EvaluationWindowSec", DEFAULT_WINDOW_SECONDS))
    if not _LEAST_LIMIT <= limit <= _MOST_LIMIT or window not in _WINDOWS:
        raise ValueError(
            f"rule {name}: a limit is {_LEAST_LIMIT} to {_MOST_LIMIT}, a window one of {_WINDOWS} seconds; "
            f"not {limit} in {window}"
        )
    return RateRule(name, str(rule["VisibilityConfig"]["MetricName"]), limit, window)
