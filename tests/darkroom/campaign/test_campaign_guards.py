"""The sections that guard a campaign: who may ask, what is not drawn, what it may cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from darkroom.campaign import Problem, Sources, load_campaigns

POOL = "arn:aws:cognito-idp:us-west-2:111122223333:userpool/us-west-2_AbCdEfGhI"


def test_guards_are_read(sources: Sources, write: Callable[..., Path]) -> None:
    write(
        api={
            "authorizer": "jwt",
            "jwt": {"user_pool": POOL, "scopes": ["images/draw"]},
            "firewall": {"enabled": False},
        },
        network="isolated",
        moderation={
            "blocked_words": ["badword"],
            "blocked_patterns": [r"\bfree\s+money\b"],
            "guardrail": {"id": "gr0a1b2c3d4e", "version": "1"},
            "pictures": {"minimum_confidence": 60, "labels": ["Violence"]},
        },
        budget={"monthly": 500, "alerts": [80]},
    )
    [campaign] = load_campaigns(sources)
    assert campaign.file.api.jwt is not None
    assert campaign.file.api.jwt.user_pool == POOL
    assert not campaign.file.api.firewall.enabled
    assert campaign.file.network == "isolated"
    assert campaign.file.moderation is not None
    assert campaign.file.moderation.blocked_words == ("badword",)
    assert campaign.file.budget is not None
    assert campaign.file.budget.alerts == (80,)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"api": {"authorizer": "jwt"}}, "api.jwt"),
        ({"api": {"authorizer": "iam", "jwt": {"user_pool": POOL}}}, "api.jwt"),
        ({"api": {"authorizer": "jwt", "jwt": {"user_pool": "us-west-2_AbC"}}}, "api.jwt.user_pool"),
        ({"api": {"authorizer": "iam", "quota_per_day": 5}}, "api.quota_per_day"),
        ({"api": {"firewall": {"requests_per_address": 9}}}, "api.firewall.requests_per_address"),
        ({"network": "private"}, "network"),
        ({"network": "isolated", "build": {}}, "build.image"),
        ({"moderation": {"blocked_patterns": ["(open"]}}, "moderation.blocked_patterns[0]"),
        ({"moderation": {"guardrail": {"id": "GR", "version": "1"}}}, "moderation.guardrail.id"),
        ({"moderation": {"guardrail": {"id": "gr1", "version": "v1"}}}, "moderation.guardrail.version"),
        ({"moderation": {"pictures": {"minimum_confidence": 101}}}, "moderation.pictures.minimum_confidence"),
        ({"budget": {"monthly": 0}}, "budget.monthly"),
        ({"budget": {"monthly": 10, "alerts": []}}, "budget.alerts"),
    ],
)
def test_a_wrong_guard_is_refused_at_its_field(
    write: Callable[..., Path], problems: Callable[[], dict[str, Problem]], changes: dict[str, Any], path: str
) -> None:
    write(**changes)
    found = problems()
    assert list(found) == [path]
    assert found[path].rule
    assert found[path].expected
