"""What each role did and tried: the permissions really exercised."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from darkroom.sandbox.iam.policy import Grant
from darkroom.sandbox.iam.resource_policy import Used

_MOST_DENIED = 1000


@dataclass
class _Entry:
    """A grant that was used, or what somebody was denied.

    Attributes:
        role: the role's ARN, or the service that acted as itself.
        action, pattern: as the policy has them; of a denial the action that was tried, and None.
        resource: the first that it was done on.
        policy, statement: whose policy it stands in, a resource's (its ARN) or a VPC endpoint's (its id), and
            the statement; None in the role's own policies.
    """

    role: str
    action: str
    pattern: str | None
    resource: str
    allowed: bool
    policy: str | None = None
    statement: str | None = None
    count: int = 0


class Ledger:
    """By grant and not by resource, so that it grows with the policies and not with the requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[tuple[str, ...], _Entry] = {}
        self._denied: dict[tuple[str, str, str], _Entry] = {}

    def note(self, role: str, resource: str, grants: Iterable[Grant]) -> None:
        """Count what the role's own policies allowed it."""
        with self._lock:
            for grant in grants:
                entry = _Entry(role, grant.action, grant.resource, resource, True)
                self._used.setdefault((role, grant.action, grant.resource), entry).count += 1

    def note_of(self, policy: str, who: str, resource: str, grants: Iterable[Used]) -> None:
        """Count what another policy allowed."""
        with self._lock:
            for used in grants:
                action, pattern = used.grant.action, used.grant.resource
                entry = _Entry(who, action, pattern, resource, True, policy, used.statement)
                key = (policy, who, used.statement, action, pattern)
                self._used.setdefault(key, entry).count += 1

    def note_denied(self, who: str, action: str, resource: str) -> None:
        """Count what was denied."""
        with self._lock:
            denied = (who, action, resource)
            if denied in self._denied or len(self._denied) < _MOST_DENIED:
                self._denied.setdefault(denied, _Entry(who, action, None, resource, False)).count += 1

    def entries(self) -> list[dict[str, Any]]:
        """The grants that were used and what was denied, as the attributes above say, with ``count``."""
        with self._lock:
            return [asdict(entry) for entry in (*self._used.values(), *self._denied.values())]
