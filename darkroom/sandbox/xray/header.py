"""X-Amzn-Trace-Id, and the decision whether a trace is kept.

X-Ray developer guide, "Tracing header" and "Configuring sampling rules": the first service that traces a
request decides, by default the first request of each second and 5 percent of the others; everything after it
goes by the header's ``Sampled``.
"""

from __future__ import annotations

import random
import re
import secrets
import threading
import time
from dataclasses import dataclass, replace

_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT = re.compile(r"[0-9a-f]{16}")
_FIXED_RATE = 0.05


@dataclass(frozen=True)
class Trace:
    """A place in a trace; ``parent`` is None at its beginning."""

    root: str
    parent: str | None
    sampled: bool

    @property
    def header(self) -> str:
        """As it is handed on."""
        parent = f"Parent={self.parent};" if self.parent else ""
        return f"Root={self.root};{parent}Sampled={int(self.sampled)}"

    def under(self, segment: str) -> Trace:
        """The same trace, below ``segment``."""
        return replace(self, parent=segment)


class Sampler:
    """X-Ray's default rule, by wall seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._second = 0

    def samples(self) -> bool:
        """Decide about a trace that begins now."""
        with self._lock:
            second, self._second = self._second, int(time.time())
            return self._second != second or random.random() < _FIXED_RATE  # noqa: S311 - not a secret


_sampler = Sampler()


def new_id() -> str:
    """An id for a segment."""
    return secrets.token_hex(8)


def arrive(header: str | None, *, active: bool) -> Trace:
    """The trace of what has come with ``header``, at a service that traces (``active``) or only passes on."""
    fields = dict(part.strip().partition("=")[::2] for part in (header or "").split(";"))
    root, parent = fields.get("Root", ""), fields.get("Parent", "")
    if _ROOT.fullmatch(root) is None:
        root, parent = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}", ""
    decided = {"1": True, "0": False}.get(fields.get("Sampled", ""))
    sampled = decided if decided is not None else active and _sampler.samples()
    return Trace(root, parent if _PARENT.fullmatch(parent) else None, sampled)
