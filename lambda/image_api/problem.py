"""Errors as the API answers them: problem details, RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True)
class FieldError:
    """One rule that one part of a request breaks.

    Attributes:
        path: JSON Pointer (RFC 6901) into the body; empty for the body itself.
        rule: the rule's name as in JSON Schema where there is one.
        expected: what would be right, for the person who reads it.
        value: what stood there, or None where it must not be repeated (a prompt) or adds nothing.
    """

    path: str
    rule: str
    expected: str
    value: int | float | bool | str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The error as the API shows it; without a value where none is shown."""
        shown = {"path": self.path, "rule": self.rule, "expected": self.expected}
        return shown if self.value is None else {**shown, "value": self.value}


@dataclass(eq=False)  # not frozen: Python itself sets an exception's traceback
class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """A refusal, raised where it is found and answered by the front-end.

    Attributes:
        status: HTTP status, 4xx or 5xx.
        detail: what is wrong with this request and what would be right; never repeats a prompt.
        errors: every broken rule, where the request was read far enough to know.
        headers: further response headers, such as Allow or Retry-After.
        type: a URI that names the kind of problem where the status does not say it all; it never changes.
        title: that kind in words.
    """

    status: int
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    type: str = "about:blank"
    title: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The document. With type about:blank the status says all there is to it (RFC 9457, 4.2.1)."""
        document: dict[str, Any] = {
            "type": self.type,
            "title": self.title or HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [error.as_dict() for error in self.errors]
        return document
