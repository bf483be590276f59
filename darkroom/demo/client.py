"""A client of the image API, as anybody with a URL and a key would write it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What the API answered: HTTP status, headers (lower-case names) and the decoded JSON body."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]


class ImageApi:
    """The HTTP API of one deployed campaign.

    Args:
        url: the stack output ApiUrl, with or without its trailing slash.
        key: the value of an API key of the campaign's usage plan.
    """

    def __init__(self, url: str, key: str, *, timeout_seconds: float = 60.0) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._timeout = timeout_seconds

    def ask(self, request: Mapping[str, Any]) -> Answer:
        """POST /v1/images."""
        return self._send("POST", "/v1/images", json.dumps(request).encode())

    def job(self, job_id: str) -> Answer:
        """GET /v1/images/{id}."""
        return self._send("GET", f"/v1/images/{job_id}")

    def wait(self, job_id: str, *, deadline_seconds: float, poll_seconds: float = 0.5) -> Answer:
        """Poll the job until it is done or failed.

        Raises:
            TimeoutError: it was neither within ``deadline_seconds``.
        """
        end = time.monotonic() + deadline_seconds
        while True:
            answer = self.job(job_id)
            if answer.body.get("status") in {"done", "failed"}:
                return answer
            if time.monotonic() >= end:
                raise TimeoutError(f"job {job_id} was {answer.body} after {deadline_seconds:.0f} seconds")
            time.sleep(poll_seconds)

    def _send(self, method: str, path: str, body: bytes | None = None) -> Answer:
        headers = {"x-api-key": self._key, "accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        request = urllib.request.Request(self._url + path, body, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310
                return _answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return _answer(refusal.code, refusal.headers, refusal.read())


def download(url: str, *, timeout_seconds: float = 60.0) -> bytes:
    """The bytes behind a picture's link."""
    with urllib.request.urlopen(url, timeout=timeout_seconds) as response:  # noqa: S310
        content: bytes = response.read()
        return content


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    return Answer(status, {name.lower(): value for name, value in headers.items()}, json.loads(body or b"{}"))
