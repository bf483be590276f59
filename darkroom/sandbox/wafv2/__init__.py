"""AWS WAF: web ACLs before the stages of REST APIs. Rates are played; AWS's managed rules are private."""

from __future__ import annotations

from darkroom.sandbox.context import Context
from darkroom.sandbox.wafv2 import resources
from darkroom.sandbox.wafv2.firewall import Blocked, Firewall

__all__ = ["Blocked", "Firewall", "install", "resources"]


def install(context: Context) -> None:
    """Nothing to start: the gateway asks its :class:`Firewall`, and the types register themselves."""
