"""From a path and a method to an operation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar
from urllib.parse import unquote

Target = TypeVar("Target")

ANY = "ANY"


class Routes(Generic[Target]):
    """Resource paths such as ``/v1/images/{id}`` and ``/{proxy+}``; a literal part goes before a variable."""

    def __init__(self, routes: Iterable[tuple[str, str, Target]]) -> None:
        methods: dict[tuple[str, ...], dict[str, Target]] = {}
        for path, method, target in routes:
            methods.setdefault(tuple(path.split("/")[1:]), {})[method] = target
        self._resources = sorted(methods.items(), key=lambda entry: [_rank(part) for part in entry[0]])

    def match(self, method: str, path: str) -> tuple[Target, dict[str, str]] | None:
        """The target of a request and its decoded path parameters; None when there is none.

        ``path`` is as it was sent, percent-encoded: an encoded slash is no separator.
        """
        parts = path.split("/")[1:]
        for resource, methods in self._resources:
            parameters = _match(resource, parts)
            if parameters is not None:
                target = methods.get(method, methods.get(ANY))
                return None if target is None else (target, parameters)
        return None


def _rank(part: str) -> int:
    if not part.startswith("{"):
        return 0
    return 2 if part.endswith("+}") else 1


def _match(resource: tuple[str, ...], parts: list[str]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for index, expected in enumerate(resource):
        if index >= len(parts):
            return None
        rank = _rank(expected)
        if rank == 2:
            parameters[expected[1:-2]] = unquote("/".join(parts[index:]))
            return parameters if parts[index] else None
        if rank == 1 and parts[index]:
            parameters[expected[1:-1]] = unquote(parts[index])
        elif unquote(parts[index]) != expected:
            return None
    return parameters if len(parts) == len(resource) else None
