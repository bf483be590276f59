"""IAM: roles are held to their policies, resource by resource, and what they did is written down.

Held are the sessions of roles: Lambda functions, what SageMaker and Step Functions do in the role that they
were given, and the roles of the CDK's bootstrap, which the CDK CLI assumes. The account's own keys may do
everything. Weighed are identity-based policies (inline and attached), those of buckets, topics, queues, keys
and functions, and those of VPC endpoints, with the conditions that templates here have; whatever can't be
weighed is refused by name. A service that acts as itself needs the leave of the resource's policy.
"""

from __future__ import annotations

from darkroom.sandbox.context import Context
from darkroom.sandbox.iam import enforcement
from darkroom.sandbox.iam.call import Need
from darkroom.sandbox.iam.enforcement import AccessDeniedError, require, running
from darkroom.sandbox.iam.services import require_of_service

__all__ = ["AccessDeniedError", "Need", "install", "require", "require_of_service", "running"]


def install(_context: Context) -> None:
    """Hold the roles of this sandbox to their policies."""
    enforcement.start()
