"""A campaign's API keys: made, rotated, revoked and listed, on its usage plan.

A key's value is shown once, to who made it, and never logged. Keys are named ``CAMPAIGN.NAME`` and tagged
with the campaign; the stack ends them when they are due and when it is destroyed (stacks/api_keys.py). The
first key, which came with the deployment, is called ``default``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError

from darkroom.api_access import DEFAULT_KEY, REVOKE_AFTER, key_name
from darkroom.deployed import stack_outputs
from darkroom.operations.tags import CAMPAIGN

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


class ApiKeyError(Exception):
    """A key that can't be made or found; the text says what would be right."""


@dataclass(frozen=True)
class ApiKey:
    """One API key.

    Attributes:
        revoke_after: when it stops to be valid, once it was rotated.
        value: the secret; known only of a key that was just made.
    """

    id: str
    name: str
    enabled: bool
    created: datetime
    revoke_after: datetime | None = None
    value: str | None = field(default=None, repr=False)


class ApiKeys:
    """The keys of a deployed campaign.

    Args:
        campaign: the campaign's name.
        session: a boto3 session; the environment's by default.

    Raises:
        NotDeployedError: there is no stack of it where the session looks.
        ApiKeyError: its callers are not known by API keys.
    """

    def __init__(self, campaign: str, session: Any = None) -> None:
        session = session or boto3.Session()
        outputs = stack_outputs(f"{campaign}-api", session)
        if "ApiUsagePlanId" not in outputs:
            raise ApiKeyError(
                f"{campaign} has authorizer: {outputs.get('ApiAuthorizer', 'unknown')}, which needs no keys; "
                "campaigns with authorizer: api-key do"
            )
        self._campaign = campaign
        self._plan, self._own = outputs["ApiUsagePlanId"], outputs["ApiKeyId"]
        self._client = session.client("apigateway")

    def listed(self) -> list[ApiKey]:
        """Every key of the usage plan, the stack's own first, then the oldest; without their values."""
        return sorted(self._keys(), key=lambda key: (key.id != self._own, key.created, key.id))

    def create(self, name: str) -> ApiKey:
        """Make a key that is valid at once.

        Raises:
            ApiKeyError: ``name`` is no name, or has a valid key already.
        """
        if not _NAME.fullmatch(name):
            raise ApiKeyError(
                f"{name!r} is no name for a key: give 1 to 63 letters, digits, hyphens and underscores"
            )
        if self._valid(name):
            raise ApiKeyError(f"{self._campaign} has a key {name} already: rotate it, or choose another name")
        return self._make(name)

    def rotate(self, name: str, grace: timedelta) -> tuple[ApiKey, list[ApiKey]]:
        """Make a new key of a name; those that it had stay valid for ``grace`` and are revoked then.

        Returns:
            The new key, and the old ones.

        Raises:
            ApiKeyError: no valid key has the name, or ``grace`` is negative.
        """
        if grace < timedelta(0):
            raise ApiKeyError("a grace is not negative: give 24h, or 0s to revoke the old key at once")
        old = self._require(name)
        # The new one first: if anything fails in between, the old one goes on.
        made = self._make(name)
        for key in old:
            if grace:
                self._revoke_at(key, datetime.now(UTC) + grace)
            else:
                self._revoke(key)
        return made, old

    def revoke(self, name: str) -> list[ApiKey]:
        """End the keys of a name, at once.

        Raises:
            ApiKeyError: no valid key has the name.
        """
        keys = self._require(name)
        for key in keys:
            self._revoke(key)
        return keys

    def _valid(self, name: str) -> list[ApiKey]:
        return [key for key in self._keys() if key.name == name and key.enabled]

    def _require(self, name: str) -> list[ApiKey]:
        keys = self._valid(name)
        if not keys:
            names = ", ".join(sorted({key.name for key in self._keys() if key.enabled})) or "none"
            raise ApiKeyError(f"{self._campaign} has no valid key {name}; valid are: {names}")
        return keys

    def _make(self, name: str) -> ApiKey:
        made = self._client.create_api_key(
            name=key_name(self._campaign, name),
            description=f"Requests of the campaign {self._campaign}",
            enabled=True,
            tags={CAMPAIGN: self._campaign},
        )
        try:
            self._client.create_usage_plan_key(usagePlanId=self._plan, keyId=made["id"], keyType="API_KEY")
        except BaseException:
            # Outside the plan it opens nothing, and nobody would ever find it.
            self._client.delete_api_key(apiKey=made["id"])
            raise
        return self._read(made, value=made["value"])

    def _revoke(self, key: ApiKey) -> None:
        if key.id == self._own:
            # CloudFormation's: deleted, it would be missed by the next deployment.
            self._patch(key, "/enabled", "false")
        else:
            self._client.delete_api_key(apiKey=key.id)

    def _revoke_at(self, key: ApiKey, moment: datetime) -> None:
        if key.revoke_after is not None and key.revoke_after <= moment:
            return  # rotated before: its time is not lengthened
        due = moment.isoformat(timespec="seconds")
        self._patch(key, "/description", f"Requests of the campaign {self._campaign}, revoke after {due}")

    def _patch(self, key: ApiKey, path: str, value: str) -> None:
        operation = {"op": "replace", "path": path, "value": value}
        self._client.update_api_key(apiKey=key.id, patchOperations=[operation])

    def _keys(self) -> Iterator[ApiKey]:
        pages = self._client.get_paginator("get_usage_plan_keys").paginate(usagePlanId=self._plan)
        for key_id in [entry["id"] for page in pages for entry in page["items"]]:
            try:
                found = self._client.get_api_key(apiKey=key_id, includeValue=False)
            except ClientError as error:
                if error.response["Error"]["Code"] != "NotFoundException":  # else revoked meanwhile
                    raise
            else:
                yield self._read(found)

    def _read(self, found: dict[str, Any], value: str | None = None) -> ApiKey:
        due = REVOKE_AFTER.search(found.get("description") or "")
        name = DEFAULT_KEY if found["id"] == self._own else str(found["name"])
        return ApiKey(
            id=found["id"],
            name=name.removeprefix(key_name(self._campaign, "")),
            enabled=bool(found["enabled"]),
            created=found["createdDate"].astimezone(UTC),
            revoke_after=datetime.fromisoformat(due[1]) if due else None,
            value=value,
        )
