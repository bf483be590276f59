"""Who asked, once it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Caller:
    """The caller of a request, as the function and the access log see it.

    Attributes:
        identity: fields of ``requestContext.identity``.
        claims: those of the caller's token; empty without one.
    """

    identity: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """The context variables that access logs may name."""
        return {
            **{f"context.identity.{name}": value for name, value in self.identity.items()},
            **{f"context.authorizer.claims.{name}": str(value) for name, value in self.claims.items()},
        }
