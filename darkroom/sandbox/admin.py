"""``/_darkroom/``: the sandbox about itself. The paths are in docs/architecture.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from darkroom.sandbox import iam, inventory, sns
from darkroom.sandbox.context import Context

Answer = tuple[int, Any]
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}


def install(context: Context) -> None:
    """Mount the admin API in ``context``."""
    context.mount("/_darkroom/", _Admin(context))


class _Admin:
    """The WSGI app."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._routes: dict[str, dict[str, Callable[..., Any]]] = {
            "health": {"GET": lambda: {"status": "up"}},
            "clock": {"GET": self._clock, "PUT": self._set_clock},
            "faults": {"GET": context.faults.as_dict, "PUT": self._set_faults},
            "notifications": {"GET": sns.published},
            "permissions": {"GET": iam.running().ledger.entries},
            "resources": {"GET": inventory.resources},
        }

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        status, answer = self._answer(environ)
        headers = [("Content-Type", "application/json")]
        start_response(f"{status} {_REASONS[status]}", headers)
        return [json.dumps(answer).encode()]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        name, method = environ["PATH_INFO"].removeprefix("/_darkroom/"), environ["REQUEST_METHOD"]
        if name not in self._routes:
            return 404, {"error": f"no such path; there are {sorted(self._routes)}"}
        if method not in self._routes[name]:
            return 405, {"error": f"{method} is not allowed; {sorted(self._routes[name])} are"}
        call = self._routes[name][method]
        if method == "GET":
            return 200, call()
        try:
            given = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
            if not isinstance(given, dict):
                raise ValueError("give a JSON object")
            return 200, call(given)
        except ValueError as error:
            return 400, {"error": str(error)}

    def _clock(self) -> dict[str, float]:
        return {"now": self._context.clock.now(), "speed": self._context.clock.speed}

    def _set_clock(self, given: dict[str, Any]) -> dict[str, float]:
        if given.keys() != {"speed"} or not _is_number(given["speed"]):
            raise ValueError('give {"speed": sandbox seconds a wall second}; time itself can\'t be set')
        self._context.clock.speed = float(given["speed"])
        return self._clock()

    def _set_faults(self, given: dict[str, Any]) -> dict[str, Any]:
        self._context.faults.order(given)
        return self._context.faults.as_dict()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
