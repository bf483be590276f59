"""Rekognition's DetectModerationLabels, by a stand-in that knows colours.

There is no vision model here. The picture is read from S3 and checked as Rekognition checks it; what is seen
in it is told beforehand, by ``PUT /_darkroom/moderation``: labels for a colour.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from moto.rekognition import urls

from darkroom.sandbox.context import Context
from darkroom.sandbox.rekognition.api import RekognitionApi
from darkroom.sandbox.rekognition.sight import sight

_REASONS = {200: "OK", 400: "Bad Request", 405: "Method Not Allowed"}


def install(context: Context) -> None:
    """Play DetectModerationLabels in ``context``, and nothing else of Rekognition."""
    sight.forget()
    urls.url_paths.update(dict.fromkeys(urls.url_paths, RekognitionApi.dispatch))
    context.mount("/_darkroom/moderation", _admin)


def _admin(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """GET and PUT ``/_darkroom/moderation``."""
    status, answer = _answer(environ)
    start_response(f"{status} {_REASONS[status]}", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


def _answer(environ: dict[str, Any]) -> tuple[int, Any]:
    method = environ["REQUEST_METHOD"]
    if method == "GET":
        return 200, sight.as_dict()
    if method != "PUT":
        return 405, {"error": f"{method} is not allowed; GET and PUT are"}
    try:
        given = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        sight.learn(given)
    except ValueError as error:
        return 400, {"error": str(error)}
    return 200, sight.as_dict()
