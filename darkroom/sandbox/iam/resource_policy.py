"""What a resource's policy says of who asks: buckets, topics, queues, keys and functions have one here.

IAM user guide, "Policy evaluation logic"; KMS developer guide, "Key policies in AWS KMS": unlike any other
resource, a key is used by nobody whom its own policy does not name, and the account's policies count only
where the key's names the account.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from moto.awslambda.models import lambda_backends
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from darkroom.sandbox.iam.conditions import Context
from darkroom.sandbox.iam.policy import Grant, Statement, parse_of_resource
from darkroom.sandbox.iam.principal_element import Naming, Requester

_SERVICES = frozenset({"kms", "lambda", "s3", "sns", "sqs"})


@dataclass(frozen=True)
class Used:
    """A grant of a policy that is no role's own, and the statement that it stands in."""

    grant: Grant
    statement: str


@dataclass(frozen=True)
class Said:
    """What a policy says: ``grants`` to who asks, ``handed_over`` to the account that it belongs to."""

    denied: bool = False
    grants: tuple[Used, ...] = ()
    handed_over: tuple[Used, ...] = ()


def said(
    statements: Sequence[Statement], requester: Requester, action: str, resource: str, context: Context
) -> Said:
    """What ``statements`` say to ``requester`` of ``action`` on ``resource``.

    Raises:
        UnknownConditionError: a statement that is about all of them has a condition which can't be weighed.
    """
    by_naming: dict[Naming, list[Used]] = {Naming.ITSELF: [], Naming.ACCOUNT: []}
    for statement in statements:
        naming = statement.principals.naming(requester) if statement.principals else Naming.NOT
        covered = statement.covers(action, resource, context) if naming else ()
        if covered and not statement.allows:
            return Said(denied=True)
        if covered:
            by_naming[naming] += [Used(grant, statement.text) for grant in covered]
    return Said(False, tuple(by_naming[Naming.ITSELF]), tuple(by_naming[Naming.ACCOUNT]))


def weighs_policy(arn: str) -> bool:
    """Whether it is of a kind whose policy is weighed here."""
    return not _SERVICES.isdisjoint(arn.split(":")[2:3])


def statements_of_resource(arn: str) -> tuple[Statement, ...] | None:
    """The policy of the resource that an ARN is of or in; None where it has none, or none is weighed here.

    Raises:
        PolicyError: it can't be read.
    """
    document = _document(arn)
    return parse_of_resource(document) if document else None


def holder_of(arn: str) -> str:
    """The ARN of what holds the policy: an object's bucket, else the resource itself."""
    return arn.partition("/")[0] if arn.startswith("arn:aws:s3:::") else arn


def owner_of(arn: str) -> str | None:
    """The account that a resource belongs to; None where none is known, as of a bucket that is not there."""
    if arn.startswith("arn:aws:s3:::"):
        found = s3_backends.bucket_accounts.get(_bucket(arn))
        return str(found[1]) if found else None
    parts = arn.split(":", 5)
    return (parts[4] or None) if len(parts) == 6 else None


def _document(arn: str) -> str | None:
    """moto's text of the policy."""
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return None
    _, partition, service, region, account, name = parts
    if service == "s3":
        return _of_bucket(_bucket(arn), partition)
    if service not in _SERVICES or not (account and region):
        return None
    if service == "sns":
        topic = sns_backends[account][region].topics.get(arn)
        return topic.policy if topic else None
    if service == "sqs":
        queue = sqs_backends[account][region].queues.get(name)
        return queue.policy if queue else None
    if service == "kms":
        key = kms_backends[account][region].keys.get(name.removeprefix("key/"))
        return key.policy if key else None
    return _of_function(arn, account, region)


def _of_bucket(name: str, partition: str) -> str | None:
    found = s3_backends.bucket_accounts.get(name)
    bucket = s3_backends[found[1]][partition].buckets.get(name) if found else None
    policy = bucket.policy if bucket else None
    return policy.decode() if isinstance(policy, bytes) else policy


def _of_function(arn: str, account: str, region: str) -> str | None:
    # Without moto's get_function, which raises for one that is not there.
    function = lambda_backends[account][region].get_function_by_arn(arn)
    statements = function.policy.statements if function and function.policy else []
    return json.dumps({"Statement": statements}) if statements else None


def _bucket(arn: str) -> str:
    return arn.removeprefix("arn:aws:s3:::").partition("/")[0]
