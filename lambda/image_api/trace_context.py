"""X-Ray's trace header: which trace a thing belongs to, under which span, and whether it is kept.

Source: X-Ray developer guide, "Tracing header":
``Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ROOT = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})")
_PARENT = re.compile(r"[0-9a-f]{16}")
_LONGEST = 512


@dataclass(frozen=True)
class TraceContext:
    """A place in a trace.

    Attributes:
        root: the trace's id as X-Ray writes it, ``1-<8 hex>-<24 hex>``.
        parent: id of the span that what comes next is part of, 16 hex digits.
        sampled: whether the trace is kept; decided once, where the request came in.
    """

    root: str
    parent: str
    sampled: bool

    @property
    def trace_id(self) -> int:
        """The id as OpenTelemetry has it: the same 128 bits."""
        return int(self.root[2:].replace("-", ""), 16)

    @property
    def header(self) -> str:
        """As X-Amzn-Trace-Id says it."""
        return f"Root={self.root};Parent={self.parent};Sampled={int(self.sampled)}"


def parse(header: str | None) -> TraceContext | None:
    """Read a header; None for one that names no trace and no span. What else it holds is passed over."""
    if not header or len(header) > _LONGEST:
        return None
    fields = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    root, parent = fields.get("Root", ""), fields.get("Parent", "")
    if _ROOT.fullmatch(root) is None or _PARENT.fullmatch(parent) is None:
        return None
    return TraceContext(root, parent, fields.get("Sampled") == "1")


def root_of(trace_id: int) -> str:
    """An OpenTelemetry trace id as X-Ray writes it."""
    digits = f"{trace_id:032x}"
    return f"1-{digits[:8]}-{digits[8:]}"
