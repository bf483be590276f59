"""API keys of a deployed campaign, made, rotated and revoked by darkroom keys."""

from __future__ import annotations

import pytest

from darkroom.demo.client import ImageApi
from tests.e2e.darkroom_command import darkroom
from tests.e2e.deployment import Deployment

pytestmark = pytest.mark.e2e

REQUEST = {"prompt": "a key of a piano"}


def test_a_key_is_good_from_its_making_until_it_is_rotated_or_revoked(demo: Deployment) -> None:
    asked = demo.api.ask(REQUEST)
    assert demo.api.wait(asked.body["id"], deadline_seconds=90).body["status"] == "done"
    made = _keys(demo, "create", "shop")
    assert ImageApi(demo.url, made).ask(REQUEST).body["cache"] == "hit"
    rotated = _keys(demo, "rotate", "shop", "--grace", "0s")
    assert ImageApi(demo.url, made).ask(REQUEST).status == 403
    assert ImageApi(demo.url, rotated).ask(REQUEST).body["cache"] == "hit"
    assert "shop" in _keys(demo, "list")
    _keys(demo, "revoke", "shop")
    assert ImageApi(demo.url, rotated).ask(REQUEST).status == 403
    assert "shop" not in _keys(demo, "list")


def _keys(demo: Deployment, command: str, *arguments: str) -> str:
    """Run ``darkroom keys``; what it printed on stdout."""
    done = darkroom(demo.sandbox, "keys", command, demo.name, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
