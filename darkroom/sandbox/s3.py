"""S3: bucket policies whose conditional statements don't apply to everything."""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3 import models

from darkroom.sandbox.context import Context


def install(_context: Context) -> None:
    """Let moto's S3 make these buckets; call it before the first one is made."""
    models.FakeBucket = Bucket  # type: ignore[misc]


class Bucket(models.FakeBucket):
    """A bucket whose policy's statements with a condition are left out.

    moto leaves out the condition and keeps the statement: the usual "deny what does not come by
    TLS" denies every request then. The sandbox's requests stand for requests by TLS.
    """

    def get_permission(self, action: str, resource: str) -> Any:
        """What the policy says of ``action`` on ``resource``."""
        if self.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(self.policy)
        statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        plain = [statement for statement in statements if "Condition" not in statement]
        if not plain:
            return PermissionResult.NEUTRAL
        return IAMPolicy({**policy, "Statement": plain}).is_action_permitted(action, resource)
