"""What time it is where the campaign runs: a local AWS has a clock of its own."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any
from urllib.parse import urlsplit


def service_now(session: Any) -> float:
    """Seconds since the epoch by the clock that metrics and schedules of ``session``'s AWS go by."""
    endpoint = str(session.client("cloudwatch").meta.endpoint_url)
    if urlsplit(endpoint).hostname != "localhost":
        return time.time()
    try:
        with urllib.request.urlopen(f"{endpoint}/_darkroom/clock", timeout=10) as answer:  # noqa: S310
            return float(json.load(answer)["now"])
    except (OSError, ValueError, KeyError, TypeError):
        return time.time()  # another local AWS than ours
