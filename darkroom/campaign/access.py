"""The HTTP API: its limits, who may ask, and what stands before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from darkroom.campaign.fields import UserPool
from darkroom.campaign.problem import MISSING, Problem
from darkroom.campaign.section import Section

Authorizer = Literal["api-key", "iam", "jwt"]


class Jwt(Section):
    """Tokens that are accepted: those of a Cognito user pool, which may federate any OpenID issuer."""

    user_pool: UserPool
    """The user pool's ARN. REST APIs verify tokens of user pools themselves, with no function of ours."""
    scopes: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = Field(default=(), strict=False)
    """OAuth scopes of which an access token needs one. Default: an identity token of the pool will do."""


class Firewall(Section):
    """AWS WAF before the API: a rate rule and AWS's managed rules. A web ACL costs by the month."""

    enabled: bool = True
    """false: no web ACL; the API is throttled and its callers authorized all the same."""
    requests_per_address: Annotated[int, Field(ge=10, le=2_000_000_000)] | None = None
    """Requests in five minutes that one address may make before it is blocked. Default: what
    api.requests_per_second and api.burst allow in that time, at least 2000, so that one busy caller is not
    blocked."""


class Api(Section):
    """The HTTP API's limits. They hold for the stage and for the campaign's API key."""

    requests_per_second: Annotated[float, Field(gt=0, le=10_000)] = 50
    """Steady rate; above it the answer is 429. An account has 10,000 a region by default."""
    burst: Annotated[int, Field(ge=1, le=5_000)] = 100
    """Requests that may come at once."""
    quota_per_day: Annotated[int, Field(ge=1)] | None = None
    """Requests that the key may make a day. Default: no quota."""
    access_logs: bool = False
    """Access logs need API Gateway's log role, a setting of the whole region that must be there already."""
    authorizer: Authorizer = "api-key"
    """Who may ask: holders of an API key; iam, callers whose AWS identity may invoke the API (SigV4); jwt,
    holders of a token of a Cognito user pool."""
    jwt: Jwt | None = None
    """The user pool, with authorizer: jwt."""
    firewall: Firewall = Firewall()
    """The web ACL before the API."""


def access_problems(api: Api) -> Iterator[Problem]:
    """The authorizer has what it needs, and nothing is given that it would not use."""
    if api.authorizer == "jwt" and api.jwt is None:
        rule = "authorizer: jwt needs to know whose tokens to accept"
        expected = "user_pool: arn:aws:cognito-idp:REGION:ACCOUNT:userpool/ID"
        yield Problem(
            ("api", "jwt"), MISSING, rule, expected, involves=(("api", "authorizer"), ("api", "jwt"))
        )
    if api.authorizer != "jwt" and api.jwt is not None:
        yield Problem(
            ("api", "jwt"),
            MISSING,
            f"nothing looks at tokens with authorizer: {api.authorizer}",
            "authorizer: jwt, or no jwt section",
            involves=(("api", "authorizer"),),
        )
    if api.authorizer != "api-key" and api.quota_per_day is not None:
        yield Problem(
            ("api", "quota_per_day"),
            api.quota_per_day,
            f"a quota is counted by API key, and authorizer: {api.authorizer} has none",
            "authorizer: api-key, or no quota",
            involves=(("api", "authorizer"),),
        )
