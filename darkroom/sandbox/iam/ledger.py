"""What each role did and tried: the permissions really exercised."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any

from darkroom.sandbox.iam.policy import Decision

_MOST_DENIED = 1000


@dataclass
class _Entry:
    """A grant of a role that was used, or what it was denied.

    Attributes:
        action, pattern: as the policy has them; of a denial the action that was tried, and None.
        resource: the first that it was done on.
    """

    role: str
    action: str
    pattern: str | None
    resource: str
    allowed: bool
    count: int = 0


class Ledger:
    """By grant and not by resource, so that it grows with the policies and not with the requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str, str], _Entry] = {}
        self._denied: dict[tuple[str, str, str], _Entry] = {}

    def note(self, role: str, action: str, resource: str, decision: Decision) -> None:
        """Count one decision on what the role (an ARN) asked for."""
        with self._lock:
            for grant in decision.grants:
                entry = _Entry(role, grant.action, grant.resource, resource, True)
                self._used.setdefault((role, grant.action, grant.resource), entry).count += 1
            denied = (role, action, resource)
            if not decision.allowed and (denied in self._denied or len(self._denied) < _MOST_DENIED):
                self._denied.setdefault(denied, _Entry(role, action, None, resource, False)).count += 1

    def entries(self) -> list[dict[str, Any]]:
        """The grants that were used and what was denied: ``role``, ``action``, ``pattern``, ``resource``,
        ``allowed``, ``count``."""
        with self._lock:
            return [asdict(entry) for entry in (*self._used.values(), *self._denied.values())]
