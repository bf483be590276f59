"""S3: buckets whose policies are weighed where moto's reading of them stops a usual template."""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3 import models

from darkroom.sandbox.context import Context
from darkroom.sandbox.iam.principal_element import principals_of


def install(_context: Context) -> None:
    """Let moto's S3 make these buckets; call it before the first one is made."""
    models.FakeBucket = Bucket  # type: ignore[misc]


class Bucket(models.FakeBucket):
    """A bucket of whose policy moto weighs what is about everybody and always so.

    moto leaves out the condition and keeps the statement: the usual "deny what does not come by
    TLS" denies every request then. It leaves out the principals, too: what is about one role is
    then about all. Roles are held to the whole policy at the front door (darkroom/sandbox/iam/).
    """

    @staticmethod
    def _log_permissions_enabled_policy(target_bucket: models.FakeBucket, target_prefix: str | None) -> bool:
        """Whether access logs may be directed to ``target_bucket``.

        With ACLs off, which is every new bucket's default, S3 does not weigh the target's policy
        when logging is set, only when it delivers: the CDK makes that policy after the buckets
        that log to it.
        """
        rule = target_bucket.ownership_rule
        if rule is None or "BucketOwnerEnforced" in json.dumps(rule):
            return True
        return models.FakeBucket._log_permissions_enabled_policy(target_bucket, target_prefix)

    def get_permission(self, action: str, resource: str) -> Any:
        """What the policy says of ``action`` on ``resource``."""
        if self.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(self.policy)
        statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        plain = [one for one in statements if "Condition" not in one and _is_about_everybody(one)]
        if not plain:
            return PermissionResult.NEUTRAL
        return IAMPolicy(json.dumps({**policy, "Statement": plain})).is_action_permitted(action, resource)


def _is_about_everybody(statement: dict[str, Any]) -> bool:
    try:
        return principals_of(statement.get("Principal")).everyone
    except ValueError:
        return False
