"""IAM: roles are held to their policies, resource by resource, and what they did is written down.

Held are the sessions of roles: Lambda functions, what SageMaker and Step Functions do in the role that they
were given, and the roles of the CDK's bootstrap, which the CDK CLI assumes. The account's own keys may do
everything. Weighed are identity-based policies (inline and attached), with the conditions that templates here
have; whatever can't be weighed is refused by name. Resource-based policies are not: their statements here let
services in, or deny what does not come by TLS.
"""

from __future__ import annotations

from darkroom.sandbox.context import Context
from darkroom.sandbox.iam import enforcement
from darkroom.sandbox.iam.call import Need
from darkroom.sandbox.iam.enforcement import AccessDeniedError, require, running

__all__ = ["AccessDeniedError", "Need", "install", "require", "running"]


def install(_context: Context) -> None:
    """Hold the roles of this sandbox to their policies."""
    enforcement.start()
